"""One data directory: exactly one broker on it, everybody else waiting, and the same directory everywhere."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.gates import haproxy, names, rabbitmq, services, shared
from mqctl.gates.cluster import judge
from mqctl.model.status import (
    BrokerStatus,
    ClusterStatus,
    HaproxyServerStatus,
    HaproxyStatus,
    HostStatus,
    ServiceStatus,
    SharedStatus,
)
from mqctl.model.topology import Topology
from tests.topologies import mirrored_3node, warren_shared
from tests.unit.gates.healthy import WHEN, bad, on, part, service, silent

WARREN = warren_shared()
NODE = "rabbit@warren"
UNIT = "rabbitmq-server.service"
DIRECTORY = SharedStatus(exists=True, mounted=True, filesystem="nfs4", writable=True, identity="7 1700")
RUNNING = BrokerStatus(
    running=True,
    node=NODE,
    version="3.10.8",
    erlang="25.2.3",
    blank=False,
    cluster_name="warren-shared",
    members=(NODE,),
    running_members=(NODE,),
    disc_members=(NODE,),
    enabled_plugins=("rabbitmq_management",),
)
IDLE = BrokerStatus(running=False, blank=False)
WAITING = ServiceStatus(
    unit=UNIT, exists=True, active=False, enabled=True, state="activating/start", waits=True
)
DEAD = ServiceStatus(unit=UNIT, exists=True, active=False, enabled=True, state="failed/failed")


def host(name: str, unit: ServiceStatus, broker: BrokerStatus, **changes: Any) -> HostStatus:
    found = {"mq1": ("10.93.17.11",), "mq2": ("10.93.17.12",)}
    resolves = {**found, "warren": found[name]}
    fields = {"services": {UNIT: unit}, "broker": broker, "shared": DIRECTORY, "resolves": resolves}
    return HostStatus(host=name, **{**fields, **changes})


def balanced(name: str) -> HostStatus:
    states = {("mq1", "10.93.17.11"): "UP", ("mq2", "10.93.17.12"): "DOWN"}
    servers = tuple(
        HaproxyServerStatus(
            proxy=proxy, server=server, address=f"{address}:{port}", status=state, check="L4CON"
        )
        for (server, address), state in states.items()
        for proxy, port in (("rabbitmq", 5672), ("management", 15672))
    )
    return HostStatus(host=name, haproxy=HaproxyStatus(answered=True, version="2.6.12", servers=servers))


def status(*hosts: HostStatus) -> ClusterStatus:
    return ClusterStatus(at=WHEN, hosts=hosts)


SERVING = host("mq1", service(UNIT), RUNNING)
STANDBY = host("mq2", WAITING, IDLE)
HEALTHY = status(SERVING, STANDBY, balanced("lb1"), balanced("lb2"))


def told(seen: ClusterStatus) -> list[tuple[str, str, str]]:
    return [(one[0], one[2], one[4]) for one in bad(shared.judge(WARREN, seen))]


def test_one_that_serves_and_one_that_waits_are_healthy() -> None:
    for gates in (shared, rabbitmq, haproxy):
        assert bad(gates.judge(WARREN, HEALTHY)) == []
    assert bad(names.judge(brokers_only(), HEALTHY)) == []
    brokers = services.judge(brokers_only(), HEALTHY)
    assert [(one.subject, one.got) for one in brokers if one.gate == "service"] == [
        (f"{UNIT} on mq1", "active and enabled"),
        (f"{UNIT} on mq2", "waiting and enabled"),
    ]
    assert bad(brokers) == []


def brokers_only() -> Topology:
    return WARREN.model_copy(update={"hosts": WARREN.brokers})


def test_it_does_not_matter_which_one_serves() -> None:
    other = status(host("mq1", WAITING, IDLE), host("mq2", service(UNIT), RUNNING))
    assert told(other) == []
    assert bad(rabbitmq.judge(WARREN, other)) == []


def test_two_brokers_on_one_directory_fail() -> None:
    both = status(SERVING, host("mq2", service(UNIT), RUNNING))
    assert told(both) == [("one broker serves", "fail", "2 brokers (mq1, mq2)")]
    assert all(result.outcome == "pass" for result in shared.standbys(WARREN, both))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (host("mq1", WAITING, IDLE), STANDBY, [("one broker serves", "fail", "0 brokers")]),
        (
            host("mq1", DEAD, IDLE),
            STANDBY,
            [("one broker serves", "fail", "0 brokers"), ("standby", "fail", "the broker does not run")],
        ),
        (
            SERVING,
            host("mq2", DEAD, IDLE.model_copy(update={"error": "no disk"})),
            [("standby", "fail", "no disk")],
        ),
    ],
)
def test_nobody_who_serves_and_a_standby_that_does_not_wait_fail(
    first: HostStatus, second: HostStatus, expected: list[tuple[str, str, str]]
) -> None:
    assert told(status(first, second)) == expected


def test_a_silent_host_may_serve_too() -> None:
    found = {gate: (outcome, got) for gate, outcome, got in told(silent("mq2")(HEALTHY))}
    why = "the host did not answer: 10.93.17.9 port 22 refused the connection"
    assert found == {
        "one broker serves": ("unknown", "1 broker (mq1), no answer from mq2"),
        "standby": ("unknown", why),
        "shared directory": ("unknown", why),
        "one directory": ("unknown", "no lock seen on mq2"),
    }


@pytest.mark.parametrize(
    ("changes", "gate", "got"),
    [
        ({"exists": False}, "shared directory", "does not exist"),
        ({"mounted": False}, "shared directory", "not a mount point, writable by rabbitmq"),
        ({"writable": False}, "shared directory", "mounted, not writable by rabbitmq"),
        ({"writable": None}, "shared directory", "mounted, not writable by rabbitmq"),
        ({"identity": "8 1700"}, "one directory", "different ones on mq1, mq2"),
    ],
)
def test_what_is_wrong_with_the_directory_of_one_host(changes: dict[str, Any], gate: str, got: str) -> None:
    assert told(part("mq2", "shared", **changes)(HEALTHY)) == [(gate, "fail", got)]


def test_a_directory_that_nobody_tells_of_is_not_known() -> None:
    assert ("shared directory", "unknown", "the host did not tell") in told(on("mq2", shared=None)(HEALTHY))
    assert ("one directory", "unknown", "no lock seen on mq2") in told(
        part("mq2", "shared", identity="")(HEALTHY)
    )


def test_a_standby_that_haproxy_sends_clients_to_fails() -> None:
    swapped = status(
        host("mq1", WAITING, IDLE), host("mq2", service(UNIT), RUNNING), balanced("lb1"), balanced("lb2")
    )
    found = {(one[1], one[3], one[4]) for one in bad(haproxy.servers_up(WARREN, swapped)) if "lb1" in one[1]}
    assert found == {("mq1 behind lb1", "DOWN", "UP"), ("mq2 behind lb1", "UP", "DOWN (L4CON)")}


def test_the_common_name_leads_to_its_own_host_on_each() -> None:
    wrong = {"mq1": ("10.93.17.11",), "mq2": ("10.93.17.12",), "warren": ("10.93.17.11",)}
    assert bad(names.judge(WARREN, on("mq2", resolves=wrong)(HEALTHY)))[:1] == [
        ("names", "warren on mq2", "fail", "10.93.17.12", "10.93.17.11")
    ]


def test_a_broker_that_is_down_everywhere_fails_once() -> None:
    down = status(host("mq1", DEAD, IDLE), host("mq2", DEAD, IDLE))
    found = [one for one in bad(rabbitmq.judge(WARREN, down)) if one[0] == "broker running"]
    assert found == [("broker running", NODE, "fail", "running", "the broker does not run")]


def test_a_waiting_unit_that_is_not_enabled_or_old_fails() -> None:
    lazy = WAITING.model_copy(update={"enabled": False, "stale": True})
    found = bad(services.judge(brokers_only(), on("mq2", services={UNIT: lazy})(HEALTHY)))
    assert [(one[0], one[2], one[4]) for one in found] == [
        ("service", "fail", "waiting and not enabled"),
        ("configuration loaded", "fail", "older files than there are now"),
    ]


def test_brokers_with_a_directory_each_are_not_asked() -> None:
    assert shared.judge(mirrored_3node(), HEALTHY) == []
    assert "one broker serves" in {result.gate for result in judge(WARREN, HEALTHY)}
