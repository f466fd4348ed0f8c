"""Arguments and options that several commands share, and the exit code of a judgement."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import typer

from mqctl.errors import ExitCode

if TYPE_CHECKING:
    from mqctl.model.gate import Outcome

INVENTORY = typer.Argument(
    ..., metavar="NAME|DIR", help="A bundled topology's name, or an inventory directory."
)
LAST_INVENTORY = typer.Argument(
    None, metavar="[NAME|DIR]", help="A topology or an inventory; by default the one deployed last."
)
LIMIT = typer.Option(None, metavar="HOST,…", help="Only these hosts or groups.")
VAULT = typer.Option(None, help="File with the vault password, as for Ansible.")

EXIT: Mapping[Outcome, ExitCode] = {
    "pass": ExitCode.DONE,
    "fail": ExitCode.FAILED,
    "unknown": ExitCode.UNKNOWN,
    "skipped": ExitCode.UNKNOWN,
}
"""No evidence is no pass: what was skipped as a whole could not be told."""
