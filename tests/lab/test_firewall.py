"""The packet filter on real hosts, asked by connecting: from a client, from an admin, and from outside."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from mqctl import lab
from mqctl.errors import ExitCode
from mqctl.inventory import VaultOptions
from mqctl.model.topology import Topology
from mqctl.process import run
from mqctl.ssh import Hosts
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.plan import plan
from tests.lab import subnets
from tests.lab.conftest import copy_topology, settled
from tests.lab.leftovers import own_name

pytestmark = pytest.mark.lab

CLIENT, STRANGER = 50, 60
"""The last numbers of their addresses."""
MINE = {5672: True, 15672: False, 8100: False, 25672: False, 4369: False}
"""What a client may reach of what listens."""
LISTENING = {"mq1": (5672, 15672, 25672, 4369), "lb1": (5672, 15672, 8100), "vip": (5672, 15672, 8100)}
FOREIGN = "add table inet foreign; add chain inet foreign input { type filter hook input priority 10; }"


@contextmanager
def visitor(name: str, subnet: IPv4Network, number: int) -> Iterator[str]:
    """A container with an address of the lab's network that belongs to no host of the inventory."""
    container = f"mqctl-{name}-visitor-{number}"
    argv = ["docker", "run", "--detach", "--rm", "--init", "--name", container, "--network", f"mqctl-{name}"]
    done = run([*argv, "--ip", str(subnet[number]), "mqctl-lab:bookworm", "sleep", "infinity"], timeout=60)
    assert done.ok, done.stderr
    try:
        yield container
    finally:
        run(["docker", "rm", "--force", container], timeout=60)


def reaches(container: str, address: str, port: int) -> bool:
    """Whether a connection comes about; a port that refuses it does not exist, which no test means."""
    script = f"timeout 3 bash -c 'exec 3<>/dev/tcp/{address}/{port}'; echo $?"
    said = run(["docker", "exec", container, "bash", "-c", script], timeout=30).stdout.strip()
    assert said in ("0", "124"), f"{address}:{port} refuses: {said}"
    return said == "0"


def reached(container: str, topology: Topology) -> dict[str, dict[int, bool]]:
    """What a visitor reaches of everything that listens."""
    addresses = {host.name: str(host.address) for host in topology.hosts}
    addresses["vip"] = str(topology.virtual_address)
    return {
        host: {port: reaches(container, addresses[host], port) for port in ports}
        for host, ports in LISTENING.items()
    }


def guard(inventory: Path, subnet: IPv4Network, admins: str = "") -> None:
    networks = f"clients: [{subnet[CLIENT]}], admins: [{subnet[1]}{admins}]"
    (inventory / "group_vars" / "all" / "firewall.yml").write_text(f"mqctl_firewall: {{{networks}}}\n")


def tables(hosts: Hosts, host: str) -> list[str]:
    return hosts.run(host, ["nft", "list", "tables"]).stdout.split("\n")


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Topology, IPv4Network]]:
    """mirrored-3node behind its packet filter, deployed from nothing; every gate passed."""
    name, subnet = own_name("firewall"), subnets.take()
    inventory = copy_topology("mirrored-3node", tmp_path_factory.mktemp("firewall") / name, subnet)
    guard(inventory, subnet)
    try:
        yield settled(inventory), subnet
    finally:
        lab.down(name)


def test_who_reaches_what(walled: tuple[Topology, IPv4Network]) -> None:
    topology, subnet = walled
    with (
        visitor(topology.name, subnet, CLIENT) as client,
        visitor(topology.name, subnet, STRANGER) as stranger,
    ):
        everything = {host: dict.fromkeys(ports, False) for host, ports in LISTENING.items()}
        assert reached(stranger, topology) == everything
        allowed = {host: {port: MINE[port] for port in ports} for host, ports in LISTENING.items()}
        assert reached(client, topology) == allowed


def test_a_visitor_becomes_an_admin_without_a_restart(walled: tuple[Topology, IPv4Network]) -> None:
    """One plan of one file and a reload on each host; afterwards management and statistics, never Erlang."""
    topology, subnet = walled
    guard(topology.inventory, subnet, f", {subnet[STRANGER]}")
    try:
        (applied,) = deploy(Wish(str(topology.inventory)), Silent()).plans
        assert {(change.unit, change.action) for change in applied.services} == {
            ("mqctl-firewall.service", "reload")
        }
        with visitor(topology.name, subnet, STRANGER) as stranger:
            seen = reached(stranger, topology)
        assert seen["lb1"] == dict.fromkeys(LISTENING["lb1"], True)
        assert seen["mq1"] == {5672: True, 15672: True, 25672: False, 4369: False}
    finally:
        guard(topology.inventory, subnet)
        settled(topology.inventory)


def test_other_tables_stay_and_a_flush_is_mended(walled: tuple[Topology, IPv4Network]) -> None:
    """Debian's own nftables.service flushes everything whenever it is touched: ours comes back after it."""
    topology, _ = walled
    with Hosts.of(topology) as hosts:
        for verb in ("start", "reload", "restart", "stop"):
            assert hosts.run("mq1", ["systemctl", verb, "nftables.service"]).ok
            assert "table inet mqctl" in tables(hosts, "mq1"), verb
        assert hosts.run("mq2", ["nft", FOREIGN]).ok
        assert hosts.run("mq2", ["nft", "delete", "table", "inet", "mqctl"]).ok
        (change,) = plan(str(topology.inventory), VaultOptions()).plan.services
        assert (change.host, change.action) == ("mq2", "reload")
        settled(topology.inventory)
        assert {"table inet mqctl", "table inet foreign"} <= set(tables(hosts, "mq2"))
        assert hosts.run("mq2", ["nft", "delete", "table", "inet", "foreign"]).ok


@pytest.mark.matrix  # its bound for two holders is that of a machine that does nothing else
def test_it_is_back_after_a_power_cut_and_a_failover(
    walled: tuple[Topology, IPv4Network], tmp_path: Path
) -> None:
    topology, subnet = walled
    argv = [sys.executable, "-m", "mqctl", "failover-test", str(topology.inventory)]
    argv += ["-s", "power-off-vip-holder", "--report", str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=600)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr
    with Hosts.of(topology) as hosts:
        assert all("table inet mqctl" in tables(hosts, host.name) for host in topology.routers)
    with visitor(topology.name, subnet, STRANGER) as stranger:
        assert not any(reached(stranger, topology)["lb1"].values())


def test_without_the_variable_it_is_gone(walled: tuple[Topology, IPv4Network]) -> None:
    topology, subnet = walled
    (topology.inventory / "group_vars" / "all" / "firewall.yml").unlink()
    try:
        settled(topology.inventory)
        with Hosts.of(topology) as hosts:
            for host in topology.hosts:
                assert "table inet mqctl" not in tables(hosts, host.name)
                assert not hosts.run(host.name, ["systemctl", "cat", "mqctl-firewall.service"]).ok
        with visitor(topology.name, subnet, STRANGER) as stranger:
            assert all(port for ports in reached(stranger, topology).values() for port in ports.values())
    finally:
        guard(topology.inventory, subnet)
