"""Arguments and options that several commands share, and the exit code of a judgement."""

from __future__ import annotations

import typer

from mqctl.errors import EXIT

__all__ = ["EXIT", "INVENTORY", "LAST_INVENTORY", "LIMIT", "VAULT"]

INVENTORY = typer.Argument(
    ..., metavar="NAME|DIR", help="A bundled topology's name, or an inventory directory."
)
LAST_INVENTORY = typer.Argument(
    None, metavar="[NAME|DIR]", help="A topology or an inventory; by default the one deployed last."
)
LIMIT = typer.Option(None, metavar="HOST,…", help="Only these hosts or groups.")
VAULT = typer.Option(None, help="File with the vault password, as for Ansible.")
