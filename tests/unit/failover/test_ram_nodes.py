"""A RAM node and a disc node at once: who they are, and where there are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mqctl.errors import InconclusiveError
from mqctl.faults import scenarios, targets
from mqctl.faults.scenarios import Choice
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, QueueStatus
from tests.topologies import broker, mirrored_3node, topology, warren

TYPES = {"mq1": "disc", "mq2": "disc", "mq3": "ram", "mq4": "ram"}
MIXED = topology(
    "mixed", tuple(broker(name, f"10.93.17.1{name[2]}", node_type=kind) for name, kind in TYPES.items())
)
(SCENARIO,) = scenarios.choose(Choice(("power-off-ram-and-disc-node",)))


def led_by(leader: str) -> ClusterStatus:
    queue = QueueStatus(vhost="/", name="q", type="classic", durable=True, leader=f"rabbit@{leader}")
    seen = BrokerStatus(running=True, node="rabbit@mq1", queues=(queue,))
    return ClusterStatus(at=datetime(2026, 1, 1, tzinfo=UTC), hosts=(HostStatus(host="mq1", broker=seen),))


def test_the_leader_and_a_disc_node_at_the_same_time() -> None:
    assert targets.find(SCENARIO.target, MIXED, led_by("mq4"), "q") == (("mq4", "mq1"),)
    assert targets.missing(SCENARIO, MIXED) is None


def test_a_queue_that_a_disc_node_leads() -> None:
    with pytest.raises(InconclusiveError, match="ram-and-disc-node: mq2 leads q, and it is no RAM node"):
        targets.find(SCENARIO.target, MIXED, led_by("mq2"), "q")


def test_where_there_are_none() -> None:
    lack = "RAM nodes and disc nodes, and mirrored-3node has not both"
    assert targets.missing(SCENARIO, mirrored_3node()) == lack
    assert targets.missing(SCENARIO, warren()) == "a cluster, and the brokers of warren stay apart"
