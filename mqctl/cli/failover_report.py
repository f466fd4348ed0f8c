"""What a failover test looks like in the terminal when it is over: the table, the reasons, the verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from mqctl.cli.console import SafeConsole
from mqctl.cli.options import EXIT
from mqctl.cli.say import say
from mqctl.errors import ExitCode
from mqctl.model.objectives import Metric
from mqctl.model.scenario import Scenario
from mqctl.model.verdict import Verdict
from mqctl.verdict.summary import sentence, stopped
from mqctl.workflows.failover_test import FailoverReport

_COLOURS = {"pass": "green", "fail": "red", "unknown": "yellow", "skipped": "dim"}

_ANY = 10_000
"""Columns that are enough for every table: how wide one would like to be."""


_RUN = {"by-default": "by default", "with-all": "with --all", "by-name": "with -s only"}


def explain(scenarios: Sequence[Scenario], document: bool) -> str:
    """What each scenario breaks, where and for how long; as JSON or as prose."""
    if document:
        return json.dumps([scenario.model_dump(mode="json") for scenario in scenarios], indent=2) + "\n"
    return "\n".join(_explained(scenario) for scenario in scenarios)


def _explained(scenario: Scenario) -> str:
    return (
        f"{scenario.name}\n  {scenario.title}\n  fault {scenario.fault} on the {scenario.target}, "
        f"healed after {scenario.hold:g} s; {_RUN[scenario.run]}\n"
    )


def exit_code(report: FailoverReport) -> ExitCode:
    """By verdict; what is neither pass nor fail could not be told."""
    return EXIT[report.outcome]


def show_json(report: FailoverReport, files: Sequence[Path]) -> None:
    """The verdicts on stdout, for programs; the report's path on stderr, for the person."""
    say(report.model_dump_json(indent=2))
    for path in files[:1]:
        SafeConsole(stderr=True).print(f"report: {path}", soft_wrap=True)


def show(report: FailoverReport, files: Sequence[Path]) -> None:
    """The table, what did not pass and why, where the files are, and the verdict in one line."""
    console = SafeConsole()
    wide = _table(report)
    fits = SafeConsole(width=_ANY).measure(wide).maximum <= console.width
    console.print(wide if fits else _narrow(report))
    for verdict in report.verdicts:
        for finding in verdict.findings:
            if finding.outcome != "pass":
                said = f"{finding.gate}: expected {finding.expected}, got {finding.got}"
                outcome = (finding.outcome, _COLOURS[finding.outcome])
                console.print(Text.assemble(outcome, f" {verdict.scenario}: {said}"), soft_wrap=True)
        if stopped(verdict):
            console.print(
                f"expected {verdict.scenario}: publishing stops with its broker: {stopped(verdict)}",
                soft_wrap=True,
            )
    for formula in _formulas(report):
        console.print(formula, style="dim", soft_wrap=True)
    for name in report.not_run:
        console.print(f"not run: {name}")
    if report.aborted:
        console.print(f"aborted: {report.aborted}", soft_wrap=True)
    for name in report.unplayed:
        console.print(f"unknown {name}: the test was aborted before it")
    for queue in report.leftovers:
        console.print(f"left in the cluster: {queue}")
    for path in report.histories:
        console.print(f"history: {path}", soft_wrap=True)
    for path in files[:1]:
        console.print(f"report: {path}", soft_wrap=True)
    last = Text(sentence(report.verdicts, report.unplayed), style=_COLOURS[report.outcome])
    console.print(last, soft_wrap=True)


def _formulas(report: FailoverReport) -> Iterator[str]:
    """Where the limits come from."""
    for verdict in report.verdicts:
        for limit in verdict.limits:
            words = limit.metric.replace("_", " ")
            yield f"{verdict.scenario}: {words} limit {limit.limit:.2f} s = {limit.formula}"


def _table(report: FailoverReport) -> Table:
    table = Table(title=f"failover test {report.run}".rstrip(), title_justify="left")
    table.add_column("")
    for verdict in report.verdicts:
        table.add_column(verdict.scenario or "?", justify="right")
    rows = [_rows(verdict) for verdict in report.verdicts]
    for label in rows[0] if rows else ():
        table.add_row(label, *(row[label] for row in rows))
    return table


def _narrow(report: FailoverReport) -> Table:
    """A row for each scenario, when there are too many for columns."""
    table = Table(
        title=f"failover test {report.run}".rstrip(),
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("scenario", overflow="fold")
    for name in ("verdict", "confirmed", "lost", "publish gap", "delivery gap", "p99"):
        table.add_column(name, justify="left" if name == "verdict" else "right")
    for verdict in report.verdicts:
        counts, gaps = verdict.messages, verdict.continuity
        table.add_row(
            verdict.scenario or "?",
            _verdict(verdict),
            str(counts.confirmed),
            Text(str(counts.lost), style="red" if counts.lost else "green"),
            _seconds(gaps.publish_gap),
            _seconds(gaps.delivery_gap),
            _ms(gaps.latency.get("p99")),
        )
    return table


def _verdict(verdict: Verdict) -> Text:
    """A control's failure is what was wanted."""
    wanted = verdict.expected == "fail" and verdict.as_expected == "pass"
    return Text("fail, as it must" if wanted else verdict.outcome, style=_COLOURS[verdict.as_expected])


def _rows(verdict: Verdict) -> dict[str, str | Text]:
    """One scenario's column, by row label."""
    counts, gaps, seen = verdict.messages, verdict.continuity, verdict.effects
    return {
        "verdict": _verdict(verdict),
        "broken": seen.host or "-",
        "confirmed": str(counts.confirmed),
        "lost": Text(str(counts.lost), style="red" if counts.lost else "green"),
        "duplicated": _some(
            counts.duplicated, f"{counts.repeats_resent} resent" if counts.repeats_resent else ""
        ),
        "reordered": str(counts.reordered),
        "unknown, of them stored": f"{counts.unknown}, {counts.unknown_stored}",
        "returned": str(counts.returned),
        "longest publish gap": _bounded(verdict, "publish_gap", gaps.publish_gap),
        "longest delivery gap": _bounded(verdict, "delivery_gap", gaps.delivery_gap),
        "publish gaps, all together": _seconds(gaps.publish_gap_total),
        "delivery gaps, all together": _seconds(gaps.delivery_gap_total),
        "confirm latency p50, p99": f"{_ms(gaps.latency.get('p50'))}, {_ms(gaps.latency.get('p99'))}",
        "VIP moved after": _bounded(verdict, "vip_moved", seen.holder_moved),
        "leader changed after": _bounded(verdict, "leader_moved", seen.leader_moved),
        "new leader confirmed after": _bounded(verdict, "leader_confirmed", seen.leader_confirmed),
        "host seen gone after": _seconds(seen.node_gone),
        "host back after": _bounded(verdict, "node_back", seen.node_back),
        "mirrors in sync after": _bounded(verdict, "in_sync", seen.in_sync),
    }


def _bounded(verdict: Verdict, metric: Metric, seconds: float | None) -> Text:
    """Beside its limit, when there is one."""
    limit = next((limit for limit in verdict.limits if limit.metric == metric), None)
    if limit is None:
        return Text(_seconds(seconds))
    over = seconds is not None and seconds > limit.limit
    return Text(f"{_seconds(seconds)} (limit {limit.limit:.2f})", style="red" if over else "")


def _some(number: int, detail: str) -> str:
    return f"{number} ({detail})" if detail else str(number)


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f} s"


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f} ms"
