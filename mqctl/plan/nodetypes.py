"""Disc nodes that become RAM nodes, and back: what changes, and what forbids it.

RabbitMQ resets a node that changes its type (rabbit_mnesia:change_cluster_node_type): it leaves the cluster,
loses everything that it stores, and joins again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from mqctl.model.changes import MembershipChange
from mqctl.model.rabbitmq import NodeType
from mqctl.model.status import QueueStatus
from mqctl.model.topology import Topology
from mqctl.plan.membership import Seen
from mqctl.plan.refusal import Refusal

LEAST_DISC = 2
"""Running disc nodes that must stay: with one, its loss is the loss of all metadata."""


def plan_types(
    topology: Topology, members: Sequence[Seen], hosts: Collection[str]
) -> tuple[list[MembershipChange], list[Refusal]]:
    """The running members among `hosts` whose type differs from the inventory's, new disc nodes first."""
    changing = [(seen, _wanted(topology, seen)) for seen in members if seen.host in hosts]
    changing = [(seen, wanted) for seen, wanted in changing if _type(seen) not in (None, wanted)]
    changing.sort(key=lambda change: change[1] == "ram")
    refusals = [
        *_too_few(members, changing),
        *(one for seen, wanted in changing for one in _erased(members, seen, wanted)),
    ]
    return [_change(seen, wanted) for seen, wanted in changing], refusals


def _wanted(topology: Topology, seen: Seen) -> NodeType:
    broker = topology.host(seen.host).broker
    assert broker is not None
    return broker.settings.node_type


def _type(seen: Seen) -> NodeType | None:
    """What it says of itself; None when it does not say."""
    if seen.status and seen.node in seen.status.ram_members:
        return "ram"
    return "disc" if seen.status and seen.node in seen.status.disc_members else None


def _too_few(members: Sequence[Seen], changing: Sequence[tuple[Seen, NodeType]]) -> Iterator[Refusal]:
    """Counted as if every change had been made; on the way there are never fewer."""
    leaving = [seen.host for seen, wanted in changing if wanted == "ram"]
    coming = [seen.host for seen, wanted in changing if wanted == "disc"]
    staying = [seen.host for seen in members if seen.host in coming or _type(seen) == "disc"]
    left = [host for host in staying if host not in leaving]
    if leaving and len(left) < LEAST_DISC:
        names = f" ({', '.join(left)})" if left else ""
        nodes = "node" if len(left) == 1 else "nodes"
        yield Refusal(
            f"{', '.join(leaving)}: as RAM, would leave {len(left)} running disc {nodes}{names}, and "
            f"{LEAST_DISC} must stay",
            "set rabbitmq_node_type: disc on further brokers, or start the disc nodes that are down",
        )


def _erased(members: Sequence[Seen], seen: Seen, wanted: NodeType) -> Iterator[Refusal]:
    queues = {
        f"{one.name} in {one.vhost}"
        for peer in members
        if peer.status
        for one in peer.status.queues
        if _would_go(one, seen.node)
    }
    if queues:
        yield Refusal(
            f"{seen.host}: becoming a {wanted} node erases what it stores, and it has what no other node "
            f"has of {', '.join(sorted(queues))}",
            "mirror classic queues and wait for their mirrors, move quorum queues' members, then plan again",
        )


def _would_go(queue: QueueStatus, node: str) -> bool:
    """A durable queue's only copy, or a member of a queue that counts its members."""
    if not queue.durable or queue.exclusive:
        return False
    if queue.type == "classic":
        return queue.leader == node and not queue.synchronised
    return node == queue.leader or node in queue.mirrors


def _change(seen: Seen, wanted: NodeType) -> MembershipChange:
    return MembershipChange(host=seen.host, node=seen.node, action="retype", node_type=wanted)
