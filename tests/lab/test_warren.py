"""A warren on real containers: the standby takes over, clients return or stay, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl import lab
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.probe.entrance import cluster_behind
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.plan import plan
from mqctl.workflows.scenario import Live
from mqctl.workflows.stage import Stage
from tests.lab import subnets
from tests.lab.conftest import copy_topology
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

SETTINGS = WorkloadSettings(duration=10)


def quiet(live: Live) -> None:
    """Nobody watches."""


def deployed(inventory: Path) -> Topology:
    report = deploy(Wish(str(inventory)), Silent())
    assert {result.outcome for result in report.results} <= {"pass", "skipped"}
    assert plan(str(inventory), VaultOptions()).plan.empty
    return report.topology


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    name = own_name("warren")
    path = copy_topology("warren", tmp_path_factory.mktemp("inventories") / name, subnets.take())
    # as patient as other tests; nothing moves the address here, what a busy machine does to it is no matter
    objectives = "mqctl_objectives: {publish_gap: 60, delivery_gap: 60}\n"
    (path / "group_vars" / "all" / "objectives.yml").write_text(objectives)
    try:
        yield path
    finally:
        lab.down(name)


@pytest.mark.parametrize(("failback", "where"), [(True, "warren-mq1"), (False, "warren-mq2")])
def test_the_standby_takes_over_and_every_message_comes_back(
    inventory: Path, tmp_path: Path, failback: bool, where: str
) -> None:
    chosen = yaml.safe_dump({"haproxy_failback": failback})
    for host in ("lb1", "lb2"):
        (inventory / "host_vars" / host).mkdir(parents=True, exist_ok=True)
        (inventory / "host_vars" / host / "failback.yml").write_text(chosen)
    topology = deployed(inventory)
    with Hosts.of(topology) as hosts, Hosts.of(topology) as watchers:
        stage = Stage(topology, "check", tmp_path, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=120, interval=1, what="health before the test")
    choice = workflow.Choice(("lose-primary" if failback else "lose-backlogged-primary",))
    report = workflow.failover_test(topology, SETTINGS, choice, tmp_path, quiet)
    (verdict,) = report.verdicts
    found = {finding.gate: finding.outcome for finding in verdict.findings}
    assert found == dict.fromkeys(found, "pass")
    assert found.keys() >= {"fault.moves", "warren.settled", "warren.consumers", "messages.drained"}
    assert verdict.messages.confirmed > 1000
    assert verdict.messages.lost == verdict.messages.missing == 0
    behind = cluster_behind(str(topology.virtual_address), 5672)
    assert behind == f"{topology.name}-{where.removeprefix('warren-')}"
    assert workflow.replay(report.histories).verdicts == report.verdicts
