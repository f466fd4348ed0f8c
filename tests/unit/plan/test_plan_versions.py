"""What the hosts' RabbitMQ lacks is refused as the inventory refuses it, where no line is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl.errors import GateError
from mqctl.inventory import assemble
from mqctl.inventory.drafting import draft
from mqctl.model.status import BrokerStatus, ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan import make
from mqctl.plan.versions import plan_versions
from tests.errors.listings import listing
from tests.topologies import mirrored_3node
from tests.unit.plan.hosts import bundles_of, converged, fresh, with_host
from tests.unit.plan.refused import Told, told
from tests.unit.plan.simulator import FRESH, apply

NAME = "rabbitmq-server"
NAMES = ("mq1", "mq2", "mq3")
HA = {"name": "ha-all", "pattern": "^", "definition": {"ha-mode": "all"}}
UNNAMED: dict[str, Any] = {"version": None, "policies": [HA]}
PATH = "rabbitmq_policies[0].definition.ha-mode"
GONE = f"{PATH}: is gone since 4.0, and this is RabbitMQ 4.0"
QUORUM = "use quorum queues instead: x-queue-type: quorum in the queues' arguments"
CASES = Path(__file__).parents[2] / "errors" / "cases"


def offering(topology: Topology, version: str, names: tuple[str, ...] = NAMES) -> ClusterStatus:
    """Fresh hosts whose package sources have that version on the named ones."""
    status = fresh(topology)
    for name in names:
        status = with_host(status, name, candidates={NAME: version})
    return status


def refused(topology: Topology, status: ClusterStatus, hosts: tuple[str, ...] = NAMES) -> list[Told]:
    return told(plan_versions(topology, status, hosts))


def test_mirroring_is_refused_before_anything_is_touched() -> None:
    topology = mirrored_3node(UNNAMED)
    with pytest.raises(GateError) as caught:
        make(topology, bundles_of(topology), offering(topology, "4.0.5-1"))
    assert (caught.value.message, caught.value.hint) == (GONE, QUORUM)


def test_a_line_that_has_it_is_planned() -> None:
    topology = mirrored_3node(UNNAMED)
    plan = make(topology, bundles_of(topology), offering(topology, "3.10.8-1.1+deb12u1"))
    assert [change.action for change in plan.membership] == ["found", "join", "join"]


@pytest.mark.parametrize(
    ("answer", "refusals"),
    [
        ({"packages": {NAME: "4.0.5-1"}, "candidates": {NAME: "3.10.8-1"}}, [(GONE, QUORUM)]),
        ({"packages": {NAME: "3.10.8-1"}, "candidates": {NAME: "4.0.5-1"}}, []),
        ({"candidates": {NAME: "1:4.0.5-1"}}, [(GONE, QUORUM)]),
        ({"candidates": {}, "broker": BrokerStatus(running=True, version="4.0.5")}, [(GONE, QUORUM)]),
        ({"candidates": {}, "broker": BrokerStatus(running=False)}, []),
        ({"candidates": {}, "broker": None}, []),
        ({"candidates": {NAME: None}}, []),
    ],
)
def test_what_is_installed_counts_before_what_is_offered(
    answer: dict[str, Any], refusals: list[Told]
) -> None:
    topology = mirrored_3node(UNNAMED)
    status = fresh(topology)
    for name in NAMES:
        status = with_host(status, name, **answer)
    assert refused(topology, status) == refusals


def test_a_host_of_another_line_is_named_where_the_setting_is_its_own() -> None:
    topology = mirrored_3node({"version": None, "consumer_timeout": 60})
    refusal = "exists from 3.9 on, and this is RabbitMQ 3.8"
    status = offering(topology, "3.8.9-3", ("mq2",))
    assert [message for message, _ in refused(topology, status)] == [
        f"mq2: rabbitmq_consumer_timeout: {refusal}"
    ]
    assert refused(topology, status, ("mq1", "mq3", "lb1")) == []
    every = offering(topology, "3.8.9-3")
    assert [message for message, _ in refused(topology, every)] == [f"rabbitmq_consumer_timeout: {refusal}"]


def test_a_disc_node_does_not_become_a_ram_node_where_there_are_none() -> None:
    settled = mirrored_3node({"version": None})
    first = make(settled, bundles_of(settled), fresh(settled))
    running = converged(settled, apply(FRESH, first.requests))
    for name in NAMES:
        running = with_host(running, name, packages={NAME: "4.0.5-8"})
    topology = mirrored_3node({"version": None, "node_type": "ram"})
    said = ("rabbitmq_node_type: is gone since 4.0, and this is RabbitMQ 4.0, got ram", "make it a disc node")
    assert refused(topology, running) == [said]


def test_each_line_is_judged_for_the_hosts_that_have_it() -> None:
    topology = mirrored_3node({**UNNAMED, "node_type": "ram"})
    status = offering(topology, "4.0.5-1", ("mq1", "mq3"))
    ram = "mq1, mq3: rabbitmq_node_type: is gone since 4.0, and this is RabbitMQ 4.0, got ram"
    assert [message for message, _ in refused(topology, status)] == [ram, GONE]


def test_a_named_line_was_judged_with_the_inventory() -> None:
    topology = mirrored_3node({**UNNAMED, "version": "3.10"})
    status = offering(topology, "4.0.5-1")
    assert refused(topology, status) == []
    with pytest.raises(GateError) as caught:
        make(topology, bundles_of(topology), status)
    assert caught.value.message.splitlines() == [
        "3 things stand in the way:",
        *(f"  - {name}: RabbitMQ 4.0.5 instead of the 3.10 of rabbitmq_version" for name in NAMES),
    ]
    assert caught.value.hint == "set rabbitmq_version to what the hosts have, or offer them that version"


@pytest.mark.parametrize(
    "case",
    [
        "default-queue-type-on-3.10",
        "denied-on-4.3",
        "mirroring-on-4",
        "newer-features-on-3.8",
        "partition-handling-on-4.3",
        "ram-node-on-4",
        "settings-that-keep-4-from-booting",
        "stream-on-3.8",
        "typed-policy-on-3.8",
    ],
)
def test_the_plan_says_what_the_inventory_says_of_a_named_line(case: str) -> None:
    asked = yaml.safe_load((CASES / case / "case.yml").read_text())
    problems = draft(listing(asked), {}).problems
    line = asked["vars"]["rabbitmq"].pop("rabbitmq_version")
    unnamed = draft(listing(asked), {})
    assert unnamed.problems == ()
    topology = assemble.topology(unnamed, Path("/inventory"))
    assert refused(topology, offering(topology, f"{line}.5-1")) == [(str(one), one.hint) for one in problems]
