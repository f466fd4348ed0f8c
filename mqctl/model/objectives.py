"""What must hold of a failover, as numbers: chosen by a person, or computed from the timers in use."""

from __future__ import annotations

from typing import Literal

from mqctl.model.base import Model, Seconds

Metric = Literal[
    "publish_gap",
    "delivery_gap",
    "confirm_p99",
    "vip_moved",
    "leader_moved",
    "leader_confirmed",
    "node_back",
    "in_sync",
]
"""What is measured of a scenario, in seconds; see docs/failover.md."""


class Objectives(Model):
    """The inventory variable `mqctl_objectives`: limits in seconds of every scenario. Absent: computed."""

    publish_gap: Seconds | None = None
    """Longest time in which a publisher gets no confirm."""
    delivery_gap: Seconds | None = None
    """Longest time in which a consumer gets no delivery."""
    confirm_p99: Seconds | None = None
    """99 of 100 messages are confirmed within this, from when they were due to be sent."""
    vip_moved: Seconds | None = None
    """From the fault until another router carries the VIP."""
    leader_moved: Seconds | None = None
    """From the fault until every queue that lost its leader has another one."""
    leader_confirmed: Seconds | None = None
    """From the fault until a new leader confirmed a message that was published after it took over."""
    node_back: Seconds | None = None
    """From the fault until the broken host is back."""
    in_sync: Seconds | None = None
    """From the fault until every queue has its mirrors in sync again."""


class Bound(Model):
    """A limit and where it comes from."""

    metric: Metric
    limit: float
    """Seconds."""
    formula: str
    """How it was computed, with the values in place, or who chose it."""


class Limit(Bound):
    """A bound beside what was measured."""

    measured: float | None = None
    """Seconds; None: it did not happen, or nobody could see it."""
