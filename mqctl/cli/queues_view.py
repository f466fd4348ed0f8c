"""Synchronised queues as lines, as a table and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from mqctl.cli.console import screen
from mqctl.gates.evidence import label

if TYPE_CHECKING:
    from mqctl.workflows.synchronise import Report, Row

_STYLES = {"pass": "green", "fail": "bold red"}


def line(row: Row) -> str:
    """`orders: 500 of 2000 messages copied to rabbit@mq2`."""
    name = label(row.vhost, row.name)
    if not row.behind:
        return f"{name}: synchronised after {row.seconds:g} s"
    if row.copied is None:
        return f"{name}: {', '.join(row.behind)} behind"
    of = f" of {row.messages}" if row.messages is not None else ""
    return f"{name}: {row.copied}{of} messages copied to {', '.join(row.behind)}"


def show(report: Report) -> None:
    """Print the table and the count."""
    out = screen()
    if report.rows:
        out.print(table(report))
    done = sum(row.outcome == "pass" for row in report.rows)
    text = f"{done} of {len(report.rows)} queues synchronised, {report.in_sync} were before"
    out.print(Text(f"{report.topology}: {text}", style=_STYLES[report.outcome]))


def table(report: Report) -> Table:
    """One row for each queue that had a mirror behind."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Queue", "Mirrors", "Were behind", "Still behind", "Messages", "Seconds", "Result"):
        made.add_column(column, overflow="fold")
    for row in report.rows:
        made.add_row(
            Text(label(row.vhost, row.name)),
            ", ".join(row.mirrors),
            ", ".join(row.before),
            ", ".join(row.behind) or "none",
            "?" if row.messages is None else str(row.messages),
            "" if row.seconds is None else f"{row.seconds:g}",
            Text(_result(row), style=_STYLES[row.outcome]),
        )
    return made


def _result(row: Row) -> str:
    if row.outcome == "pass":
        return "synchronised"
    return "no broker took the order" if row.refused else "not synchronised"


def document(report: Report) -> dict[str, Any]:
    """For programs."""
    return {
        "topology": report.topology,
        "outcome": report.outcome,
        "in_sync": report.in_sync,
        "queues": [{**asdict(row), "outcome": row.outcome} for row in report.rows],
    }
