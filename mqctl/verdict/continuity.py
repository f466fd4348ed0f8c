"""How long clients could not work: gaps between confirms and between deliveries, and confirm latency."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from mqctl.model import history
from mqctl.model.history import History
from mqctl.model.sparse import Sparse
from mqctl.model.verdict import Continuity, Gap

_LEAST = 0.25
"""Seconds: shorter intervals are scheduling noise, not unavailability."""
_FACTOR = 5
"""An interval is a gap when it is this many times the p99 of those before the fault."""


def measure(recorded: History) -> Continuity:
    """Gaps and latencies within the load; empty when there was none."""
    events = recorded.events
    begin = next((event.t for event in events if _phase(event, "load")), None)
    if begin is None:
        return Continuity()
    end = next((event.t for event in events if _phase(event, "finish")), events[-1].t)
    fault = next((event.t for event in events if isinstance(event, history.FaultInjected)), end)
    publishing = _publishing(events, end)
    consuming = _consuming(events, end)
    threshold = _threshold([*publishing.values(), *consuming.values()], fault)
    confirmed = sum(
        event.last - event.first + 1
        for event in events
        if isinstance(event, history.Confirmed) and event.t <= end
    )
    publish, delivery = _gaps(publishing, begin, threshold), _gaps(consuming, begin, threshold)
    return Continuity(
        threshold=round(threshold, 3),
        publish_gap=_longest(publishing.values()),
        publish_gap_total=round(sum(gap.seconds for gap in publish), 3),
        delivery_gap=_longest(consuming.values()),
        delivery_gap_total=round(sum(gap.seconds for gap in delivery), 3),
        gaps=(*publish, *delivery),
        latency=_percentiles(sorted(latency for _, latency in waits(events))),
        rate=round(confirmed / (end - begin), 1) if end > begin else 0,
        backward=backward(recorded),
    )


def _percentiles(ordered: Sequence[float]) -> dict[str, float]:
    if not ordered:
        return {}
    named = {f"p{q}": percentile(ordered, q) for q in (50, 95, 99)} | {"max": ordered[-1]}
    return {name: round(seconds, 4) for name, seconds in named.items()}


def percentile(ordered: Sequence[float], q: float) -> float:
    """The nearest-rank percentile of sorted values."""
    return ordered[max(0, math.ceil(q / 100 * len(ordered)) - 1)]


def backward(recorded: History) -> tuple[str, ...]:
    """Clients whose own events are not in the order of their clock.

    Events are sorted by time, so a step back shows as an epoch or a tag that comes before its predecessor.
    """
    seen: dict[str, tuple[int, int]] = {}
    found: set[str] = set()
    for event in recorded.events:
        if isinstance(event, history.Published):
            place = (event.epoch, event.tag)
            if place < seen.get(event.client, (0, 0)):
                found.add(event.client)
            seen[event.client] = place
    return tuple(sorted(found))


def _phase(event: history.Event, name: str) -> bool:
    return isinstance(event, history.Phase) and event.name == name


def _publishing(events: Iterable[history.Event], end: float) -> dict[str, list[float]]:
    """From the first publish over each confirm to the end of the load: who is never confirmed again has one
    long gap. The confirm of a message that was returned is none: it is stored nowhere."""
    times: dict[str, list[float]] = {}
    returned: set[tuple[str, int, int]] = set()
    for event in events:
        if isinstance(event, history.Published):
            times.setdefault(event.client, [event.t])
        elif isinstance(event, history.Returned):
            returned.add((event.client, event.epoch, event.tag))
        elif isinstance(event, history.Confirmed) and event.client in times and event.t < end:
            tags = range(event.first, event.last + 1)
            if not returned or any((event.client, event.epoch, tag) not in returned for tag in tags):
                times[event.client].append(event.t)
    return {name: [*known, max(end, known[0])] for name, known in sorted(times.items())}


def _consuming(events: Iterable[history.Event], end: float) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {}
    for event in events:
        if isinstance(event, history.Delivered) and event.t < end:
            times.setdefault(event.client, []).append(event.t)
    return {name: [*known, end] for name, known in sorted(times.items())}


def _longest(clients: Iterable[list[float]]) -> float | None:
    intervals = [after - before for times in clients for before, after in pairwise(times)]
    return round(max(intervals), 3) if intervals else None


def _threshold(clients: Iterable[list[float]], fault: float) -> float:
    baseline = sorted(
        after - before for times in clients for before, after in pairwise(times) if after <= fault
    )
    return max(_LEAST, _FACTOR * percentile(baseline, 99)) if baseline else _LEAST


def _gaps(clients: dict[str, list[float]], begin: float, threshold: float) -> list[Gap]:
    return [
        Gap(client=name, start=round(before - begin, 3), seconds=round(after - before, 3))
        for name, times in clients.items()
        for before, after in pairwise(times)
        if after - before > threshold
    ]


def waits(events: Iterable[history.Event]) -> Iterator[tuple[float, float]]:
    """(when it was due first, seconds from then until its first confirm) of each confirmed message."""
    first: dict[str, Runs] = {}
    channels: dict[tuple[str, int], Runs] = {}
    confirmed: dict[str, Sparse] = {}
    for event in events:
        if isinstance(event, history.Published):
            first.setdefault(event.client, Runs()).add(event.seq, event.count, event.t - event.late)
            sent = channels.setdefault((event.client, event.epoch), Runs())
            sent.add(event.tag, event.count, event.seq - event.tag)
        elif isinstance(event, history.Confirmed) and (event.client, event.epoch) in channels:
            known = confirmed.setdefault(event.client, Sparse("b"))
            sent, due = channels[event.client, event.epoch], first[event.client]
            for tag in range(event.first, event.last + 1):
                offset = sent.at(tag)
                if offset is None or known[tag + int(offset)]:
                    continue
                known[tag + int(offset)] = 1
                began = due.at(tag + int(offset))
                if began is not None:
                    yield began, event.t - began


class Runs:
    """A value for each run of consecutive numbers; the first that was said of a number stays."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._runs: list[tuple[int, int, float]] = []

    def add(self, start: int, count: int, value: float) -> None:
        """What is known already of some of these numbers stays."""
        for number, length in self._unknown(start, count):
            place = bisect_right(self._starts, number)
            self._starts.insert(place, number)
            self._runs.insert(place, (number, length, value))

    def at(self, number: int) -> float | None:
        """The value; None for a number that nothing was said of."""
        place = bisect_right(self._starts, number) - 1
        if place < 0:
            return None
        start, count, value = self._runs[place]
        return value if number < start + count else None

    def _unknown(self, start: int, count: int) -> list[tuple[int, int]]:
        """The parts of a run that no earlier one covers."""
        end, free = start + count, []
        place = max(0, bisect_right(self._starts, start) - 1)
        for begin, length, _ in self._runs[place:]:
            if begin >= end:
                break
            if start < begin:
                free.append((start, begin - start))
            start = max(start, begin + length)
        return [*free, (start, end - start)] if start < end else free
