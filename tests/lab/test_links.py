"""Two single brokers with links between them: across RabbitMQ lines, with odd names, added and removed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl import lab, share
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions
from mqctl.workflows.plan import plan
from tests.lab import subnets
from tests.lab.conftest import settled
from tests.lab.leftovers import own_name
from tests.lab.sites import Link, fetch, publish, running, started

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

ODD = {"name": "od:d@ü", "permissions": [{"vhost": "c d/é"}], "password": "p:@/%+ é?#&w"}
NEAR = {"name": "fed", "pattern": "^fed", "definition": {"federation-upstream-set": "near"}}
FEDERATED: dict[str, Any] = {
    "rabbitmq_policies": [NEAR],
    "rabbitmq_exchanges": [{"name": "fedx", "type": "fanout"}],
    "rabbitmq_bindings": [{"source": "fedx", "destination": "got"}],
}
EAST: dict[str, Any] = {
    **FEDERATED,
    "rabbitmq_vhosts": [{"name": "/"}, {"name": "a/b ü%"}],
    "rabbitmq_upstreams": [
        {"name": "west", "site": "west", "max-hops": 1, "reconnect-delay": 1},
        {"name": "side", "site": "west", "exchange": "side", "max-hops": 1, "reconnect-delay": 1},
        {"name": "odd", "vhost": "a/b ü%", "site": "west", "site-vhost": "c d/é", "user": ODD["name"]},
    ],
    "rabbitmq_upstream_sets": [
        {"name": "near", "upstreams": [{"upstream": "west"}, {"upstream": "side"}]},
    ],
    "rabbitmq_policies": [
        NEAR,
        {"name": "fed", "vhost": "a/b ü%", "pattern": "^fed", "definition": {"federation-upstream": "odd"}},
    ],
    "rabbitmq_queues": [{"name": "got"}, {"name": "back"}, {"name": "fedodd", "vhost": "a/b ü%"}],
    "rabbitmq_shovels": [
        {"name": "back", "src": {"queue": "back"}, "dest": {"site": "west", "queue": "back"}}
    ],
}
WEST: dict[str, Any] = {
    **FEDERATED,
    "rabbitmq_vhosts": [{"name": "/"}, {"name": "c d/é"}],
    "rabbitmq_users": [ODD],
    "rabbitmq_upstreams": [{"name": "east", "site": "east", "max-hops": 1, "reconnect-delay": 1}],
    "rabbitmq_upstream_sets": [{"name": "near", "upstreams": [{"upstream": "east"}]}],
    "rabbitmq_exchanges": [*FEDERATED["rabbitmq_exchanges"], {"name": "side", "type": "fanout"}],
    "rabbitmq_queues": [{"name": "got"}, {"name": "back"}],
}
FEWER: dict[str, Any] = {
    **EAST,
    "rabbitmq_shovels": [],
    "rabbitmq_upstreams": [one for one in EAST["rabbitmq_upstreams"] if one["name"] != "odd"],
    "rabbitmq_upstream_sets": [{"name": "near", "upstreams": [{"upstream": "west"}]}],
    "rabbitmq_policies": [NEAR],
}
REMOVED = {
    Link("east-mq1", "exchange", "fedx", "side"),
    Link("east-mq1", "queue", "fedodd", "odd"),
    Link("east-mq1", "shovel", "back"),
}
LINKS = REMOVED | {
    Link("east-mq1", "exchange", "fedx", "west"),
    Link("west-mq1", "exchange", "fedx", "east"),
}


def write(path: Path, east: dict[str, Any]) -> None:
    for site, variables in (("east", east), ("west", WEST)):
        (path / "group_vars" / f"{site}.yml").write_text(yaml.safe_dump({"mqctl_site": site, **variables}))


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    name, subnet = own_name("links"), subnets.take()
    path = tmp_path_factory.mktemp("inventories") / name
    (path / "group_vars" / "all").mkdir(parents=True)
    shared = share.root() / "inventories" / "mirrored-3node" / "group_vars" / "all" / "connection.yml"
    shutil.copy(shared, path / "group_vars" / "all")
    hosts = {"east-mq1": str(subnet[11]), "west-mq1": str(subnet[21])}
    groups: dict[str, Any] = {
        "rabbitmq": {
            "hosts": {host: {"ansible_host": address} for host, address in hosts.items()},
            "vars": {"rabbitmq_plugins": ["rabbitmq_management", "rabbitmq_federation", "rabbitmq_shovel"]},
        }
    }
    for site, image in (("east", "bookworm"), ("west", "trixie")):
        settings = {"mqctl_lab": {"image": image, "subnet": str(subnet)}}
        groups[site] = {"hosts": {f"{site}-mq1": None}, "vars": settings}
    (path / "hosts.yml").write_text(yaml.safe_dump(groups, sort_keys=False))
    write(path, EAST)
    try:
        yield path
    finally:
        lab.down(name)


def test_links_run_across_lines_and_names_and_nothing_goes_round(inventory: Path) -> None:
    topology = settled(inventory)
    east, west = topology.sites
    assert running(topology) == LINKS
    sent = [body for site in (east, west) for body in publish(site, "fedx", "", 100)]
    for site in (east, west):
        assert sorted(fetch(site, "got", len(sent))) == sorted(sent)
    sent = publish(east, "", "back", 200)
    assert fetch(west, "back", len(sent)) == sent


def test_links_come_and_go_without_a_restart(inventory: Path) -> None:
    """A shovel, an upstream with the policy that names it, and a member of a set that keeps another one."""
    topology = settled(inventory)
    before = started(topology)
    write(inventory, FEWER)
    planned = plan(str(inventory), VaultOptions()).plan
    assert sorted((one.action, one.kind, one.name) for one in planned.objects) == [
        ("delete", "federation-upstream", "odd"),
        ("delete", "policy", "fed"),
        ("delete", "shovel", "back"),
        ("update", "federation-upstream-set", "near"),
    ]
    assert not planned.hosts
    settled(inventory)
    wait(lambda: running(topology) == LINKS - REMOVED, timeout=60, interval=1, what="the links' end")
    write(inventory, EAST)
    settled(inventory)
    wait(lambda: running(topology) == LINKS, timeout=60, interval=1, what="the links' return")
    assert started(topology) == before
