"""`mqctl topologies` and `mqctl graph`: what there is, and how it looks."""

from __future__ import annotations

from pathlib import Path

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say

_JSON = typer.Option(False, "--json", help="Print the table as JSON, with what each does not survive.")
_FORM = typer.Option("svg", "--format", metavar="svg|mermaid", help="A picture, or text that others draw.")
_OUT = typer.Option(None, "--out", metavar="FILE", help="Write it there instead of on standard output.")


def topologies(as_json: bool = _JSON) -> None:
    """The topologies that mqctl brings along: hosts, what each survives, the RabbitMQ lines it runs on."""
    from mqctl.workflows import topologies as workflow

    if as_json:
        say(workflow.as_json(workflow.catalogue()), nl=False)
        return
    from rich import box
    from rich.table import Table

    from mqctl.cli.console import screen

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("Name", "Hosts", "Survives", "RabbitMQ"):
        table.add_column(column, overflow="fold", no_wrap=column == "Name")
    for one in workflow.catalogue():
        table.add_row(one.name, one.hosts, one.first, one.runs_on)
    screen().print(table)


def graph(
    inventory: str = INVENTORY, form: str = _FORM, out: Path = _OUT, vault_password_file: Path = VAULT
) -> None:
    """Draw a topology from its inventory: clients, virtual IP, load balancers, brokers, links."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows.topologies import draw, save

    text = draw(inventory, form, VaultOptions(vault_password_file))
    if out is None:
        say(text, nl=False)
    else:
        save(text, out)
