"""`mqctl secrets`: what an inventory keeps to itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say

if TYPE_CHECKING:
    from mqctl.workflows.secrets import Row

app = typer.Typer(help="The secrets of an inventory.", no_args_is_help=True)

_JSON = typer.Option(False, "--json", help="Print JSON, without the secrets themselves.")
_REVEAL = typer.Option(None, "--reveal", metavar="NAME", help="Print this secret, and nothing else.")


@app.command()
def init(inventory: str = INVENTORY, as_json: bool = _JSON, vault_password_file: Path = VAULT) -> None:
    """Generate what is missing, and say where; what there is stays as it is."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import secrets

    file, made = secrets.init(inventory, VaultOptions(vault_password_file))
    if as_json:
        say(json.dumps({"file": str(file), "generated": list(made)}, indent=2))
    elif made:
        say(f"generated {', '.join(made)} in {file}")
    else:
        say("nothing is missing")


@app.command()
def show(
    inventory: str = INVENTORY,
    reveal: str = _REVEAL,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> None:
    """List the secrets, masked, and the files that define them."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import secrets

    options = VaultOptions(vault_password_file)
    if reveal is not None:
        typer.echo(secrets.value(inventory, reveal, options))  # as it is: for a pipe
        return
    rows = secrets.show(inventory, options)
    if as_json:
        document = [
            {"name": row.name, "defined": [str(file) for file in row.defined], "missing": row.missing}
            for row in rows
        ]
        say(json.dumps(document, indent=2))
    else:
        _print(rows)


def _print(rows: list[Row]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from mqctl.cli.console import screen
    from mqctl.model.diff import MASK

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Secret", "Value", "Defined in"):
        table.add_column(column, overflow="fold")
    for row in rows:
        where = (
            "nowhere yet" if row.missing else ", ".join(map(str, row.defined)) or "elsewhere in the inventory"
        )
        table.add_row(Text(row.name), "missing" if row.missing else MASK, Text(where))
    screen().print(table)


@app.command()
def edit(inventory: str = INVENTORY, vault_password_file: Path = VAULT) -> None:
    """Open the secrets file in $VISUAL or $EDITOR; what the inventory's rules refuse does not replace it."""
    from mqctl.cli.interruption import interruptible
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import secrets

    with interruptible():
        file, changed = secrets.edit(inventory, VaultOptions(vault_password_file))
    say(f"replaced {file}" if changed else f"{file} is as it was")
