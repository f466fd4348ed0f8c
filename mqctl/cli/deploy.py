"""`mqctl deploy`: make the hosts what the inventory says, and prove it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from mqctl.cli.options import EXIT, INVENTORY, LIMIT, VAULT
from mqctl.cli.say import say

if TYPE_CHECKING:
    from mqctl.cli.progress import Printer
    from mqctl.model.changes import Stranger
    from mqctl.workflows.connect import Connect
    from mqctl.workflows.deploy import DeployReport
    from mqctl.workflows.strangers import Ask

_JSON = typer.Option(False, "--json", help="Print the report as JSON, and no progress.")
_CHECK = typer.Option(False, "--check", help="Show the plan and change nothing, like mqctl plan.")
_ACCEPT = typer.Option(
    False,
    "--accept-removed",
    help="Go on, without a question, beside members of the cluster that the inventory does not name.",
)


def deploy(
    inventory: str = INVENTORY,
    limit: str = LIMIT,
    as_json: bool = _JSON,
    check: bool = _CHECK,
    accept_removed: bool = _ACCEPT,
    vault_password_file: Path = VAULT,
) -> int:
    """Make the hosts what the inventory says: read, plan, apply, read back, judge.

    Exit code: 0 all gates pass, 1 one fails or something forbids the plan, 2 the inventory is refused,
    3 a gate cannot tell, 4 a host or Ansible failed.
    """
    from mqctl.cli.interruption import interruptible
    from mqctl.cli.progress import Printer
    from mqctl.inventory import VaultOptions
    from mqctl.workflows.deploy import Wish
    from mqctl.workflows.deploy import deploy as run
    from mqctl.workflows.phase import Silent
    from mqctl.workflows.strangers import never

    if check:
        from mqctl.cli.plan import plan

        return plan(inventory, limit, True, as_json, False, vault_password_file, False, False)
    wish = Wish(inventory, VaultOptions(vault_password_file), limit, accept_removed)
    with interruptible(), nullcontext(Silent()) if as_json else Printer() as progress:
        report = run(wish, progress, asking(progress) if isinstance(progress, Printer) else never)
    if as_json:
        say(json.dumps(document(report), indent=2))
    else:
        show(report)
    return int(EXIT[report.outcome])


def asking(progress: Printer) -> Ask:
    """A question on the terminal; without one the answer is no."""
    from mqctl.workflows.strangers import advice

    def ask(strangers: Sequence[Stranger]) -> bool:
        if not sys.stdin.isatty():
            return False
        with progress.pause():
            say(f"\n{advice(strangers)}\n", err=True)
            return typer.confirm("go on beside what the inventory does not name?", default=False, err=True)

    return ask


def show(report: DeployReport) -> None:
    """The cluster as it is now, the gates, and how to connect."""
    from rich.text import Text

    from mqctl.cli import status_view, verify_view
    from mqctl.cli.console import screen

    out = screen()
    out.print(status_view.tables(report.topology, report.status))
    out.print(verify_view.gates(report.results, every=False))
    for line in closing(report):
        out.print(Text(line))


def closing(report: DeployReport) -> list[str]:
    """What was done, in one line, and how to connect to each site."""
    from mqctl.cli import verify_view

    seconds = sum(took.seconds for took in report.took)
    done = "deployed" if report.plans else "nothing to change"
    lines = [
        f"{report.topology.name}: {done} in {seconds:.1f} s; gates: {verify_view.summary(report.results)}",
    ]
    return [*lines, *(line for connect in report.connect for line in _connect(connect))]


def _connect(connect: Connect) -> list[str]:
    lines = [
        "",
        *([f"site        {connect.site}"] if connect.site else []),
        f"AMQP        {connect.address}:{connect.amqp_port} as {connect.user}",
        f"password    {connect.password_in}",
        f"management  {connect.management}",
    ]
    return [*lines, *([f"statistics  {connect.statistics}"] if connect.statistics else [])]


def document(report: DeployReport) -> dict[str, object]:
    """The report for programs."""
    from dataclasses import asdict

    return {
        "topology": report.topology.name,
        "changed": bool(report.plans),
        "outcome": report.outcome,
        "plans": [
            {
                "hosts": list(plan.hosts),
                "packages": len(plan.packages),
                "files": len(plan.files),
                "services": len(plan.services),
                "membership": len(plan.membership),
                "objects": len(plan.objects),
            }
            for plan in report.plans
        ],
        "gates": [result.model_dump(mode="json") for result in report.results],
        "seconds": {took.title: took.seconds for took in report.took},
        "connect": [asdict(connect) for connect in report.connect],
    }
