"""An entrance configured in every way: where the address goes and comes back, and who gets the clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl import lab
from mqctl.errors import GateError
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.stage import Stage
from mqctl.workflows.status import Reader
from mqctl.workload.queues import channel
from tests.lab import subnets
from tests.lab.conftest import be_patient, connection_of, settled
from tests.lab.failover import findings, quiet
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

SETTINGS = WorkloadSettings(duration=5, rate=50)
V3 = {"keepalived_vrrp_version": 3, "keepalived_auth_pass": None}
VARIANTS: Mapping[str, dict[str, Any]] = {
    "preempt, unicast, VRRP 2": {"keepalived_preempt": True, "keepalived_unicast": True},
    "nopreempt, multicast, VRRP 2": {"keepalived_preempt": False, "keepalived_unicast": False},
    "preempt, multicast, VRRP 3 with 0.5 s": {
        **V3, "keepalived_preempt": True, "keepalived_unicast": False, "keepalived_advert_interval": 0.5,
    },
    "nopreempt, unicast, VRRP 3 with 0.5 s": {
        **V3, "keepalived_preempt": False, "keepalived_unicast": True, "keepalived_advert_interval": 0.5,
    },
}  # fmt: skip
WEIGHTS = {"mq1": 3, "mq2": 1}
CLIENTS = 8
SHARES: Mapping[str, set[tuple[int, int]]] = {
    "roundrobin": {(6, 2)},
    "leastconn": {(6, 2)},
    "source": {(8, 0), (0, 8)},
}
"""Clients of mq1 and of mq2."""


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    name = own_name("entrance")
    path = tmp_path_factory.mktemp("inventories") / name
    subnet = subnets.take()
    everywhere = path / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (everywhere / "connection.yml").write_text(connection_of("mirrored-3node"))
    brokers = {
        host: {"ansible_host": str(subnet[11 + number]), "rabbitmq_haproxy_weight": WEIGHTS[host]}
        for number, host in enumerate(WEIGHTS)
    }
    balancers = {f"lb{number}": {"ansible_host": str(subnet[20 + number])} for number in (1, 2)}
    routers = {"lb1": {"keepalived_priority": 250}, "lb2": {"keepalived_priority": 240}}
    groups = {"rabbitmq": brokers, "haproxy": balancers, "keepalived": routers}
    (path / "hosts.yml").write_text(
        yaml.safe_dump({name: {"hosts": hosts} for name, hosts in groups.items()})
    )
    settings = {
        "mqctl_lab": {"image": "bookworm", "subnet": str(subnet)},
        "rabbitmq_partition_handling": "autoheal",
        "keepalived_virtual_address": f"{subnet[100]}/24",
    }
    (everywhere / "main.yml").write_text(yaml.safe_dump(settings))
    be_patient(path)
    try:
        yield path
    finally:
        lab.down(name)


def deployed(inventory: Path, variables: Mapping[str, Any]) -> Topology:
    """With these variables for everybody, healthy, and with nothing left to change."""
    (inventory / "group_vars" / "all" / "variant.yml").write_text(yaml.safe_dump(dict(variables)))
    return settled(inventory)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_address_moves_and_comes_back_as_configured(inventory: Path, tmp_path: Path, name: str) -> None:
    topology = deployed(inventory, VARIANTS[name])
    choice = workflow.Choice(("power-off-vip-holder",))
    with Hosts.of(topology) as hosts, Hosts.of(topology) as watchers:
        stage = Stage(topology, "check", tmp_path, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=120, interval=1, what="health before the test")
    report = workflow.failover_test(topology, SETTINGS, choice, tmp_path, quiet)
    (verdict,) = report.verdicts
    found = findings(verdict)
    assert found == dict.fromkeys(found, "pass")
    assert found.keys() >= {"fault.moves", "vip.settled", "vip.holders"}
    assert verdict.messages.lost == 0


@pytest.mark.parametrize("balance", SHARES)
def test_clients_get_to_brokers_as_configured(inventory: Path, tmp_path: Path, balance: str) -> None:
    topology = deployed(inventory, {"haproxy_balance": balance})
    with ExitStack() as stack:
        hosts = stack.enter_context(Hosts.of(topology))
        stage = Stage(topology, "clients", tmp_path, hosts, hosts)
        for _ in range(CLIENTS):
            stack.enter_context(channel(stage.account))
        reader = stack.enter_context(Reader(topology))
        balancers = [host.haproxy for host in reader.read().hosts if host.haproxy]
    sessions = [
        {server.server: server.sessions for server in seen.servers if server.proxy == "rabbitmq_cluster"}
        for seen in balancers
    ]
    shares = {(seen.get("mq1", 0), seen.get("mq2", 0)) for seen in sessions} - {(0, 0)}
    assert len(shares) == 1
    assert shares <= SHARES[balance]


def test_virtual_servers_are_kept_by_the_kernel_or_refused(inventory: Path) -> None:
    """Which of the two it is depends on this machine: containers have its kernel."""
    topology = deployed(inventory, {})
    real = [{"address": str(host.address), "port": 5672} for host in topology.brokers]
    variables = {"keepalived_virtual_servers": [{"port": 5673, "delay_loop": 1, "real_servers": real}]}
    with Hosts.of(topology) as hosts:
        if hosts.run("lb1", ["test", "-e", "/proc/net/ip_vs"]).ok:
            deployed(inventory, variables)
            wait(lambda: len(real_servers(hosts)) == 2, timeout=30, interval=0.5, what="both servers")
            assert hosts.run("mq1", ["systemctl", "stop", "rabbitmq-server"]).ok
            wait(lambda: len(real_servers(hosts)) == 1, timeout=60, interval=0.5, what="one of them")
            return
        (inventory / "group_vars" / "all" / "variant.yml").write_text(yaml.safe_dump(variables))
        with pytest.raises(GateError, match=r"lb1: keepalived_virtual_servers need IPVS"):
            deploy(Wish(str(inventory)), Silent())
        assert not hosts.run("lb1", ["grep", "virtual_server", "/etc/keepalived/keepalived.conf"]).ok


def real_servers(hosts: Hosts) -> list[str]:
    """The lines of the kernel's table that begin with an arrow, without the heading's."""
    lines = hosts.run("lb1", ["cat", "/proc/net/ip_vs"]).stdout.splitlines()
    return [line for line in lines[3:] if line.lstrip().startswith("->")]
