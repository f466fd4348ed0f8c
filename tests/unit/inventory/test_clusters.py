"""The bundled single sites: what each is, on which RabbitMQ lines, and what its failover test plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.inventory import InventoryError, load
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.workflows.failover_test import Choice, applicable
from mqctl.workload.fit import queue_type
from tests import inventories

WHAT = {
    "standalone": (1, "plain", None),
    "cluster-2node": (2, "plain", None),
    "cluster-3node": (3, "plain", None),
    "mirrored-2node": (2, "classic", {"ha-mode": "all"}),
    "mirrored-exactly": (5, "classic", {"ha-mode": "exactly", "ha-params": 2}),
    "mirrored-nodes": (3, "classic", {"ha-mode": "nodes", "ha-params": ["rabbit@mq1", "rabbit@mq2"]}),
    "quorum-3node": (3, "quorum", None),
    "quorum-5node": (5, "quorum", None),
}
"""Brokers, the queue type of the failover test, and how queues are mirrored."""
SAFE = {
    "ha-sync-mode": "automatic",
    "ha-promote-on-failure": "when-synced",
    "ha-promote-on-shutdown": "when-synced",
}


def read(name: str, place: Path, release: Release | None = None) -> Topology:
    """The inventory as it is, or on another release."""
    copy = place / name
    inventories.copy(name, copy)
    settings = copy / "group_vars" / "all" / "lab.yml"
    lines = settings.read_text().splitlines(keepends=True)
    if release:
        lines = [f"  image: {release}\n" if line.lstrip().startswith("image:") else line for line in lines]
        settings.write_text("".join(lines))
    return load(copy)


@pytest.mark.parametrize("name", WHAT)
def test_each_is_what_its_name_says(name: str, tmp_path: Path) -> None:
    brokers, kind, mirroring = WHAT[name]
    topology = read(name, tmp_path)
    assert len(topology.brokers) == brokers
    assert queue_type(topology) == kind
    assert [policy.definition for policy in topology.objects.policies] == (
        [mirroring | SAFE] if mirroring else []
    )
    entrance = 0 if name == "standalone" else 2
    assert (len(topology.balancers), len(topology.routers)) == (entrance, entrance)


def test_any_two_of_five_means_five_members(tmp_path: Path) -> None:
    """RabbitMQ's own default is three, of which only one may be lost."""
    for host in read("quorum-5node", tmp_path).brokers:
        assert host.broker is not None
        assert host.broker.settings.advanced_config == {"rabbit": {"quorum_cluster_size": 5}}


@pytest.mark.parametrize("name", WHAT)
def test_its_failover_test_can_be_played(name: str, tmp_path: Path) -> None:
    topology = read(name, tmp_path)
    played = [scenario.name for scenario in applicable(topology, Choice())[0]]
    assert tuple(played) == topology.scenarios
    copies = WHAT[name][1] != "plain"
    assert ("power-off-every-host-in-turn" in played) == copies
    assert ("lose-queue-node" in played) != copies


@pytest.mark.parametrize("release", ["bullseye", "bookworm", "trixie", "sid"])
def test_one_broker_and_quorum_queues_on_every_line(release: Release, tmp_path: Path) -> None:
    assert read("standalone", tmp_path, release).brokers
    topology = read("quorum-3node", tmp_path, release)
    default = topology.objects.vhosts[0].default_queue_type
    assert default == ("quorum" if release in ("trixie", "sid") else None)
    assert queue_type(topology) == "quorum"


@pytest.mark.parametrize("name", [name for name, (_, _, mirroring) in WHAT.items() if mirroring])
def test_mirrors_on_3_only(name: str, tmp_path: Path) -> None:
    assert read(name, tmp_path / "older", "bullseye").objects.policies
    with pytest.raises(InventoryError) as caught:
        read(name, tmp_path / "newer", "trixie")
    assert [(str(problem), problem.hint) for problem in caught.value.problems] == [
        (
            "rabbitmq_policies[0].definition.ha-mode: is gone since 4.0, and this is RabbitMQ 4.0",
            "use quorum queues instead: x-queue-type: quorum in the queues' arguments",
        )
    ]
