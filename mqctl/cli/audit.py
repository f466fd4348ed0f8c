"""`mqctl audit`: who changed the hosts of an inventory when, from where, and what became of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import INVENTORY
from mqctl.cli.say import say

if TYPE_CHECKING:
    from rich.table import Table

    from mqctl.model.audit import Changed, Entry
    from mqctl.workflows.audit import Log

_LAST = typer.Option(None, "--last", "-n", min=1, metavar="N", help="Only the last N runs.")
_MOST = 3
"""Names of one kind that the table shows."""


def audit(
    inventory: str = INVENTORY,
    last: int = _LAST,
    as_json: bool = typer.Option(False, "--json", help="Print JSON, with every name."),
) -> None:
    """Show the runs that changed this inventory's hosts from here: when, who, what, how it ended.

    The log lies beside the inventory, in .mqctl/audit.ndjson; runs from other directories are in theirs.
    """
    from mqctl.workflows.audit import log

    found = log(inventory, last)
    if as_json:
        say(json.dumps([entry.model_dump(mode="json") for entry in found.entries], indent=2))
    else:
        show(found)
    if found.unreadable:
        lines = f"{found.unreadable} line{'s' * (found.unreadable != 1)}"
        say(f"{lines} of {found.path} could not be read", err=True)


def show(log: Log) -> None:
    """The table, oldest first."""
    from mqctl.cli.console import screen

    if log.entries:
        screen().print(table(log))
    else:
        say(f"no run is written down in {log.path}")


def table(log: Log) -> Table:
    """One row for each run."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("When", "Who", "Command", "Seconds", "Outcome", "Exit", "Changed", "Not done"):
        made.add_column(column, overflow="fold")
    for entry in log.entries:
        made.add_row(*(Text(cell) for cell in row(entry)))
    return made


def row(entry: Entry) -> tuple[str, ...]:
    """A run in words; an error stands where nothing was left undone."""
    return (
        f"{entry.at:%Y-%m-%d %H:%M:%S}Z",
        entry.who,
        " ".join([entry.command, *entry.options]),
        "?" if entry.seconds is None else f"{entry.seconds:g}",
        entry.outcome,
        "-" if entry.exit_code is None else str(entry.exit_code),
        words(entry.changed) or "nothing",
        words(entry.not_done) or entry.error,
    )


def words(changed: Changed) -> str:
    """`mq1, mq2: 12 files, 2 service actions; create policy ha in /`."""
    parts = (
        (_number(changed.packages), "package"),
        (_number(changed.files), "file"),
        (_number(changed.services), "service action"),
        (_number(changed.membership), "membership change"),
    )
    counted = ", ".join(f"{count} {what}{'s' * (count != 1)}" for count, what in parts if count)
    found = [f"{', '.join(changed.hosts)}: {counted}"] if counted else []
    found += [_names(names) for names in (changed.objects, changed.other) if names]
    return "; ".join(found)


def _number(by_host: dict[str, tuple[str, ...]]) -> int:
    return sum(len(names) for names in by_host.values())


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(names[:_MOST])
    return shown if len(names) <= _MOST else f"{shown} and {len(names) - _MOST} more"
