"""Messages that another broker must have, too: delivered while the one that took them is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mqctl.model import history
from mqctl.model.gate import GateResult
from mqctl.model.history import Event, History

GATE = "fault.backlog"
_EXPECTED = "every message confirmed before the fault is delivered before it is healed"
Copy = tuple[str, int, int]
"""Publisher, epoch, tag."""


def judge(recorded: History, host: str) -> Iterator[GateResult]:
    """One result: how many of the copies that were stored before came from somebody else meanwhile."""
    fault = next((event for event in recorded.events if isinstance(event, history.FaultInjected)), None)
    healed = next((event for event in recorded.events if isinstance(event, history.FaultHealed)), None)
    subject = host or "fault"
    if fault is None or healed is None:
        got = "nobody saw it from its beginning to its end"
        yield GateResult(gate=GATE, subject=subject, outcome="unknown", expected=_EXPECTED, got=got)
        return
    stored = set(_stored(recorded.events, fault.t))
    early = stored & set(_delivered(recorded.events, float("-inf"), fault.t))
    waiting = stored - early
    came = waiting & set(_delivered(recorded.events, fault.t, healed.t))
    got = f"{len(came)} of {len(waiting)} delivered within {healed.t - fault.t:.1f} s"
    good = "pass" if came == waiting else "fail"
    outcome = good if waiting else "unknown"
    got = got if waiting else "no message waited when the fault came"
    yield GateResult.model_validate(
        {"gate": GATE, "subject": subject, "outcome": outcome, "expected": _EXPECTED, "got": got}
    )


def _stored(events: Sequence[Event], until: float) -> Iterator[Copy]:
    """A returned message is confirmed too, and stored nowhere (RabbitMQ guide "Publisher Confirms")."""
    returned = {(e.client, e.epoch, e.tag) for e in events if isinstance(e, history.Returned)}
    for event in events:
        if isinstance(event, history.Confirmed) and event.t < until:
            copies = ((event.client, event.epoch, tag) for tag in range(event.first, event.last + 1))
            yield from (copy for copy in copies if copy not in returned)


def _delivered(events: Iterable[Event], begin: float, end: float) -> Iterator[Copy]:
    for event in events:
        if isinstance(event, history.Delivered) and begin <= event.t < end:
            for span in event.spans:
                yield from (
                    (span.publisher, span.epoch, tag) for tag in range(span.tag, span.tag + span.length)
                )
