"""`mqctl status`: one look at every host, or one every few seconds."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import INVENTORY, VAULT
from mqctl.cli.say import say
from mqctl.errors import ExitCode

if TYPE_CHECKING:
    from mqctl.model.topology import Topology
    from mqctl.workflows.status import Reader

_WATCH = typer.Option(False, "--watch", "-w", help="Look again and again until Ctrl-C.")
_INTERVAL = typer.Option(2.0, min=0.2, help="Seconds between two looks, with --watch.")
_JSON = typer.Option(False, "--json", help="Print JSON; with --watch one line per look.")


def status(
    inventory: str = INVENTORY,
    watch: bool = _WATCH,
    interval: float = _INTERVAL,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> None:
    """Show brokers, queues, load balancers and the virtual IP's holder. Changes nothing.

    Exits 3 when a host did not answer: what is shown is not all there is.
    """
    from mqctl.cli import status_view
    from mqctl.cli.console import screen
    from mqctl.inventory import VaultOptions
    from mqctl.workflows import status as workflow

    topology = workflow.topology(inventory, VaultOptions(vault_password_file))
    with workflow.Reader(topology) as reader:
        if watch:
            _watch(topology, reader, interval, as_json)
            return
        seen = reader.read()
    if as_json:
        say(json.dumps(status_view.document(topology, seen), indent=2))
    else:
        screen().print(status_view.tables(topology, seen))
    if not all(host.answered for host in seen.hosts):
        raise typer.Exit(ExitCode.UNKNOWN)


def _watch(topology: Topology, reader: Reader, interval: float, as_json: bool) -> None:
    """Look until Ctrl-C: in place on a terminal, one below the other elsewhere. Silence is shown."""
    from rich.console import RenderableType
    from rich.live import Live
    from rich.text import Text

    from mqctl.cli import status_view
    from mqctl.cli.console import screen
    from mqctl.errors import MqctlError

    console = screen()

    def look() -> RenderableType:
        try:
            seen = reader.read()
        except MqctlError as error:
            return Text(json.dumps({"error": error.message}) if as_json else error.message, style="red")
        if as_json:
            return Text(json.dumps(status_view.document(topology, seen)))
        return status_view.tables(topology, seen)

    try:
        if console.is_terminal and not as_json:
            with Live(look(), console=console, auto_refresh=False) as live:
                _forever(lambda: live.update(look(), refresh=True), interval)
        else:
            _forever(lambda: console.print(look(), soft_wrap=True), interval)
    except KeyboardInterrupt:
        return


def _forever(show: Callable[[], None], interval: float) -> None:
    from mqctl.gates.wait import wait

    def again() -> bool:
        show()
        return False

    wait(again, timeout=math.inf, interval=interval)
