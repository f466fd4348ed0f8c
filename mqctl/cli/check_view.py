"""Check results as a table and as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from mqctl.model.preflight import CheckResult, Outcome

if TYPE_CHECKING:
    from mqctl.workflows.check import Checked
    from mqctl.workflows.check_fix import Repair

_STYLES = {"pass": "green", "warn": "yellow", "fail": "bold red", "unknown": "yellow"}
_WORDS: tuple[tuple[Outcome, str], ...] = (
    ("pass", "passed"),
    ("warn", "warned"),
    ("fail", "failed"),
    ("unknown", "unknown"),
)
Row = tuple[str, str, str, str]


def show(checked: Checked, out: Console, every: bool = False) -> None:
    """Print the table, the hints, and the count."""
    out.print(table(checked.results, len(checked.topology.hosts), every))
    for hint in hints(checked.results):
        out.print(Text(hint), soft_wrap=True)
    name = checked.topology.name
    out.print(Text(f"{name}: {summary(checked.results)}", style=_STYLES[checked.outcome]))


def table(results: Sequence[CheckResult], hosts: int, every: bool = False) -> Table:
    """Host, check, result, message."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Host", "Check", "Result", "Message"):
        found.add_column(column, overflow="fold")
    for host, check, outcome, message in rows(results, hosts, every):
        found.add_row(Text(host), Text(check), Text(outcome, style=_STYLES[outcome]), Text(message))
    return found


def rows(results: Sequence[CheckResult], hosts: int, every: bool = False) -> list[Row]:
    """Hosts of which a check says the very same share a row, unless every one is wanted."""
    if every:
        return [(one.host, one.check, one.outcome, one.message) for one in results]
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for one in results:
        grouped.setdefault((one.check, one.outcome, one.message), []).append(one.host)
    return [(_together(names, hosts), *key) for key, names in grouped.items()]


def _together(names: Sequence[str], hosts: int) -> str:
    return f"all {hosts}" if len(names) == hosts > 1 else ", ".join(names)


def hints(results: Sequence[CheckResult]) -> list[str]:
    """What to do, each once, with the check that it is about."""
    found = [f"hint: {one.check}: {one.hint}" for one in results if one.hint and one.outcome != "pass"]
    return list(dict.fromkeys(found))


def summary(results: Sequence[CheckResult]) -> str:
    """`42 passed, 1 failed`: only what there is."""
    counts = Counter(result.outcome for result in results)
    return ", ".join(f"{counts[outcome]} {word}" for outcome, word in _WORDS if counts[outcome])


def document(checked: Checked, repaired: Sequence[Repair] = ()) -> dict[str, Any]:
    """The results for programs."""
    return {
        "topology": checked.topology.name,
        "at": checked.survey.at.isoformat(),
        "outcome": checked.outcome,
        "results": [result.model_dump(mode="json") for result in checked.results],
        "repaired": [{"host": one.host, "fix": one.fix} for one in repaired],
    }
