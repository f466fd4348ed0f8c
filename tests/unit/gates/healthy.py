"""A status in which every gate passes, and ways to change one thing in it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from mqctl.model.gate import GateResult
from mqctl.model.objects import Binding, Exchange, Objects, Policy, Queue, User
from mqctl.model.status import (
    BrokerStatus,
    ClusterStatus,
    HaproxyServerStatus,
    HaproxyStatus,
    HostStatus,
    KeepalivedStatus,
    QueueStatus,
    ServiceStatus,
)
from mqctl.model.topology import Topology
from tests.topologies import mirrored_3node, with_site

NODES = ("rabbit@mq1", "rabbit@mq2", "rabbit@mq3")
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
HA = {"ha-mode": "all", "ha-sync-mode": "automatic"}


def topology(**rabbitmq: Any) -> Topology:
    found = mirrored_3node(rabbitmq=rabbitmq)
    objects = Objects(
        vhosts=found.objects.vhosts,
        users=(User(name="admin", tags=("administrator",)), User(name="app")),
        policies=(policy("ha-all", "^"),),
        exchanges=(Exchange(name="orders", type="topic"),),
        queues=(Queue(name="orders", arguments={"x-message-ttl": 60000}),),
        bindings=(Binding(source="orders", destination="orders", routing_key="#"),),
    )
    return with_site(found, objects=objects)


def policy(name: str, pattern: str, priority: int = 0, **definition: Any) -> Policy:
    return Policy.model_validate(
        {
            "name": name,
            "pattern": pattern,
            "apply-to": "queues",
            "priority": priority,
            "definition": definition or HA,
        }
    )


def definitions() -> dict[str, Any]:
    every = {"vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
    return {
        "vhosts": [{"name": "/"}],
        "users": [
            {"name": "admin", "tags": ["administrator"], "password_hash": "HASH"},
            {"name": "app", "tags": [], "password_hash": "HASH"},
        ],
        "permissions": [{"user": "admin", **every}, {"user": "app", **every}],
        "policies": [policy("ha-all", "^").model_dump(by_alias=True)],
        "exchanges": [Exchange(name="orders", type="topic").model_dump(exclude={"internal"})],
        "queues": [
            {**Queue(name="orders", arguments={"x-message-ttl": 60000}).model_dump(), "type": "classic"}
        ],
        "bindings": [Binding(source="orders", destination="orders", routing_key="#").model_dump()],
    }


def queue(**changes: Any) -> QueueStatus:
    fields: dict[str, Any] = {
        "vhost": "/",
        "name": "orders",
        "type": "classic",
        "durable": True,
        "leader": "rabbit@mq1",
        "mirrors": ("rabbit@mq2", "rabbit@mq3"),
        "synchronised": ("rabbit@mq2", "rabbit@mq3"),
        "policy": "ha-all",
        "effective_definition": HA,
        "state": "running",
    }
    return QueueStatus.model_validate({**fields, **changes})


def broker(node: str) -> BrokerStatus:
    return BrokerStatus(
        running=True,
        node=node,
        version="3.10.8",
        erlang="25.2.3",
        blank=False,
        cluster_name="mirrored-3node",
        members=NODES,
        running_members=NODES,
        disc_members=NODES,
        enabled_plugins=("rabbitmq_management", "rabbitmq_web_dispatch"),
        queues=(queue(),),
        definitions=definitions(),
    )


def servers(wanted: Topology) -> tuple[HaproxyServerStatus, ...]:
    return tuple(
        HaproxyServerStatus(
            proxy=proxy, server=host.name, address=f"{host.address}:{port}", status="UP", check="L7OK"
        )
        for proxy, port in (("rabbitmq", 5672), ("management", 15672))
        for host in wanted.brokers
    )


def service(unit: str) -> ServiceStatus:
    return ServiceStatus(unit=unit, exists=True, active=True, enabled=True, state="active/running")


def healthy(wanted: Topology) -> ClusterStatus:
    names = {host.name: (str(host.address),) for host in wanted.brokers}
    brokers = [
        HostStatus(
            host=host.name,
            resolves=names,
            services={"rabbitmq-server.service": service("rabbitmq-server.service")},
            broker=broker(f"rabbit@{host.name}"),
        )
        for host in wanted.brokers
    ]
    balancers = [
        HostStatus(
            host=host.name,
            resolves=names,
            services={unit: service(unit) for unit in ("haproxy.service", "keepalived.service")},
            haproxy=HaproxyStatus(answered=True, version="2.6.12", servers=servers(wanted)),
            keepalived=KeepalivedStatus(
                state="MASTER" if host.name == "lb1" else "BACKUP", holds_address=host.name == "lb1"
            ),
        )
        for host in wanted.balancers
    ]
    return ClusterStatus(at=WHEN, hosts=(*brokers, *balancers))


Change = Callable[[ClusterStatus], ClusterStatus]


def on(name: str, **changes: Any) -> Change:
    """Change fields of one host's answer."""
    return lambda status: status.model_copy(
        update={
            "hosts": tuple(
                host.model_copy(update=changes) if host.host == name else host for host in status.hosts
            )
        }
    )


def part(name: str, field: str, **changes: Any) -> Change:
    """Change fields of one part (broker, haproxy, keepalived) of one host's answer."""

    def change(status: ClusterStatus) -> ClusterStatus:
        host = status.host(name)
        assert host is not None
        return on(name, **{field: getattr(host, field).model_copy(update=changes)})(status)

    return change


def defined(**changes: Any) -> Change:
    """Change the live definitions, of all brokers."""
    return every_broker(definitions={**definitions(), **changes})


def queues(*found: QueueStatus) -> Change:
    """Other live queues, as all brokers see them."""
    return every_broker(queues=found)


def every_broker(**changes: Any) -> Change:
    def change(status: ClusterStatus) -> ClusterStatus:
        for node in NODES:
            status = part(node.partition("@")[2], "broker", **changes)(status)
        return status

    return change


def silent(name: str) -> Change:
    """A host that could not be asked."""

    def change(status: ClusterStatus) -> ClusterStatus:
        gone = HostStatus(host=name, error="10.93.17.9 port 22 refused the connection")
        return status.model_copy(
            update={"hosts": tuple(gone if host.host == name else host for host in status.hosts)}
        )

    return change


def bad(results: list[GateResult]) -> list[tuple[str, str, str, str, str]]:
    """What did not pass."""
    return [
        (result.gate, result.subject, result.outcome, result.expected, result.got)
        for result in results
        if result.outcome != "pass"
    ]
