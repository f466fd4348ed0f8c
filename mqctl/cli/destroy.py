"""`mqctl destroy`: take down a lab, or what mqctl put on real hosts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say

if TYPE_CHECKING:
    from mqctl.model.topology import Topology

_YES = typer.Option(
    None, "--yes-destroy", metavar="NAME", help="Confirm with the topology's name; no question."
)
_DATA = typer.Option(False, "--data", help="Also delete the brokers' databases: every queue and message.")


def destroy(
    inventory: str = INVENTORY,
    yes_destroy: str = _YES,
    data: bool = _DATA,
    vault_password_file: Path = VAULT,
) -> None:
    """Remove a lab's hosts; on real hosts stop the services and remove mqctl's files, after confirmation."""
    from mqctl.cli.interruption import interruptible
    from mqctl.cli.progress import Printer
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import destroy as workflow

    vault = VaultOptions(vault_password_file)
    topology = workflow.read(inventory, vault)
    confirmed = yes_destroy if topology.lab or yes_destroy else ask(topology, data)
    make = workflow.order_with_data if data else workflow.order
    with interruptible(), Printer() as progress:
        done = workflow.destroy(make(topology, vault, confirmed), progress)
    for line in done:
        say(line)


def ask(topology: Topology, data: bool) -> str:
    """Say what will happen, and let the user type the name; anything else is no confirmation."""
    names = ", ".join(host.name for host in topology.hosts)
    lost = "every queue and message is deleted" if data else "queues and messages stay on the brokers' discs"
    say(f"{topology.name}: RabbitMQ, HAProxy and Keepalived are stopped on {names}; {lost}", err=True)
    return str(typer.prompt(f"type {topology.name} to go on", default="", show_default=False, err=True))
