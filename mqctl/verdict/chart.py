"""Where the marks of a timeline go: percentages, and SVG paths in a box of 1000 by 100.

The boxes are stretched to the width of the page, so texts are no part of them: they are placed by percentage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from mqctl.model.timeline import Band, Buckets, Stall, Timeline
from mqctl.verdict.axis import Axis, Box, Mark, step
from mqctl.verdict.continuity import percentile

_POINTS = 600
"""Buckets in a picture: more than a page has room for are merged."""
_FACTORS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
_NAMED = 3
_ROUND = (1, 1.5, 2, 3, 4, 5, 6, 8, 10)
_LEAST_LATENCY = 0.001


@dataclass(frozen=True)
class Path:
    """An SVG path with the class that colours it."""

    kind: str
    d: str


@dataclass(frozen=True)
class Chart:
    """One curve over time."""

    name: str
    unit: str
    about: str
    """What it shows, for those who do not see it."""
    paths: tuple[Path, ...]
    grid: tuple[Mark, ...]
    stalls: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Row:
    """A lane."""

    name: str
    boxes: tuple[Box, ...]
    note: str = ""
    """What a narrow page shows beside the name, because its boxes have no room for it."""


@dataclass(frozen=True)
class Picture:
    """All rows of one scenario over one axis of time, whose zero is the fault."""

    bands: tuple[Box, ...]
    rows: tuple[Row, ...]
    charts: tuple[Chart, ...]
    lanes: tuple[Row, ...]
    ticks: tuple[Mark, ...]
    bucket: str


def picture(timeline: Timeline) -> Picture:
    """The geometry of a timeline."""
    axis = Axis.of(timeline)
    buckets = merged(timeline.buckets)
    return Picture(
        bands=tuple(axis.band(band) for band in timeline.bands),
        rows=(
            Row("fault", tuple(axis.band(band) for band in timeline.bands), _broken(timeline.bands)),
            Row("phase", tuple(axis.box(spell) for spell in timeline.phases)),
        ),
        charts=(
            _rate("confirmed", buckets, buckets.confirmed, axis, timeline.publish_stalls, "no confirm"),
            _rate("delivered", buckets, buckets.delivered, axis, timeline.delivery_stalls, "no delivery"),
            _latency(buckets, axis),
        ),
        lanes=tuple(
            Row(lane.name, tuple(axis.box(spell) for spell in lane.spells)) for lane in timeline.lanes
        ),
        ticks=axis.ticks(),
        bucket=f"{buckets.width * 1000:.0f} ms" if buckets.width < 1 else f"{buckets.width:g} s",
    )


def _broken(bands: Iterable[Band]) -> str:
    labels = list(dict.fromkeys(band.label for band in bands if band.kind == "fault"))
    return ", ".join([*labels[:_NAMED], *(["..."] if len(labels) > _NAMED else [])])


def merged(buckets: Buckets) -> Buckets:
    """Neighbours together until a page has room for them all; latencies as the worst of them."""
    size = len(buckets.confirmed)
    by = next((factor for factor in _FACTORS if size <= factor * _POINTS), _FACTORS[-1])
    if by == 1:
        return buckets

    def sums(values: Sequence[int]) -> tuple[int, ...]:
        return tuple(sum(values[at : at + by]) for at in range(0, size, by))

    def worst(values: Sequence[float | None]) -> tuple[float | None, ...]:
        parts = [[v for v in values[at : at + by] if v is not None] for at in range(0, size, by)]
        return tuple(max(part, default=None) for part in parts)

    return Buckets(
        start=buckets.start,
        width=round(buckets.width * by, 3),
        published=sums(buckets.published),
        confirmed=sums(buckets.confirmed),
        delivered=sums(buckets.delivered),
        p50=worst(buckets.p50),
        p99=worst(buckets.p99),
    )


def _rate(
    name: str, buckets: Buckets, counts: Sequence[int], axis: Axis, stalls: Iterable[Stall], what: str
) -> Chart:
    rates = [count / buckets.width for count in counts]
    ordinary = percentile(sorted(rates), 97) if rates else 0
    top = step(max(ordinary * 1.1, 1), _ROUND)
    over = max(rates, default=0)
    peak = f"; peak {over:,.0f}/s, off the scale" if over > top else ""
    return Chart(
        name=name,
        unit="per second",
        about=f"{name} messages per second in buckets of {buckets.width:g} s, highest {over:,.0f}{peak}",
        paths=(Path(f"area {name}", _steps(buckets, rates, axis, lambda rate: 100 * (1 - rate / top))),),
        grid=(Mark(0, f"{top:,.0f}/s"), Mark(50, f"{top / 2:,.0f}/s")),
        stalls=tuple(axis.stall(stall, what) for stall in stalls),
    )


def _latency(buckets: Buckets, axis: Axis) -> Chart:
    """On a logarithmic scale: a millisecond and a second in one picture."""
    worst = max((value for value in buckets.p99 if value is not None), default=0.1)
    decades = max(2, math.ceil(math.log10(max(worst, _LEAST_LATENCY) / _LEAST_LATENCY) - 1e-9))

    def height(latency: float) -> float:
        return 100 * (1 - math.log10(max(latency, _LEAST_LATENCY) / _LEAST_LATENCY) / decades)

    marks = [
        Mark(round(100 * (1 - n / decades), 2), _duration(_LEAST_LATENCY * 10**n)) for n in range(decades)
    ]
    return Chart(
        name="confirm latency",
        unit="p50 and p99, by when due",
        about=f"confirm latency of the messages due at each moment, highest p99 {worst:.2f} s",
        paths=(
            Path("spread", _between(buckets, axis, height)),
            Path("line", _steps(buckets, buckets.p50, axis, height, closed="")),
        ),
        grid=(Mark(0, _duration(_LEAST_LATENCY * 10**decades)), *reversed(marks)),
    )


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 0.999 else f"{seconds:.0f} s"


def _steps(
    buckets: Buckets,
    values: Sequence[float | None],
    axis: Axis,
    height: Callable[[float], float],
    closed: str = "V100Z",
) -> str:
    """A staircase with an interruption where there is no value; `closed` ends each piece."""
    parts: list[str] = []
    drawing = False
    for left, right, value in _visible(buckets, values, axis):
        if value is None:
            parts.append(closed if drawing else "")
            drawing = False
            continue
        y = _number(min(max(height(value), 0), 100))
        begin = (f"M{left} 100V{y}" if closed else f"M{left} {y}") if not drawing else f"V{y}"
        parts.append(f"{begin}H{right}")
        drawing = True
    return "".join(parts) + (closed if drawing else "")


def _between(buckets: Buckets, axis: Axis, height: Callable[[float], float]) -> str:
    """One rectangle for each bucket, from its p50 to its p99."""
    lows, highs = _visible(buckets, buckets.p50, axis), _visible(buckets, buckets.p99, axis)
    return "".join(
        f"M{left} {_number(height(low))}V{_number(max(height(high) - 1, 0))}H{right}V{_number(height(low))}Z"
        for (left, right, low), (_, _, high) in zip(lows, highs, strict=True)
        if low is not None and high is not None
    )


def _visible(
    buckets: Buckets, values: Sequence[float | None], axis: Axis
) -> list[tuple[str, str, float | None]]:
    """(left, right, value) of the buckets that the axis shows."""
    places: list[tuple[str, str, float | None]] = []
    for number, value in enumerate(values):
        start = buckets.start + number * buckets.width
        if start + buckets.width > axis.start and start < axis.end:
            left, right = axis.at(start) * 10, axis.at(start + buckets.width) * 10
            places.append((_number(left), _number(right), value))
    return places


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
