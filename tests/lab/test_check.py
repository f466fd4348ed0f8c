"""`mqctl check` on real hosts: fresh and deployed ones pass, a stranger on the wire or on a port is named."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mqctl import cli, lab
from mqctl.errors import ExitCode
from mqctl.inventory import ensure
from mqctl.model.lab import LabHost, LabSpec
from mqctl.model.topology import Topology
from mqctl.process import run
from mqctl.workflows.check_fix import KEEP_FILE
from tests.lab.conftest import copied

pytestmark = pytest.mark.lab

STRANGER = "stranger"
STATE = """
cd / && find etc usr/local root run/mqctl var/lib/rabbitmq -type f -printf '%p %T@ %s\\n' 2>/dev/null \\
  | sort | sha256sum
ip -o addr | sha256sum
systemctl list-units --no-legend --plain --state=running --type=service | grep -v session | sha256sum
"""
ADVERTS = """
import socket, struct, time
from ipaddress import IPv4Address

wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112)
wire.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
wire.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255)

def advert(router_id, priority):
    fields = (0x21, router_id, priority, 1, 0, 1, 0, IPv4Address("{vip}").packed, bytes(8))
    body = struct.pack("!BBBBBBH4s8s", *fields)
    total = sum(struct.unpack("!10H", body))
    total = (total & 0xffff) + (total >> 16)
    return body[:6] + struct.pack("!H", ~(total + (total >> 16)) & 0xffff) + body[8:]

while True:
    wire.sendto(advert({multicast}, 200), ("224.0.0.18", 0))
    wire.sendto(advert({unicast}, 201), ("{peer}", 0))
    time.sleep(1)
"""
DEB = """set -e
mkdir -p /root/deb/DEBIAN
cat >/root/deb/DEBIAN/control <<'END'
Package: unattended-upgrades
Version: 2.9
Architecture: all
Maintainer: test <test@localhost>
Description: stands for the real one
END
dpkg-deb -b /root/deb /root/deb.deb >/dev/null && dpkg -i /root/deb.deb >/dev/null
echo 'APT::Periodic::Unattended-Upgrade "1";' >/etc/apt/apt.conf.d/20auto-upgrades
"""


class Hosts:
    """Fresh hosts of an inventory, and one on the same wire that it does not know."""

    def __init__(self, topology: Topology, spec: LabSpec) -> None:
        self.topology, self.spec = topology, spec
        self.vip = str(topology.virtual_address)
        self.router_id = next(
            host.keepalived.virtual_router_id for host in topology.routers if host.keepalived
        )
        self.addresses = {host.name: host.address for host in spec.hosts}

    def sh(self, host: str, script: str) -> str:
        """As root."""
        argv = [*lab.ssh_argv(self.spec.state_dir, self.addresses[host]), "sh"]
        done = run(argv, stdin=script, timeout=120)
        assert done.ok, done.stderr
        return done.stdout

    def states(self) -> dict[str, str]:
        return {host.name: self.sh(host.name, STATE) for host in self.topology.hosts}

    @contextmanager
    def serving(self, host: str, unit: str, *argv: str) -> Iterator[None]:
        """A program of somebody else's, as long as the block lasts."""
        self.sh(host, shlex.join(["systemd-run", "-q", f"--unit={unit}", *argv]))
        try:
            yield
        finally:
            self.sh(host, f"systemctl stop {unit}")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    with copied("mirrored-3node", "check", tmp_path_factory.mktemp("check")) as inventory:
        topology = ensure(inventory)
        assert topology.lab is not None
        known = topology.lab
        spec = known.model_copy(
            update={"hosts": (*known.hosts, LabHost(name=STRANGER, address=known.subnet[99]))}
        )
        lab.up(spec, lambda host, message: None)
        yield Hosts(topology, spec)


Rows = dict[tuple[str, str], tuple[str, str]]


def checked(
    inventory: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, Rows, dict[str, Any]]:
    """The exit code, outcome and message by host and check, and the whole document."""
    capsys.readouterr()
    code = cli.run(["check", str(inventory), "--json", *options])
    said = json.loads(capsys.readouterr().out)
    rows = {(one["host"], one["check"]): (one["outcome"], one["message"]) for one in said["results"]}
    return code, rows, said


def bad(rows: Rows) -> Rows:
    return {key: row for key, row in rows.items() if row[0] in ("fail", "unknown")}


def test_fresh_hosts_pass_and_are_left_as_they_were(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    before = hosts.states()
    code, rows, _ = checked(hosts.topology.inventory, capsys)
    assert bad(rows) == {}
    assert code == ExitCode.DONE
    assert rows["mq1", "ports"] == ("pass", "5672, 15672, 25672 free; 4369 held by epmd.service")
    assert rows["lb1", "virtual IP unanswered"] == ("pass", "nobody answers")
    assert rows["lb2", "virtual_router_id"] == ("pass", f"{hosts.router_id} unused by others for 3.5 s")
    assert rows["mq2", "cluster"] == ("pass", "no broker has run here")
    assert rows["all", "plan"][1].startswith("a deploy can begin: ")
    assert hosts.states() == before


def test_a_port_that_a_foreign_program_has(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    with hosts.serving("mq1", "other", "python3", "-m", "http.server", "5672"):
        listening = "until ss -Hltn sport = :5672 | grep -q .; do :; done"
        hosts.sh("mq1", listening)
        code, rows, _ = checked(hosts.topology.inventory, capsys)
    assert code == ExitCode.FAILED
    assert bad(rows) == {
        ("mq1", "ports"): (
            "fail",
            "expected 5672 free for the broker's AMQP, got python3 (other.service) on it",
        )
    }


def test_a_stranger_that_has_the_virtual_ip(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    mac = hosts.sh(STRANGER, "cat /sys/class/net/eth0/address").strip()
    hosts.sh(STRANGER, f"ip addr add {hosts.vip}/24 dev eth0")
    try:
        code, rows, _ = checked(hosts.topology.inventory, capsys)
    finally:
        hosts.sh(STRANGER, f"ip addr del {hosts.vip}/24 dev eth0")
    message = f"expected nobody else to have {hosts.vip}, got an answer from {mac}"
    assert code == ExitCode.FAILED
    assert bad(rows) == {(lb, "virtual IP unanswered"): ("fail", message) for lb in ("lb1", "lb2")}


def test_a_broker_that_has_the_virtual_ip(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.sh("mq2", f"ip addr add {hosts.vip}/24 dev eth0")
    try:
        _, rows, _ = checked(hosts.topology.inventory, capsys)
    finally:
        hosts.sh("mq2", f"ip addr del {hosts.vip}/24 dev eth0")
    message = f"expected {hosts.vip} on no host but lb1, lb2, and mq2 has it"
    assert bad(rows) == {("mq2", "virtual IP's holder"): ("fail", message)}


def test_a_stranger_in_the_virtual_router(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    """First only lb1 is told that it is ours, and everybody that it is another; then the other way round."""
    own, other, source = hosts.router_id, hosts.router_id + 1, hosts.addresses[STRANGER]
    told = f"expected {own} unused, got adverts of it from {source}"
    with hosts.serving(STRANGER, "vrrp", "python3", "-c", adverts(hosts, multicast=other, unicast=own)):
        code, rows, _ = checked(hosts.topology.inventory, capsys)
    assert code == ExitCode.FAILED
    assert bad(rows) == {("lb1", "virtual_router_id"): ("fail", f"{told} (priority 201, VRRP 2, unicast)")}
    beside = f"{own} unused by others for 3.5 s; heard {other} of {source}"
    assert rows["lb2", "virtual_router_id"] == ("pass", beside)
    with hosts.serving(STRANGER, "vrrp", "python3", "-c", adverts(hosts, multicast=own, unicast=other)):
        _, rows, _ = checked(hosts.topology.inventory, capsys)
    message = f"{told} (priority 200, VRRP 2, multicast)"
    assert bad(rows) == {(lb, "virtual_router_id"): ("fail", message) for lb in ("lb1", "lb2")}


def adverts(hosts: Hosts, multicast: int, unicast: int) -> str:
    return ADVERTS.format(vip=hosts.vip, multicast=multicast, unicast=unicast, peer=hosts.addresses["lb1"])


@pytest.mark.matrix
def test_another_cluster_on_a_host(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    hosts.sh("mq3", "systemctl start rabbitmq-server && rabbitmqctl -q set_cluster_name billing")
    try:
        _, rows, _ = checked(hosts.topology.inventory, capsys)
    finally:
        hosts.sh("mq3", "systemctl stop rabbitmq-server && rm -rf /var/lib/rabbitmq/mnesia")
    assert rows["mq3", "cluster"] == (
        "fail",
        "expected cluster " + hosts.topology.cluster_name + " or none, got a member of billing",
    )
    assert rows["mq3", "ports"][0] == "warn"


def test_fix_keeps_unattended_upgrades_away(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    inventory = hosts.topology.inventory
    hosts.sh("mq1", DEB)
    code, rows, _ = checked(inventory, capsys)
    assert code == ExitCode.DONE
    assert rows["mq1", "unattended-upgrades"] == (
        "warn",
        "would upgrade and restart erlang-base, rabbitmq-server by itself",
    )
    before = hosts.states()
    code, rows, said = checked(inventory, capsys, "--fix", "--yes")
    assert said["repaired"] == [{"host": "mq1", "fix": "keep-packages"}]
    assert rows["mq1", "unattended-upgrades"] == ("pass", "leaves mqctl's packages alone")
    assert "^rabbitmq-server$" in hosts.sh("mq1", "apt-config dump Unattended-Upgrade::Package-Blacklist")
    after = hosts.states()
    assert [name for name in before if after[name] != before[name]] == ["mq1"]
    capsys.readouterr()
    assert cli.run(["audit", str(inventory), "--json"]) == ExitCode.DONE
    assert KEEP_FILE in capsys.readouterr().out


@pytest.mark.matrix
def test_a_host_that_is_gone(hosts: Hosts, capsys: pytest.CaptureFixture[str]) -> None:
    lab.power_off(hosts.spec.name, "mq2")
    try:
        code, rows, said = checked(hosts.topology.inventory, capsys)
    finally:
        lab.power_on(hosts.spec.name, "mq2")
    assert code == ExitCode.CANNOT_RUN
    assert rows["mq2", "SSH"][0] == "fail"
    assert rows["all", "plan"] == ("unknown", "no plan without the answer of mq2")
    assert rows["mq1", "ports"][0] == "pass"
    (hint,) = [one["hint"] for one in said["results"] if (one["host"], one["check"]) == ("mq2", "SSH")]
    assert hint == f"is the lab up? mqctl lab up {hosts.topology.inventory}"


def test_a_deployed_cluster_passes(deployed: Topology, capsys: pytest.CaptureFixture[str]) -> None:
    code, rows, _ = checked(deployed.inventory, capsys)
    assert bad(rows) == {}
    assert code == ExitCode.DONE
    held = "4369 held by epmd.service; 5672, 15672, 25672 held by rabbitmq-server.service"
    assert rows["mq1", "ports"] == ("pass", held)
    assert rows["lb2", "ports"] == ("pass", "5672, 8100, 15672 held by haproxy.service")
    assert rows["lb2", "virtual IP unanswered"][1].startswith("held by lb")
    assert rows["all", "plan"] == ("pass", "nothing to do: it is deployed")
