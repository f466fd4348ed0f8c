"""`mqctl lab`: an inventory's hosts as containers on this machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say

app = typer.Typer(help="Hosts of an inventory as containers on this machine.", no_args_is_help=True)


_COMMAND = typer.Argument(None, help="The command, after `--`; without one: a shell.")


@app.command()
def up(inventory: str = INVENTORY, vault_password_file: Path = VAULT) -> None:
    """Bring the lab up: images when missing, the network, the hosts; what runs already is left alone."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import lab

    spec = lab.up(inventory, VaultOptions(vault_password_file), _tell)
    say(f"lab {spec.name} is up: {len(spec.hosts)} hosts in {spec.subnet}")


@app.command()
def down(inventory: str = INVENTORY) -> None:
    """Remove the lab's containers and network, nothing else; its images and keys stay."""
    from mqctl.workflows import lab

    removed = lab.down(inventory)
    for what in removed:
        say(f"removed {what}")
    if not removed:
        say("nothing to remove")


@app.command("list")
def list_(as_json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """List every lab on this machine with its hosts."""
    from mqctl.workflows import lab

    labs = lab.list_labs()
    if as_json:
        say(lab.as_json(labs))
        return
    for state in labs:
        say(f"{state.name}  {state.inventory}")
        for host in state.hosts:
            say(f"  {host.name:<12} {host.address!s:<15} {host.image:<10} {host.state}")
    if not labs:
        say("no labs")


@app.command("exec", context_settings={"ignore_unknown_options": True})
def exec_(
    host: str = typer.Argument(..., help="A host of a lab."),
    command: list[str] = _COMMAND,
    inventory: str = typer.Option(
        None, "--inventory", "-i", metavar="NAME|DIR", help="Needed only when several labs have such a host."
    ),
) -> None:
    """Run a command on a lab host over SSH, with its exit code; interactive at a terminal."""
    from mqctl.workflows import lab

    terminal = ["-t"] if sys.stdin.isatty() and sys.stdout.isatty() else []
    argv = lab.exec_argv(host, command or [], inventory, terminal)
    sys.stdout.flush()
    os.execvp(argv[0], argv)  # noqa: S606


def _tell(what: str, message: str) -> None:
    """Progress is prose: stderr."""
    say(f"{what:<12} {message}", err=True)
