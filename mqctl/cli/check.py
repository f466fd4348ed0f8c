"""`mqctl check`: what would stand in the way of a deploy, before there is one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say
from mqctl.errors import UsageError

if TYPE_CHECKING:
    from mqctl.model.topology import Topology
    from mqctl.workflows.check import Checked
    from mqctl.workflows.check_fix import Repair

_ALL = typer.Option(False, "--all", help="A row for every host, also where all say the same.")
_FIX = typer.Option(False, "--fix", help="Put right what can be put right safely, then check again.")
_YES = typer.Option(False, "--yes", "-y", help="Fix without asking.")
_JSON = typer.Option(False, "--json", help="Print JSON; with --fix that of the check afterwards.")


def check(
    inventory: str = INVENTORY,
    every: bool = _ALL,
    fix: bool = _FIX,
    yes: bool = _YES,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> int:
    """Check the hosts before anything is deployed. Changes nothing on them without --fix.

    Exit code: 0 every check passes or warns, 1 one fails, 3 one cannot tell, 4 a host was not reached.
    """
    from mqctl.cli import check_view
    from mqctl.cli.console import PIPE_WIDTH, SafeConsole, screen
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import check as workflow
    from mqctl.workflows.check_fix import repairs

    topology = workflow.read(inventory, VaultOptions(vault_password_file))
    checked = workflow.check(topology)
    wanted = repairs(checked.results) if fix else ()
    if wanted or not as_json:
        beside = SafeConsole(stderr=True, width=PIPE_WIDTH) if as_json else screen()
        check_view.show(checked, beside, every)
    if wanted:
        checked = _fixed(topology, wanted, yes)
        if not as_json:
            check_view.show(checked, screen(), every)
    elif fix:
        say("nothing of this is for --fix to put right", err=True)
    if as_json:
        say(json.dumps(check_view.document(checked, wanted), indent=2))
    return int(checked.exit_code)


def _fixed(topology: Topology, wanted: Sequence[Repair], yes: bool) -> Checked:
    """Say what will be done, ask, do it, and look again. Raises UsageError for any answer but yes."""
    from mqctl.cli.interruption import interruptible
    from mqctl.workflows.check import check as look
    from mqctl.workflows.check_fix import repair

    for one in wanted:
        say(f"fix: {one}", err=True)
    if not yes and not typer.confirm("put this right?", err=True):
        raise UsageError("nothing was put right", "--yes answers the question")
    with interruptible():
        repair(topology, wanted)
    return look(topology)
