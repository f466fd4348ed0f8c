"""The queue type of a failover test, as the inventory's own queues are."""

from __future__ import annotations

import pytest

from mqctl.model.objects import Objects, Policy, Queue, Vhost
from mqctl.model.topology import Topology
from mqctl.workload.fit import queue_type
from tests.topologies import mirrored_3node, with_site

QUORUM = {"x-queue-type": "quorum"}
LENGTH = Policy.model_validate({"name": "p", "pattern": "^", "definition": {"max-length": 9}})
ELSEWHERE = Policy.model_validate(
    {"name": "p", "vhost": "v", "pattern": "^", "definition": {"ha-mode": "all"}}
)


def having(**objects: object) -> Topology:
    return with_site(mirrored_3node(), objects=Objects.model_validate(objects))


@pytest.mark.parametrize(
    ("topology", "wanted"),
    [
        (mirrored_3node(), "classic"),
        (having(), "plain"),
        (having(policies=(LENGTH, ELSEWHERE)), "plain"),
        (with_site(having(), clustered=False), "classic"),
        (having(vhosts=(Vhost(name="/", default_queue_type="quorum"),)), "quorum"),
        (having(vhosts=(Vhost(name="v", default_queue_type="quorum"), Vhost(name="/"))), "plain"),
        (having(queues=(Queue(name="a", arguments=QUORUM),)), "quorum"),
        (having(queues=(Queue(name="a", arguments=QUORUM), Queue(name="b"))), "plain"),
        (having(queues=(Queue(name="a", vhost="v", arguments=QUORUM),)), "plain"),
    ],
)
def test_it_is_what_the_inventory_declares(topology: Topology, wanted: str) -> None:
    assert queue_type(topology) == wanted
