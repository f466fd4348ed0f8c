"""Several sites as a client uses them, as an observer sees them, and cut off from each other."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from typing import Any, NamedTuple

import pika

from mqctl.gates.wait import wait
from mqctl.model.base import reveal
from mqctl.model.topology import Topology
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.damage import at_once
from mqctl.workflows.heal import heal
from mqctl.workflows.reach import shell
from mqctl.workflows.stage import Stage

PERSISTENT = pika.BasicProperties(delivery_mode=2)


class Link(NamedTuple):
    """A link, and the broker that runs it."""

    host: str
    kind: str
    name: str
    upstream: str = ""


def running(topology: Topology) -> set[Link]:
    """Every link that runs."""
    return {
        Link(host.host, link.kind, link.name, link.upstream)
        for host in probe(topology, render(topology)).hosts
        for link in (host.broker.links if host.broker else None) or ()
        if link.state == "running"
    }


def started(topology: Topology) -> dict[str, str]:
    """When each broker's service was started, and as which process, by host."""
    script = "systemctl show -p MainPID -p ExecMainStartTimestampMonotonic rabbitmq-server"
    with Hosts.of(topology) as hosts:
        return {host.name: shell(hosts, host.name, script, 10) for host in topology.brokers}


@contextlib.contextmanager
def channel(site: Topology) -> Iterator[Any]:
    """At the site's first broker."""
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


def publish(site: Topology, exchange: str, routing_key: str, count: int) -> list[str]:
    """That many persistent messages in one transaction; gives their texts, of which no two are equal."""
    sent = [uuid.uuid4().hex for _ in range(count)]
    with channel(site) as own:
        own.tx_select()
        for body in sent:
            own.basic_publish(exchange, routing_key, body.encode(), PERSISTENT)
        own.tx_commit()
    return sent


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


def ready(site: Topology, queue: str) -> int:
    """How many messages could be delivered to a consumer."""
    with channel(site) as own:
        return int(own.queue_declare(queue, passive=True).method.message_count)


@contextlib.contextmanager
def cut_off(stage: Stage, site: Topology) -> Iterator[None]:
    """Nothing passes between this site and all others; healed in the end, and every gate passes then."""
    faults = stage.faults("cut-sites", site.site.hosts, hold=120)
    for host in faults:
        stage.broken.add("cut-sites", host)
    try:
        at_once([fault.inject for fault in faults.values()])
        for host, fault in faults.items():
            wait(lambda fault=fault: fault.evidence() is not None, timeout=30, what=f"the cut of {host}")  # type: ignore[misc]
        yield
    finally:
        heal(stage)
