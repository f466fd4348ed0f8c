"""What is dropped for each cut, as text for nft and iptables, and what the others must find."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_address

import pytest

from mqctl.errors import MqctlError
from mqctl.faults import catalogue, packets
from mqctl.faults.base import Place, Reach
from mqctl.faults.looks import HalfOpen, Port, all_of
from mqctl.faults.packets import Rule
from mqctl.model.scenario import FaultName
from tests.topologies import mirrored_3node

TOPOLOGY = mirrored_3node()
CUTS: tuple[FaultName, ...] = (
    "cut-from-peers", "cut-one-way", "cut-from-clients", "cut-from-all", "cut-vrrp"
)  # fmt: skip


class Net:
    """Hosts whose ports answer as `ports` says: (seen from, port) -> exit code of the attempt."""

    def __init__(self, ports: Mapping[tuple[str, int], str], half_open: str = "") -> None:
        self.ports = ports
        self.half_open = half_open
        self.ran: list[tuple[str, str]] = []

    def shell(self, host: str, script: str, timeout: float) -> str:
        self.ran.append((host, script))
        if "/dev/tcp/" in script:
            return self.ports[host, int(script.partition("/dev/tcp/")[2].split("'")[0].split("/")[1])]
        if script.startswith("ss "):
            return self.half_open
        if script.startswith("ip "):
            return "eth0 10.93.17.100/24\n" if self.ports.get((host, 0)) else ""
        assert "undo" in script
        return ""

    def namespace(self, host: str, script: str, timeout: float) -> str:
        assert "systemd-run" not in script
        return self.shell(f"net of {host}", script, timeout)

    @property
    def lab(self) -> Reach:
        return Reach(self.shell, None, self.namespace)

    @property
    def real(self) -> Reach:
        return Reach(self.shell, None)


def filtered(name: FaultName, host: str, *group: str) -> tuple[list[str], list[str]]:
    """The rules of nft and of iptables for a cut, without what they all have."""
    net = Net({})
    catalogue.make(name, net.lab, Place(TOPOLOGY, host, group or (host,))).inject()
    ((where, script),) = net.ran
    assert where == f"net of {host}"
    nft = script.partition("nft -f - <<'END'\n")[2].partition("END\n")[0]
    tables = script.partition("\niptables-restore --noflush --wait <<'END'\n")[2].partition("END\n")[0]
    return (
        [line for line in nft.splitlines() if line.endswith(("drop", "accept")) and "policy" not in line],
        [line for line in tables.splitlines() if line.startswith("-A")],
    )


def test_cut_from_peers_drops_what_brokers_say_to_each_other() -> None:
    nft, tables = filtered("cut-from-peers", "mq1")
    assert len(nft) == len(tables) == 16
    assert {line for line in nft if "10.93.17.12" in line} == {
        f"ip {end}addr 10.93.17.12 tcp {side}port {port} drop"
        for end in "sd" for side in "sd" for port in (4369, 25672)
    }  # fmt: skip
    assert "-A MQCTL-IN -s 10.93.17.13 -p tcp --sport 25672 -j DROP" in tables
    assert "-A MQCTL-OUT -d 10.93.17.13 -p tcp --dport 4369 -j DROP" in tables
    assert not [line for line in nft if "5672 " in line.replace("25672", "")]


def test_a_group_is_cut_from_those_outside_and_not_from_itself() -> None:
    nft, _ = filtered("cut-from-peers", "mq1", "mq1", "mq2")
    assert {line.split()[2] for line in nft} == {"10.93.17.13"}


def test_cut_one_way_drops_only_what_comes_in() -> None:
    nft, tables = filtered("cut-one-way", "mq1")
    assert len(nft) == 8
    assert all(line.startswith("ip saddr") for line in nft)
    assert all(line.startswith("-A MQCTL-IN -s") for line in tables)


def test_cut_from_clients_leaves_the_peers_alone() -> None:
    nft, tables = filtered("cut-from-clients", "mq1")
    assert sorted(nft) == [f"tcp {side}port {port} drop" for side in "ds" for port in (15672, 5672)]
    assert tables[0] == "-A MQCTL-IN -p tcp --dport 5672 -j DROP"


def test_cut_from_all_leaves_ssh() -> None:
    host = TOPOLOGY.hosts[0].model_copy(
        update={"connection": TOPOLOGY.hosts[0].connection.model_copy(update={"port": 2222})}
    )
    net = Net({})
    topology = TOPOLOGY.model_copy(update={"hosts": (host, *TOPOLOGY.hosts[1:])})
    catalogue.make("cut-from-all", net.lab, Place(topology, "mq1", ("mq1",))).inject()
    inside = net.ran[0][1].partition("hook input")[2].partition("}")[0].splitlines()[1:]
    assert inside == ['iifname "lo" accept', "tcp dport 22 accept", "tcp dport 2222 accept", "drop"]
    outside = net.ran[0][1].partition("hook output")[2].partition("}")[0].splitlines()[1:]
    assert outside == ['oifname "lo" accept', "tcp sport 22 accept", "tcp sport 2222 accept", "drop"]


def test_cut_vrrp_drops_adverts_and_nothing_else() -> None:
    assert filtered("cut-vrrp", "lb1") == (["meta l4proto 112 drop"], ["-A MQCTL-IN -p 112 -j DROP"])


def test_addresses_go_to_the_table_of_their_ip_version() -> None:
    rules = [
        Rule("in", peer=ip_address("2001:db8::1"), protocol="tcp", port=4369),
        Rule("out", peer=ip_address("192.0.2.1")),
        Rule("in", "accept", loopback=True),
    ]
    assert "ip6 saddr 2001:db8::1 tcp dport 4369 drop" in packets.nft(rules)
    four, six = packets.iptables(rules, 4), packets.iptables(rules, 6)
    assert ("2001:db8::1" in four, "192.0.2.1" in four) == (False, True)
    assert ("2001:db8::1" in six, "192.0.2.1" in six) == (True, False)
    assert "-A MQCTL-IN -i lo -j ACCEPT" in four
    assert "-A MQCTL-IN -i lo -j ACCEPT" in six


OPEN, SILENT, REFUSED = "0\n", "124\n", "1\n"


@pytest.mark.parametrize(
    ("name", "ports", "half_open", "evidence"),
    [
        (
            "cut-from-peers",
            {("mq2", 25672): SILENT, ("lb1", 5672): OPEN},
            "",
            "port 25672 of mq1 is silent from mq2; port 5672 of mq1 is open from lb1",
        ),
        ("cut-from-peers", {("mq2", 25672): OPEN, ("lb1", 5672): OPEN}, "", None),
        ("cut-from-peers", {("mq2", 25672): REFUSED, ("lb1", 5672): OPEN}, "", None),
        ("cut-from-peers", {("mq2", 25672): SILENT, ("lb1", 5672): SILENT}, "", None),
        (
            "cut-from-clients",
            {("lb1", 5672): SILENT, ("mq2", 25672): OPEN},
            "",
            "port 5672 of mq1 is silent from lb1; port 25672 of mq1 is open from mq2",
        ),
        ("cut-from-clients", {("lb1", 5672): REFUSED, ("mq2", 25672): OPEN}, "", None),
        ("cut-from-clients", {("lb1", 5672): SILENT, ("mq2", 25672): SILENT}, "", None),
        (
            "cut-from-all",
            {("lb1", 5672): SILENT, ("mq2", 25672): SILENT},
            "",
            "port 5672 of mq1 is silent from lb1; port 25672 of mq1 is silent from mq2",
        ),
        ("cut-from-all", {("lb1", 5672): SILENT, ("mq2", 25672): OPEN}, "", None),
        (
            "cut-one-way",
            {("mq1", 25672): SILENT},
            "0 0 10.93.17.12:25672 10.93.17.11:40000\n",
            "port 25672 of mq2 is silent from mq1; "
            "packets of mq1 arrive at mq2 (half open connection to port 25672)",
        ),
        ("cut-one-way", {("mq1", 25672): SILENT}, "", None),
        ("cut-one-way", {("mq1", 25672): OPEN}, "0 0 a b\n", None),
    ],
)
def test_a_cut_is_what_others_find(
    name: FaultName, ports: dict[tuple[str, int], str], half_open: str, evidence: str | None
) -> None:
    net = Net(ports, half_open)
    assert catalogue.make(name, net.lab, Place(TOPOLOGY, "mq1", ("mq1",))).evidence() == evidence


@pytest.mark.parametrize(
    ("holders", "evidence"),
    [
        ((), None),
        (("lb1",), None),
        (("lb1", "lb2"), "lb1, lb2 have 10.93.17.100 at the same time"),
    ],
)
def test_a_split_is_an_address_that_two_routers_have(holders: tuple[str, ...], evidence: str | None) -> None:
    net = Net({(host, 0): "yes" for host in holders})
    assert catalogue.make("cut-vrrp", net.lab, Place(TOPOLOGY, "lb1", ("lb1", "lb2"))).evidence() == evidence


def test_nothing_seen_is_no_evidence() -> None:
    assert all_of([], Net({}).shell) is None


@pytest.mark.parametrize("name", CUTS)
def test_over_ssh_the_host_itself_heals_when_mqctl_does_not(name: FaultName) -> None:
    """The timer is armed before anything is dropped, and outlasts the hold."""
    net = Net({})
    host = "lb1" if name == "cut-vrrp" else "mq1"
    fault = catalogue.make(name, net.real, Place(TOPOLOGY, host, (host,), hold=30))
    fault.inject()
    ((_, script),) = net.ran
    armed, _, rest = script.partition("--unit=mqctl-heal-network --on-active=90 ")
    assert "nft -f" not in armed
    assert "nft delete table inet mqctl_fault" in rest.partition("set -eu")[0]
    fault.heal()
    assert net.ran[1][1].endswith("systemctl stop mqctl-heal-network.timer; fi\n")


@pytest.mark.parametrize(
    "text", [packets.undo(), packets.apply([Rule("in")]), packets.deadman(9), packets.disarm()]
)
def test_scripts_are_shell(text: str, run_sh: Callable[[str], int]) -> None:
    assert run_sh(text) == 0
    assert run_sh(text + "if") != 0


@pytest.fixture
def run_sh() -> Callable[[str], int]:
    """Reads a script without running it."""
    import subprocess

    return lambda text: subprocess.run(["/bin/sh", "-n"], input=text, text=True, check=False).returncode


def test_cuts_that_leave_nobody() -> None:
    with pytest.raises(MqctlError, match="mq1 has no peers outside of the group"):
        catalogue.make("cut-from-peers", Net({}).lab, Place(TOPOLOGY, "mq1", ("mq1", "mq2", "mq3")))
    alone = TOPOLOGY.model_copy(update={"hosts": TOPOLOGY.hosts[:1]})
    with pytest.raises(MqctlError, match="nobody outside of mq1 can tell whether a cut works"):
        catalogue.make("cut-from-clients", Net({}).lab, Place(alone, "mq1", ("mq1",)))
    with pytest.raises(MqctlError, match="lb1 is no broker"):
        catalogue.make("cut-from-clients", Net({}).lab, Place(TOPOLOGY, "lb1", ("lb1",)))


def test_looks_ask_the_right_host() -> None:
    net = Net({("mq2", 25672): SILENT}, "x")
    address = ip_address("10.93.17.11")
    looks = [Port("mq2", "mq1", address, 25672, "silent"), HalfOpen("mq3", address, 25672, "mq1", (address,))]
    assert all_of(looks, net.shell) is not None
    assert [host for host, _ in net.ran] == ["mq2", "mq3"]
    assert "dst 10.93.17.11" in net.ran[1][1]


@pytest.mark.parametrize(("answer", "seen"), [("0", True), ("1", True), (SILENT, False)])
def test_a_broker_that_paused_for_a_cut_is_still_reached_by_its_clients(answer: str, seen: bool) -> None:
    """Refused or open: packets go both ways. Silence would be another cut than the one that was asked for."""
    fault = catalogue.make(
        "cut-from-peers",
        Net({("mq2", 25672): SILENT, ("lb1", 5672): answer}).lab,
        Place(TOPOLOGY, "mq1", ("mq1",)),
    )
    assert (fault.evidence() is not None) is seen
