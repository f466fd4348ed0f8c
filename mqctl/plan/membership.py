"""Who founds the cluster, who joins it, who is started: decided by what every broker said."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mqctl.model.changes import MembershipChange, Stranger
from mqctl.model.status import BrokerStatus, ClusterStatus, QueueStatus
from mqctl.model.topology import Topology
from mqctl.plan.brokers import founder_of, node_of
from mqctl.plan.refusal import Refusal
from mqctl.plan.userdata import has_user_data

_UNIT = "rabbitmq-server"


@dataclass(frozen=True)
class Seen:
    """One broker of the inventory and what was learned of it; `status` None: its host did not answer."""

    host: str
    node: str
    status: BrokerStatus | None
    active: bool = False
    """systemd says that its unit runs."""
    waits: bool = False
    """It is a standby, and waits for the data directory that another host's broker has."""

    @property
    def running(self) -> bool:
        """It is up and said who its peers are."""
        return self.status is not None and self.status.running and not self.status.error

    @property
    def hung(self) -> bool:
        """Its unit runs, and yet the node did not answer: what it holds and serves is not known."""
        return self.status is not None and bool(self.status.error) and not self.status.node and self.active

    @property
    def blank(self) -> bool:
        """It never booted: no node database."""
        return self.status is not None and not self.status.running and self.status.blank

    @property
    def members(self) -> frozenset[str]:
        """The cluster as it sees it, itself included."""
        return frozenset(self.status.members) | {self.node} if self.status else frozenset()


@dataclass(frozen=True)
class Membership:
    """The outcome: what to do, what forbids it, what to tell."""

    changes: tuple[MembershipChange, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = ()
    cluster: tuple[Seen, ...] = ()
    """The running members of the cluster that stays; empty when none runs."""
    strangers: tuple[Stranger, ...] = ()


def plan_membership(
    topology: Topology, status: ClusterStatus, hosts: Collection[str], locked_out: Collection[str] = ()
) -> Membership:
    """What the brokers among `hosts` need so that all brokers of the inventory are one cluster.

    Those `locked_out` do not answer because of their cookie files, which this very plan puts right.
    """
    brokers = [see(topology, status, host.name) for host in topology.brokers]
    refusals = [hung(seen) for seen in brokers if seen.hung and seen.host not in locked_out]
    clusters = _clusters(brokers)
    main, rivals = _choose(clusters, founder_of(topology))
    refusals += [_two_clusters(main, rival) for rival in rivals if _holds_data(rival)]
    changes, more = _changes(topology, brokers, main, rivals, hosts)
    notes = _ailing(brokers)
    notes += [_locked_out(seen) for seen in brokers if seen.hung and seen.host in locked_out]
    return Membership(
        tuple(changes), tuple(refusals + more), tuple(notes), tuple(main), _strangers(topology, main)
    )


def see(topology: Topology, status: ClusterStatus, name: str) -> Seen:
    """What one host told of its broker."""
    answer = status.host(name)
    if answer is None or not answer.answered:
        return Seen(name, node_of(topology, name), None)
    active = any(service.active for unit, service in answer.services.items() if unit.startswith(_UNIT))
    broker = answer.broker or BrokerStatus(running=False)
    return Seen(name, node_of(topology, name), broker, active, answer.waits)


def _clusters(brokers: Sequence[Seen]) -> list[list[Seen]]:
    """The running brokers by cluster: two belong together when either one knows the other as a member."""
    clusters: list[list[Seen]] = []
    for seen in (one for one in brokers if one.running):
        related = [cluster for cluster in clusters if any(_know(seen, peer) for peer in cluster)]
        merged = [peer for cluster in related for peer in cluster] + [seen]
        clusters = [cluster for cluster in clusters if cluster not in related] + [merged]
    return clusters


def _know(one: Seen, other: Seen) -> bool:
    return one.node in other.members or other.node in one.members


def _choose(clusters: list[list[Seen]], founder: str | None) -> tuple[list[Seen], list[list[Seen]]]:
    """The cluster that stays, and the others: user data first, then size, then the founder's."""
    if not clusters:
        return [], []

    def weight(cluster: list[Seen]) -> tuple[bool, int, bool]:
        return _holds_data(cluster), len(cluster), any(seen.host == founder for seen in cluster)

    main = max(clusters, key=weight)
    return main, [cluster for cluster in clusters if cluster is not main]


def _holds_data(cluster: Sequence[Seen]) -> bool:
    return any(seen.status is not None and has_user_data(seen.status) for seen in cluster)


def _changes(
    topology: Topology,
    brokers: Sequence[Seen],
    main: Sequence[Seen],
    rivals: Sequence[Sequence[Seen]],
    hosts: Collection[str],
) -> tuple[list[MembershipChange], list[Refusal]]:
    astray = {seen.host for rival in rivals for seen in rival}
    candidate = _founder(topology, brokers, main)
    peer = main[0].node if main else _first_started(brokers) or candidate
    changes: list[MembershipChange] = []
    refusals: list[Refusal] = []
    for seen in (one for one in brokers if one.host in hosts and one.status is not None):
        if seen.host in astray:
            changes.append(_change(seen, "rejoin", peer))
        elif seen.blank and seen.node == candidate:
            refusals += _cannot_found(brokers)
            changes.append(_change(seen, "found"))
        elif seen.blank:
            refusals += _nobody_to_join(brokers, seen, main, candidate, hosts) + _bereft(seen, main)
            changes.append(_change(seen, "join", peer))
        elif not seen.running and not seen.hung:
            refusals += _forgotten(seen, main)
            changes.append(_change(seen, "start"))
    return changes, refusals


def _founder(topology: Topology, brokers: Sequence[Seen], main: Sequence[Seen]) -> str | None:
    """The node that may found: only when no broker anywhere runs or has a node database."""
    if main or any(seen.status is not None and not seen.blank for seen in brokers):
        return None
    founder = founder_of(topology)
    return node_of(topology, founder) if founder else None


def _first_started(brokers: Sequence[Seen]) -> str | None:
    return next((seen.node for seen in brokers if seen.status and not seen.blank), None)


def _cannot_found(brokers: Sequence[Seen]) -> list[Refusal]:
    silent = [seen.host for seen in brokers if seen.status is None]
    if not silent:
        return []
    return [
        Refusal(
            f"cannot tell whether a cluster exists: {', '.join(silent)} did not answer",
            "a new cluster is founded only when every broker was asked",
        )
    ]


def _nobody_to_join(
    brokers: Sequence[Seen],
    seen: Seen,
    main: Sequence[Seen],
    candidate: str | None,
    hosts: Collection[str],
) -> list[Refusal]:
    """A blank broker needs a cluster that runs, or one that this very plan founds or starts."""
    coming = [one for one in brokers if one.host in hosts and one.status and not one.running]
    if main or any(one.node == candidate or not one.blank for one in coming):
        return []
    first = next((one.host for one in brokers if one.node == candidate), "a stopped member")
    return [
        Refusal(f"{seen.host}: there is no cluster to join yet", f"include {first}, which has to come first")
    ]


def _bereft(seen: Seen, main: Sequence[Seen]) -> list[Refusal]:
    """A member without its disk takes its mirrors again, but fails to boot when the only copy of a queue was
    there (3.10, seen)."""
    told = [
        queue for peer in main if peer.status and seen.node in peer.members for queue in peer.status.queues
    ]
    gone = {f"{one.name} in {one.vhost}" for one in told if _down(one, seen.node)}
    if not gone:
        return []
    return [
        Refusal(
            f"{seen.host}: its node database is gone, and it had the only copy of {', '.join(sorted(gone))}",
            f"bring its disk back, or give these queues up: run rabbitmqctl forget_cluster_node {seen.node} "
            f"on {main[0].host}, then plan again",
        )
    ]


def _down(queue: QueueStatus, node: str) -> bool:
    return (
        queue.durable and queue.type == "classic" and not queue.synchronised and queue.leader in (None, node)
    )


def _forgotten(seen: Seen, main: Sequence[Seen]) -> list[Refusal]:
    """A stopped broker with a node database must be known to the running cluster, or it cannot come back."""
    if not main or any(seen.node in peer.members for peer in main):
        return []
    return [
        Refusal(
            f"{seen.host}: its broker is stopped, has data of its own, and the cluster does not know it",
            f"when its data may go, stop rabbitmq-server on {seen.host} and empty its node database; "
            "otherwise start it and look",
        )
    ]


def _two_clusters(main: Sequence[Seen], rival: Sequence[Seen]) -> Refusal:
    ours, theirs = (", ".join(seen.host for seen in cluster) for cluster in (main, rival))
    return Refusal(
        f"two clusters hold user data: {ours} and {theirs}",
        "joining would erase one of them: export what you need, reset the brokers of one, then plan again",
    )


def hung(seen: Seen) -> Refusal:
    """A broker of which nothing is known is not planned around."""
    reason = seen.status.error if seen.status else ""
    return Refusal(
        f"{seen.host}: the broker runs but does not answer: {reason}",
        f"when it goes on like this, restart rabbitmq-server on {seen.host}, then plan again",
    )


def _locked_out(seen: Seen) -> str:
    return f"{seen.host}: the broker does not answer; its cookie file is wrong, and comes first"


def _ailing(brokers: Sequence[Seen]) -> list[str]:
    """Why a broker that will be started does not run by itself."""
    return [
        f"{seen.host}: {seen.status.error}"
        for seen in brokers
        if seen.status and seen.status.error and not seen.hung
    ]


def _strangers(topology: Topology, main: Sequence[Seen]) -> tuple[Stranger, ...]:
    """Members that the inventory does not list are told, never removed."""
    if not main:
        return ()
    known = {node_of(topology, host.name) for host in topology.brokers}
    members = frozenset().union(*(seen.members for seen in main))
    running = {node for seen in main if seen.status for node in seen.status.running_members}
    return tuple(
        Stranger(node=node, cluster=topology.cluster_name, running=node in running, ask=main[0].host)
        for node in sorted(members - known)
    )


def _change(seen: Seen, action: str, peer: str | None = None) -> MembershipChange:
    return MembershipChange.model_validate(
        {"host": seen.host, "node": seen.node, "action": action, "peer": peer}
    )
