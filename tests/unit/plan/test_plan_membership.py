"""Membership: one founder, never two clusters, nothing erased that holds data, nothing removed silently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, QueueStatus, ServiceStatus
from mqctl.plan.membership import Membership, plan_membership
from tests.topologies import broker, mirrored_3node, topology
from tests.unit.plan.hosts import AT, running
from tests.unit.plan.refused import Told, told
from tests.unit.plan.simulator import FRESH

TOPOLOGY = mirrored_3node()
NAMES = ("mq1", "mq2", "mq3")
ALL = tuple(f"rabbit@{name}" for name in NAMES)
DATA: Mapping[str, Any] = {**FRESH, "queues": [{"vhost": "/", "name": "q"}]}
BLANK = BrokerStatus(running=False)
STOPPED = BrokerStatus(running=False, blank=False)
MUTE = BrokerStatus(running=False, blank=False, error="no answer in 10 s")
PAUSED = BrokerStatus(running=False, blank=False, node="rabbit@mq2", error="paused as a minority")


def up(name: str, members: tuple[str, ...], definitions: Mapping[str, Any] | None = DATA) -> BrokerStatus:
    return running(TOPOLOGY.host(name), members, definitions)


def alone(name: str, definitions: Mapping[str, Any] | None = DATA) -> BrokerStatus:
    return up(name, (f"rabbit@{name}",), definitions)


def plan(*brokers: BrokerStatus | None, hosts: tuple[str, ...] = NAMES, active: bool = True) -> Membership:
    """None: the host did not answer; `active`: what systemd says of the units."""
    unit = "rabbitmq-server.service"
    services = {unit: ServiceStatus(unit=unit, exists=True, active=active, enabled=True)}
    answers = tuple(
        HostStatus(host=name, error="timed out")
        if one is None
        else HostStatus(host=name, broker=one, services=services)
        for name, one in zip(NAMES, brokers, strict=True)
    )
    return plan_membership(TOPOLOGY, ClusterStatus(at=AT, hosts=answers), hosts)


def did(outcome: Membership) -> list[str]:
    return [f"{change.host} {change.action} {change.peer or ''}".strip() for change in outcome.changes]


@pytest.mark.parametrize(
    ("brokers", "expected"),
    [
        ([BLANK, BLANK, BLANK], ["mq1 found", "mq2 join rabbit@mq1", "mq3 join rabbit@mq1"]),
        ([up("mq1", ALL), up("mq2", ALL), up("mq3", ALL)], []),
        ([up("mq1", ALL), STOPPED, up("mq3", ALL)], ["mq2 start"]),
        ([STOPPED, STOPPED, STOPPED], ["mq1 start", "mq2 start", "mq3 start"]),
        ([BLANK, up("mq2", ALL[1:]), up("mq3", ALL[1:])], ["mq1 join rabbit@mq2"]),
        # A member that lost its disk: 3.10 takes it back through peer discovery, under its old name.
        ([up("mq1", ALL), BLANK, up("mq3", ALL)], ["mq2 join rabbit@mq1"]),
        ([BLANK, alone("mq2"), BLANK], ["mq1 join rabbit@mq2", "mq3 join rabbit@mq2"]),
        ([BLANK, STOPPED, BLANK], ["mq1 join rabbit@mq2", "mq2 start", "mq3 join rabbit@mq2"]),
        ([alone("mq1", FRESH), alone("mq2", FRESH), BLANK], ["mq2 rejoin rabbit@mq1", "mq3 join rabbit@mq1"]),
        (
            [alone("mq1", FRESH), alone("mq2"), alone("mq3", FRESH)],
            ["mq1 rejoin rabbit@mq2", "mq3 rejoin rabbit@mq2"],
        ),
        (
            [alone("mq1", FRESH), up("mq2", ALL[1:], FRESH), up("mq3", ALL[1:], FRESH)],
            ["mq1 rejoin rabbit@mq2"],
        ),
    ],
)
def test_membership(brokers: list[BrokerStatus], expected: list[str]) -> None:
    outcome = plan(*brokers)
    assert outcome.refusals == ()
    assert did(outcome) == expected


TWO_CLUSTERS = (
    "two clusters hold user data: mq1 and mq2",
    "joining would erase one of them: export what you need, reset the brokers of one, then plan again",
)
HUNG = (
    "mq2: the broker runs but does not answer: no answer in 10 s",
    "when it goes on like this, restart rabbitmq-server on mq2, then plan again",
)


@pytest.mark.parametrize(
    ("brokers", "refusal"),
    [
        ([alone("mq1"), alone("mq2"), BLANK], TWO_CLUSTERS),
        ([alone("mq1"), alone("mq2", None), BLANK], TWO_CLUSTERS),
        ([up("mq1", ALL), MUTE, up("mq3", ALL)], HUNG),
        ([BLANK, MUTE, BLANK], HUNG),
        (
            [BLANK, None, BLANK],
            (
                "cannot tell whether a cluster exists: mq2 did not answer",
                "a new cluster is founded only when every broker was asked",
            ),
        ),
        (
            [alone("mq1"), STOPPED, BLANK],
            (
                "mq2: its broker is stopped, has data of its own, and the cluster does not know it",
                "when its data may go, stop rabbitmq-server on mq2 and empty its node database; "
                "otherwise start it and look",
            ),
        ),
    ],
)
def test_refusals(brokers: list[BrokerStatus | None], refusal: Told) -> None:
    assert told(plan(*brokers).refusals) == [refusal]


@pytest.mark.parametrize(
    ("brokers", "active", "expected"),
    [
        ([up("mq1", ALL), MUTE, up("mq3", ALL)], False, ["mq2 start"]),
        ([up("mq1", ALL), PAUSED, up("mq3", ALL)], True, ["mq2 start"]),
        (
            [BLANK, MUTE.model_copy(update={"blank": True}), BLANK],
            False,
            ["mq1 found", "mq2 join rabbit@mq1", "mq3 join rabbit@mq1"],
        ),
    ],
)
def test_a_broker_that_fails_to_boot_is_booted_again_and_the_reason_told(
    brokers: list[BrokerStatus], active: bool, expected: list[str]
) -> None:
    outcome = plan(*brokers, active=active)
    assert outcome.refusals == ()
    assert did(outcome) == expected
    assert [note for note in outcome.notes if note == f"mq2: {brokers[1].error}"]


def test_a_mute_broker_never_lets_another_one_found() -> None:
    assert "mq1 found" not in did(plan(BLANK, MUTE, BLANK))


def test_a_blank_broker_alone_is_not_told_to_join_nothing() -> None:
    outcome = plan(BLANK, BLANK, BLANK, hosts=("mq2",))
    assert told(outcome.refusals) == [
        ("mq2: there is no cluster to join yet", "include mq1, which has to come first")
    ]


SOLO = QueueStatus(vhost="/", name="solo", type="classic", durable=True)


@pytest.mark.parametrize(
    ("queue", "lost"),
    [
        ({}, True),
        ({"leader": "rabbit@mq2"}, True),
        ({"leader": "rabbit@mq2", "synchronised": ("rabbit@mq1",)}, False),
        ({"leader": "rabbit@mq3"}, False),
        ({"durable": False}, False),
        ({"type": "quorum"}, False),
    ],
)
def test_the_only_copy_on_a_lost_disk_is_given_up_by_a_person(queue: dict[str, Any], lost: bool) -> None:
    first = up("mq1", ALL).model_copy(update={"queues": (SOLO.model_copy(update=queue),)})
    refusals = plan(first, BLANK, up("mq3", ALL)).refusals
    message = "mq2: its node database is gone, and it had the only copy of solo in /"
    hint = (
        "bring its disk back, or give these queues up: run rabbitmqctl forget_cluster_node rabbit@mq2 "
        "on mq1, then plan again"
    )
    assert told(refusals) == ([(message, hint)] if lost else [])


def test_a_new_member_is_not_taken_for_one_that_lost_its_disk() -> None:
    first = up("mq1", ALL[:1]).model_copy(update={"queues": (SOLO,)})
    assert plan(first, BLANK, BLANK).refusals == ()


def test_only_chosen_hosts_change() -> None:
    assert did(plan(up("mq1", ALL), STOPPED, STOPPED, hosts=("mq3",))) == ["mq3 start"]


def test_a_ram_node_never_founds() -> None:
    hosts = (broker("mq1", "10.0.0.1", node_type="ram"), broker("mq2", "10.0.0.2"))
    answers = tuple(HostStatus(host=host.name, broker=BLANK) for host in hosts)
    outcome = plan_membership(topology("t", hosts), ClusterStatus(at=AT, hosts=answers), ("mq1", "mq2"))
    assert did(outcome) == ["mq1 join rabbit@mq2", "mq2 found"]


def test_members_outside_the_inventory_are_told_and_left_alone() -> None:
    more = (*ALL, "rabbit@old")
    outcome = plan(up("mq1", more), up("mq2", more), up("mq3", more))
    assert outcome.changes == ()
    (stranger,) = outcome.strangers
    assert (stranger.node, stranger.cluster, stranger.ask) == ("rabbit@old", "mirrored-3node", "mq1")
    assert outcome.notes == ()


def test_members_that_one_sided_know_each_other_are_one_cluster() -> None:
    outcome = plan(up("mq1", ALL), up("mq2", ALL[1:]), up("mq3", ALL[1:]))
    assert outcome.changes == ()
    assert outcome.refusals == ()
