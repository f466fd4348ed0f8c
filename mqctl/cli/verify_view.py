"""Gate results as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from mqctl.cli.console import screen
from mqctl.model.gate import GateResult, Outcome, overall

if TYPE_CHECKING:
    from mqctl.workflows.verify import Verification

_STYLES = {"pass": "green", "fail": "bold red", "unknown": "yellow", "skipped": "dim"}
_WORDS: tuple[tuple[Outcome, str], ...] = (
    ("pass", "passed"),
    ("fail", "failed"),
    ("unknown", "unknown"),
    ("skipped", "skipped"),
)


def show(seen: Verification, every: bool) -> None:
    """Print the table and the count."""
    out = screen()
    out.print(gates(seen.results, every))
    out.print(Text(f"{seen.topology.name}: {summary(seen.results)}", style=_STYLES[seen.outcome]))


def gates(results: Sequence[GateResult], every: bool) -> Table:
    """One row per result, or one row per gate whose results all passed."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Gate", "Subject", "Result", "Expected", "Got"):
        table.add_column(column, overflow="fold")
    for result in results if every else folded(results):
        style = _STYLES[result.outcome]
        got = "" if result.outcome == "pass" and result.got == result.expected else result.got
        cells = (result.gate, result.subject, result.outcome, result.expected, got)
        table.add_row(*(Text(cell, style=style if cell == result.outcome else "") for cell in cells))
    return table


def folded(results: Sequence[GateResult]) -> list[GateResult]:
    """A gate that passed everywhere becomes one row; of any other gate only what did not pass stays."""
    by_gate: dict[str, list[GateResult]] = {}
    for result in results:
        by_gate.setdefault(result.gate, []).append(result)
    return [shown for group in by_gate.values() for shown in _fold(group)]


def _fold(group: list[GateResult]) -> list[GateResult]:
    bad = [result for result in group if result.outcome != "pass"]
    if bad or len(group) == 1:
        return bad or group
    expected = (
        group[0].expected if len({result.expected for result in group}) == 1 else "as the inventory says"
    )
    return [
        group[0].model_copy(update={"subject": f"all {len(group)}", "expected": expected, "got": expected})
    ]


def summary(results: Sequence[GateResult]) -> str:
    """`42 passed, 1 failed`: only what there is."""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {word}" for outcome, word in _WORDS if counts[outcome]) or "no gate"


def document(seen: Verification) -> dict[str, Any]:
    """The verdict for programs."""
    return {
        "topology": seen.topology.name,
        "at": seen.status.at.isoformat(),
        "outcome": overall(list(seen.results)),
        "results": [result.model_dump(mode="json") for result in seen.results],
    }
