"""Publishing that is expected to stop: nothing may be stored as long as the fault lasts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mqctl.model import history
from mqctl.model.gate import GateResult
from mqctl.model.history import Event, History

GATE = "fault.stops"
_EXPECTED = "nothing confirmed as stored while it lasts: the queue is where its broker is, and nowhere else"
Span = tuple[float, float]
"""From when a fault was seen until it was healed, in seconds of the history's clock."""


def judge(recorded: History, host: str) -> Iterator[GateResult]:
    """One result: what was stored meanwhile, for how long nothing was, and how clients came to know."""
    spans = tuple(_spans(recorded.events))
    if not spans:
        got = "nobody saw it from its beginning to its end"
        yield GateResult(gate=GATE, subject=host or "fault", outcome="unknown", expected=_EXPECTED, got=got)
        return
    inside = [event for event in recorded.events if any(begin <= event.t < end for begin, end in spans)]
    stored = _stored(recorded.events, inside)
    seconds = sum(end - begin for begin, end in spans)
    got = f"{stored} confirmed" if stored else f"nothing for {seconds:.1f} s; clients saw {_told(inside)}"
    yield GateResult(
        gate=GATE, subject=host, outcome="fail" if stored else "pass", expected=_EXPECTED, got=got
    )


def _spans(events: Sequence[Event]) -> Iterator[Span]:
    for seen in events:
        if not isinstance(seen, history.FaultObserved):
            continue
        ends = (
            event.t
            for event in events
            if isinstance(event, history.FaultHealed)
            and (event.fault, event.host) == (seen.fault, seen.host)
            and event.t >= seen.t
        )
        end = next(ends, None)
        if end is not None:
            yield seen.t, end


def _stored(events: Sequence[Event], inside: Sequence[Event]) -> int:
    """A returned message is confirmed too, and stored nowhere (RabbitMQ guide "Publisher Confirms")."""
    returned = {(e.client, e.epoch, e.tag) for e in events if isinstance(e, history.Returned)}
    return sum(
        (event.client, event.epoch, tag) not in returned
        for event in inside
        if isinstance(event, history.Confirmed)
        for tag in range(event.first, event.last + 1)
    )


def _told(inside: Sequence[Event]) -> str:
    counts = {
        "messages come back": sum(isinstance(event, history.Returned) for event in inside),
        "messages refused": sum(e.last - e.first + 1 for e in inside if isinstance(e, history.Nacked)),
        "connections end or fail": sum(isinstance(event, history.Disconnected) for event in inside),
    }
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "nothing at all"
