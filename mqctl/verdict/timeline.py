"""A history as a picture: buckets of rates and latencies, bands of what was broken, gaps, moments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby

from mqctl.model import history
from mqctl.model.history import Event, History
from mqctl.model.timeline import Band, Buckets, Moment, Spell, Stall, Timeline
from mqctl.model.verdict import Gap
from mqctl.verdict import continuity, lanes

WIDTH = 0.1
"""Seconds of a bucket."""
_PHASES: dict[history.PhaseName, str] = {
    "load": "nothing broken",
    "fault": "broken",
    "heal": "healing",
    "recover": "recovering",
    "after": "healed",
    "finish": "finish",
    "drain": "drain",
}


def build(recorded: History, gaps: Sequence[Gap]) -> Timeline:
    """The picture of one scenario; `gaps` as the verdict counted them."""
    if not recorded.events:
        return Timeline(start=0, end=0)
    zero = next((e.t for e in recorded.events if _is_load(e)), recorded.events[0].t)
    events = [event.model_copy(update={"t": round(event.t - zero, 6)}) for event in recorded.events]
    start, end = events[0].t, events[-1].t
    publishers = {event.client for event in events if isinstance(event, history.Published)}
    publish = stalls(gap for gap in gaps if gap.client in publishers)
    delivery = stalls(gap for gap in gaps if gap.client not in publishers)
    moments = [
        *_moments(events),
        *_interruptions(publish, "publishing"),
        *_interruptions(delivery, "delivery"),
    ]
    return Timeline(
        start=start,
        end=end,
        fault=next((event.t for event in events if isinstance(event, history.FaultInjected)), None),
        buckets=_buckets(events, start, end),
        phases=tuple(_phases(events, end)),
        bands=tuple(bands(events)),
        lanes=lanes.all_of(events, end),
        moments=tuple(sorted(moments, key=lambda moment: moment.at)),
        publish_stalls=tuple(publish),
        delivery_stalls=tuple(delivery),
    )


def _is_load(event: Event) -> bool:
    return isinstance(event, history.Phase) and event.name == "load"


def _place(t: float) -> int:
    """The bucket of a moment, counted from 0 s; a moment on the border belongs to the later one."""
    return math.floor(t / WIDTH + 1e-6)


def _buckets(events: Sequence[Event], start: float, end: float) -> Buckets:
    first, size = _place(start), _place(end) - _place(start) + 1
    published, confirmed, delivered = [0] * size, [0] * size, [0] * size
    for event in events:
        at = _place(event.t) - first
        match event:
            case history.Published():
                published[at] += event.count
            case history.Confirmed():
                confirmed[at] += event.last - event.first + 1
            case history.Delivered():
                delivered[at] += sum(span.length for span in event.spans)
    waits: list[list[float]] = [[] for _ in range(size)]
    for due, latency in continuity.waits(events):
        waits[max(0, _place(due) - first)].append(latency)
    return Buckets(
        start=round(first * WIDTH, 3),
        width=WIDTH,
        published=tuple(published),
        confirmed=tuple(confirmed),
        delivered=tuple(delivered),
        p50=tuple(_quantile(bucket, 50) for bucket in waits),
        p99=tuple(_quantile(bucket, 99) for bucket in waits),
    )


def _quantile(waits: list[float], q: float) -> float | None:
    return round(continuity.percentile(sorted(waits), q), 4) if waits else None


def _phases(events: Sequence[Event], end: float) -> Iterable[Spell]:
    entered = [event for event in events if isinstance(event, history.Phase)]
    ends = [*(event.t for event in entered[1:]), end]
    for event, until in zip(entered, ends, strict=False):  # a run that ended early may have entered none
        yield Spell(start=event.t, end=until, state="good", label=_PHASES[event.name])


def bands(events: Sequence[Event]) -> list[Band]:
    """Each fault until its healing begins, and each healing until every gate passes or the next fault."""
    made: list[Band] = []
    broken: list[history.FaultInjected] = []
    healing: float | None = None

    def healed(t: float) -> None:
        if healing is not None:
            made.append(Band(kind="healing", label="healing", start=healing, end=t))

    def mended(faults: Iterable[history.FaultInjected], t: float) -> None:
        """One band for the hosts that the same thing was done to."""
        for name, group in groupby(sorted(faults, key=lambda fault: fault.fault), lambda fault: fault.fault):
            same = list(group)
            hosts = ", ".join(fault.host for fault in same)
            made.append(Band(kind="fault", label=f"{name} {hosts}", start=same[0].t, end=t))
            for fault in same:
                broken.remove(fault)

    for event in events:
        match event:
            case history.FaultInjected():
                healed(event.t)
                healing = None
                broken.append(event)
            case history.Phase(name="heal"):
                mended(tuple(broken), event.t)
                healing = event.t if healing is None else healing
            case history.FaultHealed():
                same = [fault for fault in broken if (fault.fault, fault.host) == (event.fault, event.host)]
                mended(same[:1], event.t)
                healing = event.t if healing is None else healing
            case history.Recovered():
                healed(event.t)
                healing = None
    end = events[-1].t if events else 0
    mended(tuple(broken), end)
    healed(end)
    return sorted(made, key=lambda band: band.start)


def stalls(gaps: Iterable[Gap]) -> list[Stall]:
    """Gaps of several clients at one time become one stall."""
    made: list[Stall] = []
    for gap in sorted(gaps, key=lambda gap: gap.start):
        end = round(gap.start + gap.seconds, 3)
        if made and gap.start <= made[-1].end:
            before = made.pop()
            made.append(
                Stall(start=before.start, end=max(before.end, end), longest=max(before.longest, gap.seconds))
            )
        else:
            made.append(Stall(start=gap.start, end=end, longest=gap.seconds))
    return made


def _interruptions(found: Iterable[Stall], what: str) -> Iterable[Moment]:
    for stall in found:
        yield Moment(at=stall.start, text=f"{what} interrupted for {stall.longest:.2f} s", weight="gap")


def _moments(events: Sequence[Event]) -> Iterable[Moment]:
    for event in events:
        match event:
            case history.Phase(name="load"):
                yield Moment(at=event.t, text="load begins, nothing broken")
            case history.FaultInjected():
                yield Moment(at=event.t, text=f"{event.fault} on {event.host}", weight="fault")
            case history.FaultObserved():
                yield Moment(at=event.t, text=f"effect observed: {event.evidence}")
            case history.FaultHealed():
                yield Moment(at=event.t, text=f"{event.fault} on {event.host} healed", weight="healed")
            case history.Recovered():
                detail = "every gate passes again" if event.healthy else f"not recovered: {event.detail}"
                yield Moment(at=event.t, text=detail, weight="healed" if event.healthy else "fault")
            case history.HoldersSeen():
                silent = f"; no answer from {', '.join(event.silent)}" if event.silent else ""
                yield Moment(at=event.t, text=f"VIP on {', '.join(event.holders) or 'no router'}{silent}")
            case history.QueueSeen():
                yield Moment(at=event.t, text=f"queue {lanes.short(event.queue)}: {_queue(event)}")
            case history.NodesSeen():
                stopped = f"; stopped: {', '.join(event.stopped)}" if event.stopped else ""
                yield Moment(at=event.t, text=f"running: {', '.join(event.running) or 'none'}{stopped}")
            case history.Drained():
                left = "unknown" if event.left is None else event.left
                yield Moment(at=event.t, text=f"queues drained, messages left: {left}")


def _queue(event: history.QueueSeen) -> str:
    mirrors = len(event.mirrors)
    copies = f", {len(event.synchronised)} of {mirrors} mirrors in sync" if mirrors else ""
    return f"leader {event.leader or 'none'}{copies}"
