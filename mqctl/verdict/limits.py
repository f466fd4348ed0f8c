"""What was measured beside what it may be; above the limit the scenario fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from mqctl.model.gate import GateResult, Outcome
from mqctl.model.objectives import Bound, Limit, Metric
from mqctl.model.scenario import Expectation
from mqctl.model.verdict import Continuity, Effects
from mqctl.verdict.bounds import chosen

GATES: Mapping[Metric, str] = {
    "publish_gap": "continuity.publish",
    "delivery_gap": "continuity.delivery",
    "confirm_p99": "continuity.latency",
    "vip_moved": "moves.vip",
    "leader_moved": "moves.leader",
    "leader_confirmed": "moves.confirmed",
    "node_back": "recovery.node",
    "in_sync": "recovery.mirrors",
}
"""The gate that judges each metric."""
_WORDS: Mapping[Metric, str] = {
    "publish_gap": "no publish gap",
    "delivery_gap": "no delivery gap",
    "confirm_p99": "99 of 100 confirms",
    "vip_moved": "VIP elsewhere",
    "leader_moved": "another queue leader",
    "leader_confirmed": "a confirm by the new leader",
    "node_back": "the host back",
    "in_sync": "mirrors in sync again",
}


def measure(
    bounds: Iterable[Bound], expect: Expectation, gaps: Continuity, seen: Effects
) -> tuple[Limit, ...]:
    """The run's bounds, the scenario's own first, each with what was measured."""
    named = {bound.metric: bound for bound in bounds}
    named |= {bound.metric: bound for bound in chosen(expect, "the scenario's expect")}
    values: dict[Metric, float | None] = {
        "publish_gap": gaps.publish_gap,
        "delivery_gap": gaps.delivery_gap,
        "confirm_p99": gaps.latency.get("p99"),
        "vip_moved": seen.holder_moved,
        "leader_moved": seen.leader_moved,
        "leader_confirmed": seen.leader_confirmed,
        "node_back": seen.node_back,
        "in_sync": seen.in_sync,
    }
    return tuple(
        Limit(**named[metric].model_dump(), measured=values[metric]) for metric in GATES if metric in named
    )


def judge(limits: Iterable[Limit]) -> Iterator[GateResult]:
    """Gaps must have been measured; a move or a return that was not seen is judged by its own gate."""
    for limit in limits:
        if limit.measured is not None or limit.metric in ("publish_gap", "delivery_gap"):
            yield GateResult(
                gate=GATES[limit.metric],
                subject="clients" if GATES[limit.metric].startswith("continuity") else "cluster",
                outcome=_outcome(limit),
                expected=f"{_WORDS[limit.metric]} {_within(limit)} {limit.limit:.2f} s ({limit.formula})",
                got="nothing to measure" if limit.measured is None else f"{limit.measured:.2f} s",
            )


def _outcome(limit: Limit) -> Outcome:
    if limit.measured is None:
        return "unknown"
    return "fail" if limit.measured > limit.limit else "pass"


def _within(limit: Limit) -> str:
    return "over" if limit.metric in ("publish_gap", "delivery_gap") else "within"
