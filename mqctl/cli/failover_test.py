"""`mqctl failover-test`: options, live progress, the table, the exit code."""

from __future__ import annotations

from pathlib import Path

import typer

from mqctl.cli.options import LAST_INVENTORY, VAULT
from mqctl.cli.say import say
from mqctl.model.words import ExchangeType, QueueType

_SCENARIO = typer.Option(None, "--scenario", "-s", help="Only this scenario; can be given several times.")
_ALL = typer.Option(False, "--all", help="All scenarios but those that must be asked for by name.")
_SCENARIOS = typer.Option(
    None, metavar="DIR", help="A directory of scenarios of your own; all of them, or those named with -s."
)
_SITE = typer.Option("", metavar="SITE", help="Of several sites only this one, and its links to others.")
_DURATION = typer.Option(15.0, min=1, help="Least seconds under load, for each scenario.")
_RATE = typer.Option(
    200.0, min=0, help="Messages per second of all publishers together; 0: as fast as it goes."
)
_SIZE = typer.Option(256, min=128, help="Bytes of a message.")
_PUBLISHERS = typer.Option(2, min=1, max=64, help="Publishers, each a process with its own connection.")
_QUEUES = typer.Option(1, min=1, max=64, help="Queues, each with a consumer and at least one publisher.")
_QUEUE_TYPE = typer.Option(
    None,
    help="classic: as the cluster's policies say; plain: classic, mirrored by nobody; or quorum. "
    "By default what the inventory's own queues are.",
)
_EXCHANGE = typer.Option("direct", help="direct, topic, or fanout: every message in every queue.")
_PREFETCH = typer.Option(500, min=1, max=65535, help="Unacknowledged messages that a consumer may have.")
_ENDPOINTS = typer.Option(
    None,
    metavar="HOST[:PORT],…",
    help="Where clients connect, instead of the VIP; names as in the inventory.",
)
_KEEP = typer.Option(None, metavar="DIR", help="Where histories go; by default .mqctl/failover.")
_REPLAY = typer.Option(
    None, metavar="FILE", help="Judge a history again; touches no host. Can be given several times."
)
_REPORT = typer.Option(
    None,
    metavar="DIR",
    help="Where report.html, report.json and junit.xml go; by default beside the histories. A replay writes "
    "them only when asked.",
)
_LIST = typer.Option(False, "--list", help="Say what the scenarios do, and run none.")
_YES = typer.Option(False, "--yes", help="Really break things on hosts that are not a lab.")
_JSON = typer.Option(False, "--json", help="Print the report as JSON.")


def failover_test(
    inventory: str = LAST_INVENTORY,
    scenario: list[str] = _SCENARIO,
    all_: bool = _ALL,
    scenarios: Path = _SCENARIOS,
    site: str = _SITE,
    duration: float = _DURATION,
    rate: float = _RATE,
    size: int = _SIZE,
    publishers: int = _PUBLISHERS,
    queues: int = _QUEUES,
    queue_type: QueueType = _QUEUE_TYPE,
    exchange: ExchangeType = _EXCHANGE,
    prefetch: int = _PREFETCH,
    endpoints: str = _ENDPOINTS,
    keep_history: Path = _KEEP,
    replay: list[Path] = _REPLAY,
    report: Path = _REPORT,
    list_: bool = _LIST,
    yes: bool = _YES,
    as_json: bool = _JSON,
    vault_password_file: Path = VAULT,
) -> None:
    """Break the cluster under load, one thing at a time, and judge what the clients saw.

    Exit code: 0 nothing confirmed was lost and every limit was kept (a control: it failed as it must),
    1 not so, 3 cannot tell, 4 cannot run.
    """
    from mqctl.cli import failover_progress, failover_report
    from mqctl.cli.interruption import interruptible
    from mqctl.faults.scenarios import Choice
    from mqctl.inventory import VaultOptions
    from mqctl.model.workload import WorkloadSettings
    from mqctl.workflows import failover_test as workflow
    from mqctl.workflows.failover_report import write
    from mqctl.workload.fit import queue_type as fitting

    choice = Choice(tuple(scenario or ()), scenarios, "with-all" if all_ else "by-default")
    if list_:
        say(failover_report.explain(workflow.listed(choice), as_json), nl=False)
        return
    with interruptible():
        if replay:
            done = workflow.replay(replay)
        else:
            topology = workflow.load(inventory, vault_password_file, yes)
            settings = WorkloadSettings(
                publishers=publishers,
                queues=queues,
                queue_type=queue_type or fitting(topology),
                exchange_type=exchange,
                rate=rate or None,
                size=size,
                duration=duration,
                prefetch=prefetch,
                endpoints=workflow.endpoints(topology, endpoints or ""),
            )
            with failover_progress.progress(topology.name) as live:
                vault = VaultOptions(vault_password_file)
                done = workflow.failover_test(topology, settings, choice, keep_history, live, vault, site)
        directory = report or (None if replay else done.directory)
        files = write(done.histories, directory) if directory else ()
        failover_report.show_json(done, files) if as_json else failover_report.show(done, files)
        raise typer.Exit(failover_report.exit_code(done))
