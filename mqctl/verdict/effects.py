"""What the faults did to the system, as observed: evidence that something was survived at all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from mqctl.model import history
from mqctl.model.history import History
from mqctl.model.verdict import Effects

Moments = dict[str, float | None]
"""By queue, for those that the fault concerns: when it happened, None: it did not."""


def see(recorded: History) -> Effects:
    """Times in seconds from the injection; of several faults the worst. None or 0 when none was injected."""
    events = recorded.events
    holders = [event for event in events if isinstance(event, history.HoldersSeen)]
    windows = tuple(_windows(events))
    last = holders[-1].holders if holders else ()
    if not windows:
        return Effects(holders=last)
    begin, end = windows[0].fault.t, max(window.healed for window in windows)
    return Effects(
        fault=", ".join(dict.fromkeys(window.fault.fault for window in windows)),
        host=", ".join(dict.fromkeys(window.fault.host for window in windows)),
        evidence=_evidence(events, windows),
        confirmed_before=_confirmed(event for event in events if event.t < begin),
        published_during=min(_published(events, window) for window in windows),
        confirmed_after=_confirmed(event for event in events if event.t >= end),
        holder_moved=_worst(window.since(_holder_moved(holders, window)) for window in windows),
        leader_moved=_each(windows, lambda window: _leader_moves(events, window)),
        leader_confirmed=_each(windows, lambda window: _leader_confirms(recorded, window)),
        node_gone=_worst(window.since(_absence(events, window.fault)[0]) for window in windows),
        node_back=_worst(window.since(_absence(events, window.fault)[1]) for window in windows),
        in_sync=_each(windows, lambda window: _syncs(events, window)),
        holders=last,
        several_holders=_several(holders, events[-1].t),
    )


class Window:
    """One fault on one host, from its injection to its healing and on to the next fault."""

    def __init__(self, fault: history.FaultInjected, healed: float, until: float) -> None:
        self.fault = fault
        self.healed = healed
        """When it was healed; infinity: never."""
        self.until = until
        """When the next fault begins that is not at the same time; infinity: none does."""

    def since(self, t: float | None) -> float | None:
        """Seconds from the injection."""
        return None if t is None else round(t - self.fault.t, 3)


def _windows(events: Sequence[history.Event]) -> Iterable[Window]:
    faults = [event for event in events if isinstance(event, history.FaultInjected)]
    for fault in faults:
        healed = next(
            (
                e.t
                for e in events
                if isinstance(e, history.FaultHealed) and _same(e, fault) and e.t >= fault.t
            ),
            float("inf"),
        )
        until = next((other.t for other in faults if other.t > healed), float("inf"))
        yield Window(fault, healed, until)


def _same(event: history.FaultHealed | history.FaultObserved, fault: history.FaultInjected) -> bool:
    return (event.fault, event.host) == (fault.fault, fault.host)


def _evidence(events: Sequence[history.Event], windows: Sequence[Window]) -> str | None:
    """Of every fault, or it is none."""
    found = [
        next(
            (
                e.evidence
                for e in events
                if isinstance(e, history.FaultObserved)
                and _same(e, window.fault)
                and window.fault.t <= e.t < window.until
            ),
            None,
        )
        for window in windows
    ]
    return None if None in found else "; ".join(text for text in found if text)


def _each(windows: Sequence[Window], moments: Callable[[Window], Moments]) -> float | None:
    """The longest over all queues and faults; None when it concerns no queue, or did not happen to one."""
    times = [window.since(t) for window in windows for t in moments(window).values()]
    return None if None in times else _worst(times)


def _worst(times: Iterable[float | None]) -> float | None:
    """The longest; a fault to which it did not happen does not count."""
    return max((t for t in times if t is not None), default=None)


def _confirmed(events: Iterable[history.Event]) -> int:
    return sum(event.last - event.first + 1 for event in events if isinstance(event, history.Confirmed))


def _published(events: Iterable[history.Event], window: Window) -> int:
    return sum(
        event.count
        for event in events
        if isinstance(event, history.Published) and window.fault.t <= event.t < window.healed
    )


def _holder_moved(looks: Sequence[history.HoldersSeen], window: Window) -> float | None:
    """The first look after the fault in which only other routers than before carry the VIP.

    None unless the broken host had it: when it moves for another reason, that took no time since this fault.
    """
    before: set[str] = set()
    for look in looks:
        if look.t < window.fault.t:
            # a look that began before the fault may have ended within it, and found nobody
            before = set(look.holders) or before
        elif look.t >= window.until or window.fault.host not in before:
            return None
        elif look.holders and before.isdisjoint(look.holders):
            return look.t
    return None


def _leader_moves(events: Iterable[history.Event], window: Window) -> Moments:
    """For each queue that the broken host led: when another leader was seen."""
    led: dict[str, str] = {}
    moved: dict[str, float] = {}
    for event in events:
        if not isinstance(event, history.QueueSeen) or event.leader is None or event.t >= window.until:
            continue
        if event.t < window.fault.t:
            led[event.queue] = event.leader
        elif led.get(event.queue) == window.fault.host != event.leader:
            moved.setdefault(event.queue, event.t)
    return {queue: moved.get(queue) for queue, leader in led.items() if leader == window.fault.host}


def _leader_confirms(recorded: History, window: Window) -> Moments:
    """For each such queue: when its new leader had confirmed something published after it was seen."""
    moves = _leader_moves(recorded.events, window)
    started = next((event for event in recorded.events if isinstance(event, history.Started)), None)
    routes = started.routes if started else {}
    return {
        queue: None if moved is None else _first_confirm(recorded.events, moved, queue, routes)
        for queue, moved in moves.items()
    }


def _first_confirm(
    events: Iterable[history.Event], moved: float, queue: str, routes: history.Routes
) -> float | None:
    fresh: dict[tuple[str, int], int] = {}
    for event in events:
        if event.t < moved or not isinstance(event, history.Published | history.Confirmed):
            continue
        if queue not in routes.get(event.client, (queue,)):
            continue
        channel = (event.client, event.epoch)
        if isinstance(event, history.Published):
            fresh.setdefault(channel, event.tag)
        elif channel in fresh and event.last >= fresh[channel]:
            return event.t
    return None


def _syncs(events: Iterable[history.Event], window: Window) -> Moments:
    """For each queue that lost copies: when as many were in sync as before."""
    before: dict[str, int] = {}
    short: dict[str, float | None] = {}
    for event in events:
        if not isinstance(event, history.QueueSeen) or event.t >= window.until:
            continue
        copies = len({event.leader, *event.synchronised} - {None})
        if event.t < window.fault.t:
            before[event.queue] = copies
        elif copies < before.get(event.queue, 0):
            short[event.queue] = None
        elif event.queue in short and short[event.queue] is None:
            short[event.queue] = event.t
    return short


def _absence(
    events: Iterable[history.Event], fault: history.FaultInjected
) -> tuple[float | None, float | None]:
    """When the host was first seen missing after the fault, and first seen again after that."""
    gone: float | None = None
    for event in events:
        present = _present(event, fault.host)
        if event.t < fault.t or present is None:
            continue
        if gone is None and not present:
            gone = event.t
        elif gone is not None and present:
            return gone, event.t
    return gone, None


def _present(event: history.Event, host: str) -> bool | None:
    if isinstance(event, history.NodesSeen) and (host in event.running or host in event.stopped):
        return host in event.running
    if isinstance(event, history.HoldersSeen) and host in event.routers:
        return host not in event.silent
    return None


def _several(looks: Sequence[history.HoldersSeen], end: float) -> float:
    ends = [look.t for look in looks[1:]] + [end]
    spells = [until - look.t for look, until in zip(looks, ends, strict=False) if len(look.holders) > 1]
    return round(max(spells, default=0), 3)
