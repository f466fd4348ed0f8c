"""`mqctl queues`: what is done to queues, not to their declarations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import EXIT, LAST_INVENTORY, VAULT
from mqctl.cli.say import say

if TYPE_CHECKING:
    from mqctl.workflows.synchronise import Row

app = typer.Typer(help="What can be done to queues.", no_args_is_help=True)

_QUEUE = typer.Option(None, "--queue", metavar="NAME", help="Only this queue.")
_VHOST = typer.Option(None, "--vhost", metavar="NAME", help="Only this vhost; with --queue / when not given.")
_WAIT = typer.Option(600.0, min=0, metavar="SECONDS", help="How long to wait for the mirrors.")


@app.callback()
def _queues() -> None:
    """Keeps `sync` a command of its own."""


@app.command()
def sync(
    inventory: str = LAST_INVENTORY,
    queue: str = _QUEUE,
    vhost: str = _VHOST,
    wait: float = _WAIT,
    as_json: bool = typer.Option(False, "--json", help="Print JSON."),
    vault_password_file: Path = VAULT,
) -> int:
    """Copy mirrored queues to the mirrors that have not caught up, as ha-sync-mode manual leaves it to do.

    A queue takes no messages while it is copied. Exit code: 0 every mirror is synchronised, 1 one is not
    after the wait, 2 refused, 4 nobody could be asked.
    """
    from mqctl.cli import queues_view
    from mqctl.cli.interruption import interruptible
    from mqctl.inventory import VaultOptions, last
    from mqctl.workflows.status import topology
    from mqctl.workflows.synchronise import Choice, synchronise

    said: list[str] = []

    def tell(rows: Sequence[Row]) -> None:
        """A line for each queue that got further."""
        lines = [queues_view.line(row) for row in rows]
        for line in lines:
            if line not in said:
                say(line, err=True)
        said[:] = lines

    chosen = topology(inventory or str(last.recall()), VaultOptions(vault_password_file))
    with interruptible():
        report = synchronise(chosen, Choice(queue, vhost), wait, tell)
    if as_json:
        say(json.dumps(queues_view.document(report), indent=2))
    else:
        queues_view.show(report)
    return int(EXIT[report.outcome])
