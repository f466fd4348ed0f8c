"""Two single brokers with links between them: across RabbitMQ lines, with odd names, added and removed."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
import yaml

from mqctl import lab, share
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions
from mqctl.model.base import reveal
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.plan import plan
from mqctl.workflows.reach import shell
from tests.lab import subnets
from tests.lab.conftest import settled
from tests.lab.leftovers import own_name

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
        {"name": "odd", "vhost": "a/b ü%", "site": "west", "site-vhost": "c d/é", "user": ODD["name"]},
    ],
    "rabbitmq_upstream_sets": [{"name": "near", "upstreams": [{"upstream": "west"}]}],
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
    "rabbitmq_queues": [{"name": "got"}, {"name": "back"}],
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


def look(topology: Topology) -> ClusterStatus:
    return probe(topology, render(topology))


def running(topology: Topology) -> set[tuple[str, str, str]]:
    """(host, kind, name) of every link that runs."""
    return {
        (host.host, link.kind, link.name)
        for host in look(topology).hosts
        for link in (host.broker.links if host.broker else None) or ()
        if link.state == "running"
    }


def started(topology: Topology) -> list[str]:
    """When each broker's service was started, and as which process."""
    script = "systemctl show -p MainPID -p ExecMainStartTimestampMonotonic rabbitmq-server"
    with Hosts.of(topology) as hosts:
        return [shell(hosts, host.name, script, 10) for host in topology.hosts]


@contextlib.contextmanager
def channel(site: Topology) -> Iterator[Any]:
    broker, user = site.brokers[0], next(user for user in site.objects.users if user.name == "app")
    assert broker.broker is not None
    assert user.password is not None
    login = pika.PlainCredentials("app", reveal(user.password))
    where = pika.ConnectionParameters(str(broker.address), broker.broker.settings.port, credentials=login)
    connection = pika.BlockingConnection(where)
    try:
        yield connection.channel()
    finally:
        connection.close()


def fetch(site: Topology, queue: str, count: int) -> list[str]:
    """That many messages, or fewer when none came for 30 s, and what comes within 2 s after them."""
    found: list[str] = []
    with channel(site) as own:
        while message := _next(own, queue, 30 if len(found) < count else 2):
            found.append(message)
    return found


def _next(own: Any, queue: str, seconds: float) -> str | None:
    for _, _, body in own.consume(queue, auto_ack=True, inactivity_timeout=seconds):
        return None if body is None else str(body.decode())
    return None


def test_links_run_across_lines_and_names_and_nothing_goes_round(inventory: Path) -> None:
    topology = settled(inventory)
    east, west = topology.sites
    assert running(topology) == {
        ("east-mq1", "exchange", "fedx"),
        ("east-mq1", "queue", "fedodd"),
        ("east-mq1", "shovel", "back"),
        ("west-mq1", "exchange", "fedx"),
    }
    sent: list[str] = []
    for site in (east, west):
        with channel(site) as own:
            own.confirm_delivery()
            for body in (uuid.uuid4().hex for _ in range(100)):
                own.basic_publish("fedx", "", body.encode())
                sent.append(body)
    for site in (east, west):
        assert sorted(fetch(site, "got", len(sent))) == sorted(sent)
    with channel(east) as own:
        for body in sent:
            own.basic_publish("", "back", body.encode())
    assert fetch(west, "back", len(sent)) == sent


def test_links_come_and_go_without_a_restart(inventory: Path) -> None:
    topology = settled(inventory)
    before = started(topology)
    fewer = {**EAST, "rabbitmq_shovels": []}
    write(inventory, fewer)
    planned = plan(str(inventory), VaultOptions()).plan
    assert [(one.action, one.kind, one.name) for one in planned.objects] == [("delete", "shovel", "back")]
    assert not planned.hosts
    without = settled(inventory)
    assert ("east-mq1", "shovel", "back") not in running(without)
    write(inventory, EAST)
    settled(inventory)
    wait(
        lambda: ("east-mq1", "shovel", "back") in running(topology),
        timeout=60,
        interval=1,
        what="the shovel's return",
    )
    assert started(topology) == before
