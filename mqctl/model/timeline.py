"""One scenario over time: what clients achieved in each bucket, and what was broken and seen meanwhile.

All times are seconds from the beginning of the load; what happened before it is negative.
"""

from __future__ import annotations

from typing import Literal

from mqctl.model.base import Model

State = Literal["good", "moved", "degraded", "down", "conflict", "unknown"]
"""moved: well, but elsewhere than before the fault; conflict: two of what there must be one of."""


class Buckets(Model):
    """Counts of consecutive buckets; bucket n begins at `start + n * width`."""

    start: float = 0
    width: float = 0.1
    published: tuple[int, ...] = ()
    confirmed: tuple[int, ...] = ()
    delivered: tuple[int, ...] = ()
    p50: tuple[float | None, ...] = ()
    """Confirm latency in s of the messages that were due in the bucket; None: none of them was confirmed."""
    p99: tuple[float | None, ...] = ()


class Band(Model):
    """A time in which something was broken on purpose, or was being put right."""

    kind: Literal["fault", "healing"]
    label: str
    start: float
    end: float


class Spell(Model):
    """A time in which a lane's subject did not change."""

    start: float
    end: float
    state: State
    label: str


class Lane(Model):
    """One subject, e.g. the VIP, and its states over time."""

    name: str
    spells: tuple[Spell, ...]


class Moment(Model):
    """Something worth a line of text."""

    at: float
    text: str
    weight: Literal["fault", "healed", "gap", "seen"] = "seen"


class Stall(Model):
    """Time without progress of at least one client: overlapping gaps as one."""

    start: float
    end: float
    longest: float
    """The longest gap of a single client in it, in s."""


class Timeline(Model):
    """Everything that the picture of a scenario shows."""

    start: float
    end: float
    fault: float | None = None
    """The first injection: the picture's zero."""
    buckets: Buckets = Buckets()
    phases: tuple[Spell, ...] = ()
    bands: tuple[Band, ...] = ()
    lanes: tuple[Lane, ...] = ()
    moments: tuple[Moment, ...] = ()
    publish_stalls: tuple[Stall, ...] = ()
    delivery_stalls: tuple[Stall, ...] = ()
