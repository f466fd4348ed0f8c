"""Changes of node type: new disc nodes first, two disc nodes stay, no only copy is erased."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.model.status import BrokerStatus, QueueStatus
from mqctl.plan.membership import Seen
from mqctl.plan.nodetypes import plan_types
from tests.topologies import broker, topology
from tests.unit.plan.refused import Told, told

NAMES = ("mq1", "mq2", "mq3", "mq4", "mq5")
NODES = tuple(f"rabbit@{name}" for name in NAMES)
MORE_DISC = "set rabbitmq_node_type: disc on further brokers, or start the disc nodes that are down"
MIRROR_FIRST = (
    "mirror classic queues and wait for their mirrors, move quorum queues' members, then plan again"
)
ERASES = "becoming a {} node erases what it stores, and it has what no other node has of orders in /"


def queue(**changes: Any) -> QueueStatus:
    fields = {"vhost": "/", "name": "orders", "type": "classic", "durable": True, "leader": "rabbit@mq3"}
    return QueueStatus.model_validate({**fields, **changes})


def did(
    wanted: str,
    live: str,
    *queues: QueueStatus,
    hosts: tuple[str, ...] = NAMES,
) -> tuple[list[str], list[Told]]:
    """Types by letter, d or r, in the order of NAMES; `-` is a broker that does not run."""
    types = {"d": "disc", "r": "ram"}
    hosts_built = [
        broker(name, f"10.93.17.1{number}", node_type=types[one])
        for number, (name, one) in enumerate(zip(NAMES, wanted, strict=True))
    ]
    built = topology("t", tuple(hosts_built))
    status = {
        "disc_members": tuple(node for node, one in zip(NODES, live, strict=True) if one == "d"),
        "ram_members": tuple(node for node, one in zip(NODES, live, strict=True) if one == "r"),
        "members": NODES,
        "queues": queues,
        "version": "3.10.8",
    }
    seen = [
        Seen(name, f"rabbit@{name}", BrokerStatus(running=True, node=f"rabbit@{name}", blank=False, **status))
        for name, one in zip(NAMES, live, strict=True)
        if one != "-"
    ]
    changes, refusals = plan_types(built, seen, hosts)
    return [f"{c.host} {c.action} {c.node_type}" for c in changes], told(refusals)


@pytest.mark.parametrize(
    ("wanted", "live", "changes"),
    [
        ("dddrr", "dddrr", []),
        ("ddddr", "dddrr", ["mq4 retype disc"]),
        ("ddrrr", "dddrr", ["mq3 retype ram"]),
        ("rdddr", "dddrr", ["mq4 retype disc", "mq1 retype ram"]),
        (
            "rrddd",
            "ddrrr",
            ["mq3 retype disc", "mq4 retype disc", "mq5 retype disc", "mq1 retype ram", "mq2 retype ram"],
        ),
        ("ddddd", "dddrr", ["mq4 retype disc", "mq5 retype disc"]),
    ],
)
def test_what_changes(wanted: str, live: str, changes: list[str]) -> None:
    assert did(wanted, live) == (changes, [])


def test_only_the_chosen_hosts_change() -> None:
    assert did("ddrrd", "dddrr", hosts=("mq5",)) == (["mq5 retype disc"], [])


@pytest.mark.parametrize(
    ("wanted", "live", "message"),
    [
        ("drrrr", "ddrrr", "mq2: as RAM, would leave 1 running disc node (mq1), and 2 must stay"),
        ("drrrr", "dddrr", "mq2, mq3: as RAM, would leave 1 running disc node (mq1), and 2 must stay"),
        ("ddrrr", "-ddrr", "mq3: as RAM, would leave 1 running disc node (mq2), and 2 must stay"),
        ("rrrrr", "drrrr", "mq1: as RAM, would leave 0 running disc nodes, and 2 must stay"),
    ],
)
def test_two_disc_nodes_must_stay(wanted: str, live: str, message: str) -> None:
    assert did(wanted, live)[1] == [(message, MORE_DISC)]


def test_a_disc_node_of_another_limit_does_not_count() -> None:
    """mq4 will be one, but not in this plan."""
    said = "mq2, mq3: as RAM, would leave 1 running disc node (mq1), and 2 must stay"
    assert did("drrdr", "dddrr")[1] == []
    assert did("drrdr", "dddrr", hosts=("mq2", "mq3"))[1] == [(said, MORE_DISC)]


@pytest.mark.parametrize(
    "held",
    [
        queue(),
        queue(mirrors=("rabbit@mq1",)),
        queue(
            type="quorum",
            leader="rabbit@mq1",
            mirrors=("rabbit@mq2", "rabbit@mq3"),
            synchronised=("rabbit@mq2",),
        ),
        queue(type="quorum", mirrors=("rabbit@mq2",), synchronised=("rabbit@mq2",)),
    ],
)
def test_an_only_copy_is_not_erased(held: QueueStatus) -> None:
    assert did("ddrrr", "dddrr", held)[1] == [(f"mq3: {ERASES.format('ram')}", MIRROR_FIRST)]


@pytest.mark.parametrize(
    "held",
    [
        queue(mirrors=("rabbit@mq1",), synchronised=("rabbit@mq1",)),
        queue(leader="rabbit@mq1"),
        queue(durable=False),
        queue(exclusive=True),
    ],
)
def test_what_others_have_or_nobody_keeps_may_go(held: QueueStatus) -> None:
    assert did("ddrrr", "dddrr", held) == (["mq3 retype ram"], [])
