"""The axis of time: seconds to percent of a picture's width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mqctl.model.timeline import Band, Spell, Stall, Timeline

_LEAD = 1.0
"""Seconds that are shown of the time before the load."""
_TICKS = 9


@dataclass(frozen=True)
class Box:
    """A piece of a row, in percent of its width."""

    left: float
    width: float
    state: str
    label: str
    tip: str


@dataclass(frozen=True)
class Mark:
    """A line at a scale's value; `at` in percent from the left or the top."""

    at: float
    label: str


@dataclass(frozen=True)
class Axis:
    """Seconds to percent."""

    start: float
    end: float
    zero: float

    @classmethod
    def of(cls, timeline: Timeline) -> Axis:
        """From shortly before the load to the end of the record."""
        start = max(timeline.start, -_LEAD)
        return cls(start, max(timeline.end, start + 1), timeline.fault or 0)

    def at(self, t: float) -> float:
        """The place of a moment, never outside the picture."""
        share = (min(max(t, self.start), self.end) - self.start) / (self.end - self.start)
        return round(100 * share, 3)

    def box(self, spell: Spell) -> Box:
        """A spell of a lane."""
        return self._box(spell.start, spell.end, spell.state, spell.label)

    def band(self, band: Band) -> Box:
        """A fault or its healing."""
        return self._box(band.start, band.end, band.kind, band.label)

    def stall(self, stall: Stall, what: str) -> Box:
        """A gap."""
        return self._box(stall.start, stall.end, "stall", f"{what} for {stall.longest:.2f} s")

    def _box(self, start: float, end: float, state: str, label: str) -> Box:
        left = self.at(start)
        tip = f"{label}: {self.name(start)} to {self.name(end)}"
        return Box(left, round(self.at(end) - left, 3), state, label, tip)

    def name(self, t: float) -> str:
        """A moment as the reader counts: from the fault on."""
        return f"{t - self.zero:.2f} s".replace("-", "\N{MINUS SIGN}")

    def ticks(self) -> tuple[Mark, ...]:
        """Round seconds, few enough for a page."""
        width = step((self.end - self.start) / _TICKS)
        first = math.ceil((self.start - self.zero) / width)
        last = math.floor((self.end - self.zero) / width)
        return tuple(
            Mark(self.at(self.zero + n * width), _seconds(n * width)) for n in range(first, last + 1)
        )


def _seconds(value: float) -> str:
    return f"{value:g} s".replace("-", "\N{MINUS SIGN}")


def step(least: float, factors: Sequence[float] = (1, 2, 5, 10)) -> float:
    """The smallest of these factors times a power of ten that is not below."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(factor * power for factor in factors if factor * power >= least * 0.999)
