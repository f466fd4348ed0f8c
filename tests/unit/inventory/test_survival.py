"""What an inventory's settings promise to live through."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mqctl import share
from mqctl.inventory import VaultOptions
from mqctl.inventory.load import fits
from mqctl.model.draft import Draft, DraftHost
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.survival import balancers_lost, brokers_lost, survival


def site(brokers: int, balancers: int = 0, name: str = "", **settings: Any) -> Draft:
    wanted = RabbitmqSettings.model_validate(settings)
    entrance = HaproxySettings()
    hosts = [DraftHost(f"mq{i}", frozenset({"rabbitmq"}), site=name, rabbitmq=wanted) for i in range(brokers)]
    for i in range(balancers):
        router = KeepalivedSettings.model_validate({"virtual_address": "192.0.2.9/24", "priority": 100 + i})
        groups = frozenset({"haproxy", "keepalived"})
        hosts.append(DraftHost(f"lb{i}", groups, site=name, haproxy=entrance, keepalived=router))
    return Draft(tuple(hosts))


def mirroring(**definition: Any) -> dict[str, Any]:
    return {"policies": [{"name": "ha", "pattern": "^", "definition": definition}]}


QUORUM = {"vhosts": [{"name": "/", "default_queue_type": "quorum"}]}


@pytest.mark.parametrize(
    ("brokers", "settings", "lost"),
    [
        (3, mirroring(**{"ha-mode": "all"}), 1),
        (3, {**mirroring(**{"ha-mode": "all"}), "partition_handling": "autoheal"}, 2),
        (5, mirroring(**{"ha-mode": "all"}), 2),
        (5, mirroring(**{"ha-mode": "exactly", "ha-params": 2}), 1),
        (5, mirroring(**{"ha-mode": "exactly", "ha-params": 1}), 0),
        (3, mirroring(**{"ha-mode": "nodes", "ha-params": ["rabbit@mq1", "rabbit@mq2"]}), 1),
        (3, mirroring(**{"max-length": 5}), 0),
        (3, {}, 0),
        (1, {}, 0),
        (3, QUORUM, 1),
        (5, QUORUM, 1),
        (5, {**QUORUM, "advanced_config": {"rabbit": {"quorum_cluster_size": 5}}}, 2),
        (3, {"queues": [{"name": "q", "arguments": {"x-queue-type": "quorum"}}]}, 1),
        (2, {**mirroring(**{"ha-mode": "all"}), "clustered": False}, 0),
    ],
)
def test_as_many_brokers_may_be_lost_as_cluster_and_queues_both_spare(
    brokers: int, settings: dict[str, Any], lost: int
) -> None:
    draft = site(brokers, **settings)
    assert brokers_lost(draft) == lost
    said = [text for text in survival(draft).survives if "brokers at once" in text]
    assert said == ([f"any {lost} of {brokers} brokers at once"] if lost else [])


def test_a_plain_cluster_says_what_a_lost_broker_takes_along() -> None:
    assert any("takes its queues along" in text for text in survival(site(3)).loses)
    assert not any("takes its queues along" in text for text in survival(site(1)).loses)


@pytest.mark.parametrize(("balancers", "lost"), [(0, 0), (1, 0), (2, 1), (3, 2)])
def test_load_balancers(balancers: int, lost: int) -> None:
    draft = site(3, balancers)
    assert balancers_lost(draft) == lost
    said = [text for text in survival(draft).survives if "load balancers" in text]
    assert bool(said) is bool(lost)


def test_a_load_balancer_without_a_router_saves_nobody() -> None:
    hosts = tuple(replace(host, keepalived=None) for host in site(3, 2).hosts)
    assert balancers_lost(Draft(hosts)) == 0


def test_several_sites() -> None:
    draft = Draft((*site(1, name="east").hosts, *site(1, name="west").hosts))
    assert any("whole site" in text for text in survival(draft).survives)


@pytest.mark.parametrize(
    ("name", "fitting"),
    [
        ("standalone", ["bullseye", "bookworm", "trixie", "sid"]),
        ("mirrored-3node", ["bullseye", "bookworm"]),
        ("federation-2site", []),
    ],
)
def test_the_releases_that_an_inventory_fits(name: str, fitting: list[str]) -> None:
    """Of two sites that ask for different lines no one release fits both."""
    found = fits(share.root() / "inventories" / name, VaultOptions())
    assert [release for release, fit in found.items() if fit] == fitting
