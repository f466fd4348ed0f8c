"""Who was what over time: the VIP's holder, the queues' leaders and mirrors, hosts, clients."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mqctl.model import history
from mqctl.model.history import Event
from mqctl.model.timeline import Lane, Spell, State

Look = tuple[float, State, str]
"""(time, state, label) as of then."""
_QUEUES = 4
"""Queues that get lanes of their own; more of them would hide the rest."""


def all_of(events: Sequence[Event], end: float) -> tuple[Lane, ...]:
    """The lanes that this history has anything to say about."""
    made = [
        _lane("VIP holder", _holder(events), end),
        *_queue_lanes(events, end),
        *(_lane(f"node {name}", _node(events, name), end) for name in _nodes(events)),
        *(_lane(f"router {name}", _router(events, name), end) for name in _routers(events)),
        _lane("publishers", _clients(events, "publisher"), end),
        _lane("consumers", _clients(events, "consumer"), end),
        _lane("blocked by alarm", _blocked(events), end),
    ]
    return tuple(lane for lane in made if lane.spells)


def short(queue: str) -> str:
    """The last part of a test queue's name: its number."""
    return queue.rpartition(".")[2] or queue


def _lane(name: str, looks: Iterable[Look], end: float) -> Lane:
    """Equal neighbours become one spell."""
    spells: list[Spell] = []
    for t, state, label in looks:
        if spells and (spells[-1].state, spells[-1].label) == (state, label):
            continue
        if spells:
            spells[-1] = spells[-1].model_copy(update={"end": t})
        spells.append(Spell(start=t, end=end, state=state, label=label))
    return Lane(name=name, spells=tuple(spell for spell in spells if spell.end > spell.start))


def _holder(events: Iterable[Event]) -> Iterable[Look]:
    first: tuple[str, ...] = ()
    for event in events:
        if not isinstance(event, history.HoldersSeen):
            continue
        first = first or event.holders
        if len(event.holders) > 1:
            yield event.t, "conflict", " + ".join(event.holders)
        elif event.holders:
            yield event.t, "good" if event.holders == first else "moved", event.holders[0]
        else:
            yield event.t, "down", "nobody"


def _queue_lanes(events: Sequence[Event], end: float) -> list[Lane]:
    seen = sorted({event.queue for event in events if isinstance(event, history.QueueSeen)})
    made: list[Lane] = []
    for queue in seen[:_QUEUES]:
        looks = [e for e in events if isinstance(e, history.QueueSeen) and e.queue == queue]
        suffix = f" {short(queue)}" if len(seen) > 1 else ""
        made.append(_lane(f"queue leader{suffix}", _leader(looks), end))
        made.append(_lane(f"mirrors in sync{suffix}", _mirrors(looks), end))
    return made


def _leader(looks: Iterable[history.QueueSeen]) -> Iterable[Look]:
    first = ""
    for look in looks:
        first = first or look.leader or ""
        if look.leader is None:
            yield look.t, "down", "no leader"
        else:
            yield look.t, "good" if look.leader == first else "moved", look.leader


def _mirrors(looks: Sequence[history.QueueSeen]) -> Iterable[Look]:
    """Measured against the most mirrors that the queue ever had; nothing for a queue without any."""
    most = max((len(look.mirrors) for look in looks), default=0)
    for look in looks if most else ():
        now = len(look.synchronised)
        state: State = "good" if now == most else "degraded" if now else "down"
        yield look.t, state, f"{now} of {most}"


def _nodes(events: Iterable[Event]) -> list[str]:
    looks = [event for event in events if isinstance(event, history.NodesSeen)]
    return sorted({name for look in looks for name in (*look.running, *look.stopped)})


def _node(events: Iterable[Event], name: str) -> Iterable[Look]:
    for event in events:
        if isinstance(event, history.NodesSeen):
            if name in event.running:
                yield event.t, "good", "running"
            elif name in event.stopped:
                yield event.t, "down", "stopped"
            else:
                yield event.t, "unknown", "not seen"


def _routers(events: Iterable[Event]) -> list[str]:
    return sorted(
        {name for event in events if isinstance(event, history.HoldersSeen) for name in event.routers}
    )


def _router(events: Iterable[Event], name: str) -> Iterable[Look]:
    for event in events:
        if isinstance(event, history.HoldersSeen) and name in event.routers:
            silent = name in event.silent
            yield event.t, "down" if silent else "good", "no answer" if silent else "answers"


def _clients(events: Sequence[Event], kind: str) -> Iterable[Look]:
    """How many of them have a channel."""
    started = next((event for event in events if isinstance(event, history.Started)), None)
    names = (started.publishers if kind == "publisher" else started.consumers) if started else ()
    connected: set[str] = set()
    finished: set[str] = set()
    for event in events:
        match event:
            case history.Connected() if event.client in names:
                connected.add(event.client)
            case history.Disconnected() if event.client in names:
                connected.discard(event.client)
            case history.Finished() if event.client in names:
                connected.discard(event.client)
                finished.add(event.client)
            case _:
                continue
        yield event.t, *_share(len(connected), len(names) - len(finished))


def _share(connected: int, of: int) -> tuple[State, str]:
    if not of:
        return "unknown", "finished"
    state: State = "good" if connected >= of else "degraded" if connected else "down"
    return state, f"{connected} of {of} connected"


def _blocked(events: Iterable[Event]) -> Iterable[Look]:
    blocked: set[str] = set()
    for event in events:
        if isinstance(event, history.Blocked):
            (blocked.add if event.blocked else blocked.discard)(event.client)
            many = f"{len(blocked)} blocked"
            yield event.t, "degraded" if blocked else "good", many if blocked else "not blocked"
