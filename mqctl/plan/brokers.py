"""The brokers of a topology among themselves: who founds, who is restarted when."""

from __future__ import annotations

from collections.abc import Sequence

from mqctl.model.base import reveal
from mqctl.model.changes import FileChange
from mqctl.model.status import ClusterStatus, HostStatus
from mqctl.model.topology import Topology
from mqctl.plan.refusal import Refusal

_COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
_ENVIRONMENT, _SECURED = "/etc/rabbitmq/rabbitmq-env.conf", "-proto_dist inet_tls"


def restart_order(topology: Topology, status: ClusterStatus) -> tuple[str, ...]:
    """The brokers' hosts in the order in which they may be restarted, one at a time.

    Fewest led queues first: a restarted leader hands its queues to a peer, so the one that leads most goes
    last and its queues move once instead of once per restart. Among equals the inventory's order, the founder
    (first disc broker) last: it holds the schema in every state of the roll. One cluster after the other.
    Standbys of a shared data directory come before the broker that has it.
    """
    return tuple(name for cluster in topology.clusters for name in _restart_order(cluster, status))


def _restart_order(cluster: Topology, status: ClusterStatus) -> list[str]:
    names = [host.name for host in cluster.brokers]
    led, founder = _led(status.of(names)), founder_of(cluster)
    serving = _serving(cluster, status)

    def rank(name: str) -> tuple[bool, int, bool]:
        return name in serving, led.get(node_of(cluster, name), 0), name == founder

    return sorted(names, key=rank)


def _serving(cluster: Topology, status: ClusterStatus) -> list[str]:
    """Of brokers that share a data directory the one that has it: the others take it over."""
    answers = status.of([host.name for host in cluster.brokers]).hosts if cluster.shared_dir else ()
    return [answer.host for answer in answers if answer.broker and answer.broker.running]


def founder_of(topology: Topology) -> str | None:
    """The host that founds the cluster when there is none: the inventory's first disc broker."""
    for host in topology.brokers:
        if host.broker and host.broker.settings.node_type == "disc":
            return host.name
    return None


def node_of(topology: Topology, name: str) -> str:
    """The Erlang node name of a host, empty when it is no broker."""
    broker = topology.host(name).broker
    return broker.node if broker else ""


def _led(status: ClusterStatus) -> dict[str, int]:
    """How many queues each node leads, as the broker that sees most of them tells it."""
    views = [host.broker.queues for host in status.hosts if host.broker and host.broker.running]
    counts: dict[str, int] = {}
    for queue in max(views, key=len, default=()):
        if queue.leader:
            counts[queue.leader] = counts.get(queue.leader, 0) + 1
    return counts


def changes_cookie(files: Sequence[FileChange]) -> bool:
    """Whether the cookie's file is among them: with a wrong one nobody can ask the node."""
    return any(change.path == _COOKIE for change in files)


def keeps_its_cookie(answer: HostStatus, files: Sequence[FileChange]) -> list[Refusal]:
    """Members with different cookies do not talk to each other, so a cluster never changes it node by node.

    RabbitMQ guide "Clustering", "How Nodes Authenticate to Each Other". A broker alone takes a new one.
    """
    changed = any(change.path == _COOKIE and change.action != "attributes" for change in files)
    if not changed or not _has_peers(answer):
        return []
    return [
        Refusal(
            f"{answer.host}: the Erlang cookie cannot change while the broker runs in a cluster",
            "put the old rabbitmq_erlang_cookie back, or stop rabbitmq-server on every broker and deploy: "
            "all of them start with the new one",
        )
    ]


def keeps_its_distribution(answer: HostStatus, files: Sequence[FileChange]) -> list[Refusal]:
    """Nodes with TLS between them and nodes without do not talk to each other: no cluster goes by turns."""
    live = answer.files.get(_ENVIRONMENT)
    before = _SECURED in reveal(live.content) if live and live.content else False
    changed = any(
        change.path == _ENVIRONMENT and (_SECURED in reveal(change.spec.content)) != before
        for change in files
    )
    if not changed or not _has_peers(answer):
        return []
    return [
        Refusal(
            f"{answer.host}: TLS between the nodes cannot be switched {'off' if before else 'on'} while the "
            "broker runs in a cluster",
            "set mqctl_tls.inter_node as it was, or stop rabbitmq-server on every broker and deploy: "
            "all of them start with the new setting",
        )
    ]


def _has_peers(answer: HostStatus) -> bool:
    broker = answer.broker
    return broker is not None and broker.running and bool(set(broker.members) - {broker.node})
