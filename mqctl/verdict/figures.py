"""The numbers of a verdict as people read them: tiles, table cells, rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mqctl.model.objectives import Limit, Metric
from mqctl.model.verdict import Verdict

COLUMNS = (
    "confirmed", "lost", "duplicated", "publish gap", "delivery gap", "confirm p99", "VIP moved",
    "leader moved", "host back",
)  # fmt: skip


@dataclass(frozen=True)
class Figure:
    """A named value; `outcome` is the class that colours it."""

    name: str
    value: str
    note: str = ""
    outcome: str = ""


@dataclass(frozen=True)
class Row:
    """A measured time beside its bound."""

    name: str
    measured: str
    bound: str
    formula: str
    outcome: str


METRICS: Mapping[Metric, str] = {
    "publish_gap": "longest publish gap",
    "delivery_gap": "longest delivery gap",
    "confirm_p99": "confirm latency, p99",
    "vip_moved": "VIP moved",
    "leader_moved": "queue leader moved",
    "leader_confirmed": "new leader confirmed",
    "node_back": "host back",
    "in_sync": "mirrors in sync again",
}


def limits(verdict: Verdict) -> tuple[Row, ...]:
    """Each bound of this scenario, with what was measured."""
    return tuple(
        Row(METRICS[limit.metric], seconds(limit.measured), seconds(limit.limit), limit.formula, _held(limit))
        for limit in verdict.limits
    )


def _held(limit: Limit) -> str:
    if limit.measured is None:
        return ""
    return "fail" if limit.measured > limit.limit else "pass"


def tiles(verdicts: Sequence[Verdict]) -> tuple[Figure, ...]:
    """What matters most, over all scenarios that must pass (or the controls, when there are no others)."""
    verdicts = [verdict for verdict in verdicts if verdict.expected == "pass"] or verdicts
    lost = sum(verdict.messages.lost for verdict in verdicts)
    missing = sum(verdict.messages.missing for verdict in verdicts)
    repeats = sum(verdict.messages.duplicated for verdict in verdicts)
    return (
        Figure("confirmed", f"{sum(verdict.messages.confirmed for verdict in verdicts):,}", "messages"),
        Figure(
            "lost",
            f"{lost:,}" if lost == missing else f"≤ {missing:,}",
            "confirmed, never delivered",
            "pass" if not missing else "fail" if lost else "unknown",
        ),
        Figure("duplicated", f"{repeats:,}", "removed by their id" if repeats else "messages"),
        _worst("longest publish gap", {v.scenario: v.continuity.publish_gap for v in verdicts}),
        _worst("longest delivery gap", {v.scenario: v.continuity.delivery_gap for v in verdicts}),
        _worst("confirm latency, p99", {v.scenario: v.continuity.latency.get("p99") for v in verdicts}),
    )


def _worst(name: str, by_scenario: Mapping[str, float | None]) -> Figure:
    known = {scenario: value for scenario, value in by_scenario.items() if value is not None}
    if not known:
        return Figure(name, "-")
    scenario = max(known, key=lambda name: known[name])
    return Figure(name, seconds(known[scenario]), scenario)


def cells(verdict: Verdict) -> Mapping[str, str]:
    """One scenario's row of the overview, by column."""
    counts, gaps, seen = verdict.messages, verdict.continuity, verdict.effects
    lost = f"{counts.lost:,}" if counts.lost == counts.missing else f"≤ {counts.missing:,}"
    values = (
        f"{counts.confirmed:,}", lost, f"{counts.duplicated:,}", seconds(gaps.publish_gap),
        seconds(gaps.delivery_gap), seconds(gaps.latency.get("p99")), seconds(seen.holder_moved),
        seconds(seen.leader_moved), seconds(seen.node_back),
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def numbers(verdict: Verdict) -> tuple[Figure, ...]:
    """Everything that was counted and timed of one scenario."""
    counts, gaps, seen = verdict.messages, verdict.continuity, verdict.effects
    repeats = (
        f"{counts.repeats_flagged} flagged, {counts.repeats_silent} silent, {counts.repeats_resent} resent"
    )
    made = (
        Figure("sent", f"{counts.sent:,}", f"and {counts.resent:,} sent again"),
        Figure("confirmed", f"{counts.confirmed:,}"),
        Figure("lost", f"{counts.lost:,}", ", ".join(counts.lost_ids), "fail" if counts.lost else "pass"),
        Figure("duplicated", f"{counts.duplicated:,}", repeats if counts.duplicated else ""),
        Figure("reordered", f"{counts.reordered:,}"),
        Figure("unknown", f"{counts.unknown:,}", f"{counts.unknown_stored:,} of them stored after all"),
        Figure("returned", f"{counts.returned:,}"),
        Figure("refused", f"{counts.nacked:,}"),
        Figure("confirmed per second", f"{gaps.rate:,.0f}"),
        Figure("longest publish gap", seconds(gaps.publish_gap), f"{gaps.publish_gap_total:.2f} s in all"),
        Figure("longest delivery gap", seconds(gaps.delivery_gap), f"{gaps.delivery_gap_total:.2f} s in all"),
        Figure("confirm latency", seconds(gaps.latency.get("p50")), _quantiles(gaps.latency)),
        Figure("VIP moved after", seconds(seen.holder_moved)),
        Figure("queue leader moved after", seconds(seen.leader_moved)),
        Figure("new leader confirmed after", seconds(seen.leader_confirmed)),
        Figure("host seen gone after", seconds(seen.node_gone)),
        Figure("host back after", seconds(seen.node_back), "counted from the fault"),
        Figure("mirrors in sync after", seconds(seen.in_sync)),
    )
    return tuple(figure for figure in made if figure.value != "-")


def _quantiles(latency: Mapping[str, float]) -> str:
    rest = ", ".join(f"{name} {seconds(value)}" for name, value in latency.items() if name != "p50")
    return f"p50; {rest}" if rest else ""


def seconds(value: float | None) -> str:
    """As a person writes a duration: milliseconds below a second."""
    if value is None:
        return "-"
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"
