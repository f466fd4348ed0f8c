"""Who may open connections to what, host by host, and how that is written down."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_network
from typing import Any

import pytest

from mqctl.model.base import reveal
from mqctl.model.firewall import UNIT
from mqctl.model.topology import Topology
from mqctl.render.bundle import render
from mqctl.render.context.firewall import FILE
from mqctl.render.firewall import DROP_IN, UNIT_FILE
from tests import nasty
from tests.topologies import disc_ram, mirrored_3node, standalone, walled, warren

CLIENTS, ADMIN = "198.51.100.0/24", "203.0.113.7"
INSIDE = "10.93.17"


def table(topology: Topology, host: str) -> str:
    return next(reveal(file.content) for file in render(topology)[host].files if file.path == FILE)


def may(text: str, port: int | str) -> set[str]:
    """The sources that a port accepts; KeyError when it is not guarded at all."""
    accepted: set[str] = set()
    guarded = False
    for line in text.splitlines():
        rule = re.search(r"tcp dport \{ (.*?) \} (accept|counter drop)", line)
        if rule is None or str(port) not in rule.group(1).split(", "):
            continue
        guarded = guarded or rule.group(2) == "counter drop"
        source = re.search(r"ip6? saddr \{ (.*?) \}", line)
        if rule.group(2) == "accept":
            assert source is not None, f"open to everybody: {line}"
            accepted |= set(source.group(1).split(", "))
    if not guarded:
        raise KeyError(port)
    return accepted


@pytest.fixture(scope="module")
def three() -> Topology:
    return walled(mirrored_3node())


def addresses(*numbers: int) -> set[str]:
    return {f"{INSIDE}.{number}" for number in numbers}


@pytest.mark.parametrize("host", ["mq1", "lb1"])
@pytest.mark.parametrize("port", [5672, 5671])
def test_amqp_is_for_clients_admins_and_the_inventorys_hosts(three: Topology, host: str, port: int) -> None:
    allowed = may(table(three, host), port)
    assert {CLIENTS, ADMIN, *addresses(11, 21, 100)} <= allowed | _spread(allowed)
    assert "0.0.0.0/0" not in allowed


def _spread(networks: set[str]) -> set[str]:
    """Single addresses of ours that a network covers."""
    wide = [ip_network(one) for one in networks if one != CLIENTS]
    return {
        f"{INSIDE}.{number}"
        for number in range(1, 255)
        if any(IPv4Address(f"{INSIDE}.{number}") in one for one in wide)
    }


@pytest.mark.parametrize("port", [4369, 25672, "35672-35682"])
def test_erlang_is_for_the_other_brokers_only(three: Topology, port: int | str) -> None:
    assert _spread(may(table(three, "mq1"), port)) == addresses(12, 13)
    assert _spread(may(table(three, "mq3"), port)) == addresses(11, 12)


def test_management_of_brokers_is_for_admins_and_balancers(three: Topology) -> None:
    for port in (15672, 15671):
        allowed = may(table(three, "mq1"), port)
        assert ADMIN in allowed
        assert _spread(allowed) == addresses(21, 22, 100)


@pytest.mark.parametrize("port", [15672, 8100])
def test_management_and_statistics_of_balancers_are_for_admins(three: Topology, port: int) -> None:
    assert may(table(three, "lb1"), port) == {ADMIN}


def test_without_admins_nobody_reaches_statistics() -> None:
    assert may(table(walled(mirrored_3node(), admins=[]), "lb1"), 8100) == set()


@pytest.mark.parametrize("host", ["mq1", "lb1"])
def test_ssh_is_none_of_its_business(three: Topology, host: str) -> None:
    text = table(three, host)
    assert "policy accept" in text
    with pytest.raises(KeyError):
        may(text, 22)
    for line in text.splitlines():
        assert "drop" not in line or re.search(r"tcp dport \{|l4proto 112", line), line


def test_adverts_come_from_the_other_router_and_brokers_do_not_care(three: Topology) -> None:
    assert f"ip saddr {{ {INSIDE}.22 }} meta l4proto 112 accept" in table(three, "lb1")
    assert "meta l4proto 112 counter drop" in table(three, "lb1")
    assert "112" not in table(three, "mq1")


def test_no_other_table_is_touched(three: Topology) -> None:
    text = table(three, "lb1")
    assert "flush" not in text
    assert re.findall(r"^(?:table|delete table) (.*?)(?: \{)?$", text, re.MULTILINE) == ["inet mqctl"] * 3


def test_brokers_of_a_warren_are_no_peers() -> None:
    assert may(table(walled(warren()), "mq1"), 25672) == set()


def test_balancers_that_remember_reach_each_other() -> None:
    assert _spread(may(table(walled(warren({"failback": False})), "lb1"), 10000)) == addresses(22, 100)
    with pytest.raises(KeyError):
        may(table(walled(warren()), "lb1"), 10000)


def test_a_broker_alone_is_for_clients() -> None:
    text = table(walled(standalone(port=5673, distribution_port=20000)), "mq1")
    assert CLIENTS in may(text, 5673)
    assert may(text, "30000-30010") == may(text, 20000) == set()


@pytest.mark.parametrize(
    ("plugin", "port", "who"), [("rabbitmq_stream", 5552, CLIENTS), ("rabbitmq_prometheus", 15692, ADMIN)]
)
def test_plugins_ports_are_guarded_when_they_are_enabled(plugin: str, port: int, who: str) -> None:
    plain, extended = standalone(), standalone(plugins=["rabbitmq_management", plugin])
    assert who in may(table(walled(extended), "mq1"), port)
    with pytest.raises(KeyError):
        may(table(walled(plain), "mq1"), port)


def test_sets_have_no_overlapping_elements() -> None:
    wide = walled(mirrored_3node(), clients=["10.0.0.0/8", "10.93.0.0/16"], admins=["10.93.17.1"])
    assert may(table(wide, "mq1"), 5672) == {"10.0.0.0/8"}


def test_both_families_have_their_own_sets() -> None:
    text = table(walled(nasty.six(), clients=["2001:db8::/32", "192.0.2.0/24"]), _first(nasty.six()))
    assert re.search(r"ip6 saddr \{ [^}]*2001:db8::/32[^}]* \} tcp dport \{ \d+, 5671 \} accept", text)
    assert re.search(r"ip saddr \{ [^}]*192\.0\.2\.0/24[^}]* \} tcp dport \{ \d+, 5671 \} accept", text)


def _first(topology: Topology) -> str:
    return topology.brokers[0].name


@pytest.mark.parametrize("make", [mirrored_3node, disc_ram])
def test_without_the_variable_file_unit_and_package_are_not_wanted(make: Any) -> None:
    for bundle in render(make()).values():
        kinds = {file.path: file.kind for file in bundle.files if file.component == "firewall"}
        assert kinds == dict.fromkeys((FILE, UNIT_FILE, DROP_IN), "absent")
        assert "nftables" not in bundle.packages
        assert UNIT not in [service.unit for service in bundle.services]


def test_with_it_every_host_has_them(three: Topology) -> None:
    for bundle in render(three).values():
        files = {file.path: file for file in bundle.files if file.component == "firewall"}
        assert {path: file.kind for path, file in files.items()} == dict.fromkeys(
            (FILE, UNIT_FILE, DROP_IN), "file"
        )
        assert files[FILE].validator == ("nft", "-c", "-f", "%s")
        assert (files[FILE].owner, files[FILE].mode) == ("root", "0640")
        assert bundle.packages[0] == "nftables"
        assert bundle.services[0].unit == UNIT
