"""A warren on real containers: the standby takes over, clients return or stay, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl.gates.wait import wait
from mqctl.model.workload import WorkloadSettings
from mqctl.probe.entrance import cluster_behind
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.stage import Stage
from tests.lab.conftest import by_timers, copied, settled
from tests.lab.failover import findings, quiet

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

SETTINGS = WorkloadSettings(duration=10)


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with copied("warren", "warren", tmp_path_factory.mktemp("inventories")) as path:
        yield path


@pytest.mark.parametrize(("failback", "where"), [(True, "warren-mq1"), (False, "warren-mq2")])
def test_the_standby_takes_over_and_every_message_comes_back(
    inventory: Path, tmp_path: Path, failback: bool, where: str
) -> None:
    chosen = yaml.safe_dump({"haproxy_failback": failback})
    for host in ("lb1", "lb2"):
        (inventory / "host_vars" / host).mkdir(parents=True, exist_ok=True)
        (inventory / "host_vars" / host / "failback.yml").write_text(chosen)
    topology = settled(inventory)
    with Hosts.of(topology) as hosts, Hosts.of(topology) as watchers:
        stage = Stage(topology, "check", tmp_path, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=120, interval=1, what="health before the test")
    scenario = "lose-primary" if failback else "lose-backlogged-primary"
    report = workflow.failover_test(topology, SETTINGS, workflow.Choice((scenario,)), tmp_path, quiet)
    (verdict,) = report.verdicts
    found = findings(verdict)
    assert found == dict.fromkeys(found, "pass")
    assert found.keys() >= {"fault.moves", "warren.settled", "warren.consumers", "messages.drained"}
    assert verdict.messages.confirmed > 1000
    assert verdict.messages.lost == verdict.messages.missing == 0
    assert verdict.messages.repeats_silent == 0
    takeover, *others = by_timers(topology, scenario, SETTINGS)
    assert takeover.formula.startswith("1.5 x (inter 5 + 1 x fastinter 5 + fall 2 x timeout 1 + ")
    for bound in (takeover, *others):
        assert 0 < (getattr(verdict.continuity, bound.metric) or 0) <= bound.limit, bound
    behind = cluster_behind(str(topology.virtual_address), 5672)
    assert behind == f"{topology.name}-{where.removeprefix('warren-')}"
    assert workflow.replay(report.histories).verdicts == report.verdicts
