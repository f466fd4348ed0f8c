"""What a history amounts to, as data: counts, gaps, effects, and the findings that decide."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, computed_field

from mqctl.model.base import Model
from mqctl.model.gate import GateResult, Outcome
from mqctl.model.objectives import Limit


class Reordered(Model):
    """What one queue gave out in another order than one publisher had put in."""

    publisher: str
    queue: str
    messages: int


class MessageCounts(Model):
    """Messages are ids; operations are copies of them."""

    sent: int = 0
    """Messages published at least once."""
    resent: int = 0
    """Further copies of them, sent because the fate of an earlier copy was unknown."""
    confirmed: int = 0
    """Messages with a copy that was confirmed and not returned."""
    lost: int = 0
    """Confirmed and never delivered although the queues were drained."""
    missing: int = 0
    """Confirmed and not delivered, drained or not: the most that can be lost."""
    lost_ids: tuple[str, ...] = ()
    """The first of the missing as publisher/first-last."""
    delivered: int = 0
    """Messages that arrived at least once."""
    duplicated: int = 0
    """Messages that arrived more than once."""
    repeats_flagged: int = 0
    """Repeated deliveries of a copy that said so (redelivered flag)."""
    repeats_silent: int = 0
    """Repeated deliveries of a copy without the flag."""
    repeats_resent: int = 0
    """Deliveries of a further copy: the publisher's own retry."""
    reordered: int = 0
    """First deliveries without the flag that came behind a later copy of the same channel epoch."""
    reordered_by: tuple[Reordered, ...] = ()
    unknown: int = 0
    """Operations whose fate the publisher could not know."""
    unknown_stored: int = 0
    """Those of them that were delivered after all."""
    returned: int = 0
    """Operations that came back as unroutable."""
    nacked: int = 0
    """Operations that the broker refused."""
    nacked_stored: int = 0
    """Those of them that were delivered after all."""
    unexpected: int = 0
    """Deliveries that no publisher of this run can have caused."""
    contradictions: tuple[str, ...] = ()
    """Where the history is at odds with itself."""


class Gap(Model):
    """A time without progress of one client, in seconds since the load began."""

    client: str
    start: float
    seconds: float


class Continuity(Model):
    """Unavailability as clients saw it; times in seconds. None: nothing to measure."""

    threshold: float | None = None
    """Intervals longer than this count as gaps: max(5 x p99 of the intervals before the fault, 0.25 s)."""
    publish_gap: float | None = None
    """The longest interval of any publisher without a confirm."""
    publish_gap_total: float = 0
    delivery_gap: float | None = None
    """The longest interval of any consumer without a delivery."""
    delivery_gap_total: float = 0
    gaps: tuple[Gap, ...] = ()
    latency: dict[str, float] = Field(default_factory=dict)
    """From when a message was due to be sent until its first confirm: p50, p95, p99, max."""
    rate: float = 0
    """Confirmed messages per second under load."""
    backward: tuple[str, ...] = ()
    """Clients whose monotonic clock went backwards: their times mean nothing."""


class Effects(Model):
    """What the faults did; seconds from the injection, of several faults the worst. None: not seen."""

    fault: str = ""
    host: str = ""
    evidence: str | None = None
    confirmed_before: int = 0
    published_during: int = 0
    confirmed_after: int = 0
    holder_moved: float | None = None
    leader_moved: float | None = None
    leader_confirmed: float | None = None
    """Until a new leader confirmed what was published after it was seen."""
    node_gone: float | None = None
    node_back: float | None = None
    in_sync: float | None = None
    """Until every queue that lost copies had as many in sync as before."""
    holders: tuple[str, ...] = ()
    """The last VIP holders seen."""
    several_holders: float = 0
    """The longest time in s for which more than one router carried the VIP."""


class Verdict(Model):
    """One scenario, judged. `outcome` is fail over unknown over pass."""

    run: str
    scenario: str
    outcome: Outcome
    findings: tuple[GateResult, ...]
    messages: MessageCounts
    continuity: Continuity
    effects: Effects
    limits: tuple[Limit, ...] = ()
    """What was measured, beside what it may be and why."""
    expected: Literal["pass", "fail"] = "pass"
    """fail: a control, which proves that this test can fail."""
    because: tuple[str, ...] = ()
    """The gates that must fail for a control to have failed for its own reason."""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def as_expected(self) -> Outcome:
        """pass when the verdict is the expected one for the expected reasons; unknown stays unknown."""
        if self.expected == "pass" or self.outcome == "unknown":
            return self.outcome
        failed = {finding.gate for finding in self.findings if finding.outcome == "fail"}
        return "pass" if self.outcome == "fail" and failed.issuperset(self.because) else "fail"
