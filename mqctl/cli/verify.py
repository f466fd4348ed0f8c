"""`mqctl verify`: every gate, and an exit code that says what they say together."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from mqctl.cli.options import EXIT, INVENTORY, VAULT
from mqctl.cli.say import say

_ALL = typer.Option(False, "--all", help="Show every result, not only those that did not pass.")
_WAIT = typer.Option(0.0, min=0, metavar="SECONDS", help="Look again until all pass, at most this long.")
_JSON = typer.Option(False, "--json", help="Print JSON.")


def verify(
    inventory: str = INVENTORY,
    every: bool = _ALL,
    wait: float = _WAIT,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> int:
    """Judge the cluster: brokers, objects, queues, load balancers, virtual IP, a message's round trip.

    Exit code: 0 all gates pass, 1 one fails, 3 one cannot tell, 4 no host could be asked.
    """
    from mqctl.cli import verify_view
    from mqctl.inventory import VaultOptions
    from mqctl.workflows.status import topology
    from mqctl.workflows.verify import Verification
    from mqctl.workflows.verify import verify as judge

    def tell(seen: Verification) -> None:
        if wait and sys.stderr.isatty():
            say(f"waiting: {verify_view.summary(seen.results)}", err=True)

    seen = judge(topology(inventory, VaultOptions(vault_password_file)), wait, tell)
    if as_json:
        say(json.dumps(verify_view.document(seen), indent=2))
    else:
        verify_view.show(seen, every)
    return int(EXIT[seen.outcome])
