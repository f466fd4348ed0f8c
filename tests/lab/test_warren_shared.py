"""One data directory on real containers: nobody else opens it, and who takes over has the same messages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl import lab
from mqctl.errors import GateError, MqctlError
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.plan import plan
from mqctl.workflows.reach import shell
from mqctl.workflows.stage import greeting
from mqctl.workflows.verify import verify
from tests.lab.conftest import by_timers, copied, settled
from tests.lab.failover import findings, quiet

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

SETTINGS = WorkloadSettings(duration=10)
UNIT = "rabbitmq-server"
LOCK = "/srv/rabbitmq/mqctl.lock"
FOOTPRINT = "cat /srv/rabbitmq/rabbit@warren.pid; ls -1 /srv/rabbitmq /srv/rabbitmq/rabbit@warren"
"""Whose process the data directory is, and what is in it."""
STARTED = (
    'for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" = beam.smp ] && echo $p; done; '
    "epmd -names | grep name"
)
"""Erlang machines of the host, and the nodes that its epmd knows."""


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with copied("warren-shared", "warren-shared", tmp_path_factory.mktemp("inventories"), gap=90) as path:
        yield path


@pytest.fixture(scope="module")
def topology(inventory: Path) -> Topology:
    return settled(inventory)


def roles(topology: Topology) -> tuple[str, str]:
    """The host that serves, and the one that waits."""
    (active,) = greeting(topology)
    return active, next(host.name for host in topology.brokers if host.name != active)


def test_a_second_broker_does_not_open_the_data_directory(topology: Topology) -> None:
    """Started by its unit, started again by it, and started by hand in the unit's way."""
    active, standby = roles(topology)
    by_hand = (
        f"timeout 8 runuser -u rabbitmq -- flock --exclusive --no-fork {LOCK} "
        "/usr/lib/rabbitmq/bin/rabbitmq-server; echo ended with $?"
    )
    with Hosts.of(topology) as hosts:

        def on(host: str, script: str) -> str:
            return shell(hosts, host, f"{{ {script}; }} || :", 30)

        before = on(active, FOOTPRINT)
        assert "beam.smp" not in before
        assert on(active, STARTED).splitlines()[1:] == ["name rabbit at port 25672"]
        assert f"{UNIT}.service" in on(standby, f"systemctl cat {UNIT} | head -1")
        assert on(standby, by_hand).splitlines() == ["ended with 124"]
        on(standby, f"systemctl restart --no-block {UNIT}")
        wait(lambda: on(standby, f"systemctl is-active {UNIT}").strip() == "activating", timeout=30)
        assert on(standby, by_hand).splitlines() == ["ended with 124"]
        assert on(standby, STARTED) == ""
        assert on(standby, FOOTPRINT) == on(active, FOOTPRINT) == before
    assert roles(topology) == (active, standby)


@pytest.mark.parametrize("scenario", ["lose-primary", "lose-shared-primary"])
def test_the_standby_serves_the_same_messages(topology: Topology, tmp_path: Path, scenario: str) -> None:
    active, standby = roles(topology)
    report = workflow.failover_test(topology, SETTINGS, workflow.Choice((scenario,)), tmp_path, quiet)
    (verdict,) = report.verdicts
    found = findings(verdict)
    assert found == dict.fromkeys(found, "pass")
    wanted = {"fault.moves", "warren.settled", "messages.drained"}
    wanted |= {"fault.backlog"} if scenario == "lose-shared-primary" else set()
    assert found.keys() >= wanted
    assert verdict.messages.confirmed > 1000
    assert verdict.messages.lost == verdict.messages.missing == 0
    assert verdict.messages.repeats_silent == 0
    takeover, *others = by_timers(topology, scenario, SETTINGS)
    assert takeover.formula.startswith(
        "1.5 x (lease 0 + a broker's boot 20 + downinter 1 + 1 x fastinter 1 + "
    )
    for bound in (takeover, *others):
        assert 0 < (getattr(verdict.continuity, bound.metric) or 0) <= bound.limit, bound
    # whoever came back waits
    assert roles(topology) == (standby, active)
    assert workflow.replay(report.histories).verdicts == report.verdicts


def test_a_change_restarts_both_and_reaches_the_objects_too(inventory: Path, topology: Topology) -> None:
    """The broker that serves is restarted last, and hands over: its objects are made where it went."""
    active, standby = roles(topology)
    changed = {"rabbitmq_heartbeat": 20, "rabbitmq_vhosts": [{"name": "/"}, {"name": "later"}]}
    (inventory / "group_vars" / "rabbitmq").mkdir()
    (inventory / "group_vars" / "rabbitmq.yml").rename(inventory / "group_vars" / "rabbitmq" / "all.yml")
    (inventory / "group_vars" / "rabbitmq" / "changed.yml").write_text(yaml.safe_dump(changed))
    planned = plan(str(inventory), VaultOptions()).plan
    assert [(one.host, one.action) for one in planned.services] == [(standby, "restart"), (active, "restart")]
    assert roles(settled(inventory)) == (standby, active)


def test_without_its_mount_a_broker_does_not_start_on_a_directory_of_its_own(
    inventory: Path, topology: Topology
) -> None:
    active, standby = roles(topology)
    with Hosts.of(topology) as hosts:
        shell(hosts, standby, f"systemctl stop {UNIT}; umount /srv/rabbitmq", 30)
        with pytest.raises(MqctlError):
            shell(hosts, standby, f"systemctl start {UNIT}", 30)
        assert shell(hosts, standby, "ls -A /srv/rabbitmq", 30) == ""
        with pytest.raises(GateError) as refused:
            plan(str(inventory), VaultOptions())
        assert refused.value.message == f"{standby}: /srv/rabbitmq is not a mount point, so nobody shares it"
        failing = {
            (one.gate, one.subject, one.got) for one in verify(topology).results if one.outcome == "fail"
        }
        assert ("standby", standby, "the broker does not run") in failing
        assert ("shared directory", f"/srv/rabbitmq on {standby}") in {one[:2] for one in failing}
    assert topology.lab is not None
    lab.power_off(topology.lab.name, standby)
    lab.power_on(topology.lab.name, standby)
    assert verify(topology, 120).outcome == "pass"
    assert roles(topology) == (active, standby)
