"""From a role to the hosts that have it now."""

from __future__ import annotations

from mqctl.errors import InconclusiveError
from mqctl.faults.site_links import site_links
from mqctl.model.scenario import Expectation, NamedNode, Scenario, Target, TargetRole
from mqctl.model.status import ClusterStatus, QueueStatus
from mqctl.model.topology import Host, Topology

Rounds = tuple[tuple[str, ...], ...]
"""Groups of hosts: those of one group at the same time, one group after the other."""

_OF_CLUSTERS = ("queue-leader", "mirror", "ram-and-disc-node", "minority", "majority")
"""Roles that only members of one cluster have."""
_LEAST: dict[TargetRole, int] = {"mirror": 2, "minority": 3, "majority": 2}
"""Brokers that a topology must have for the role."""


def find(target: Target, topology: Topology, status: ClusterStatus, queue: str) -> Rounds:
    """The rounds of hosts; raises InconclusiveError when nobody, or nobody certain, has the role."""
    brokers = tuple(host.name for host in topology.brokers)
    match target:
        case NamedNode():
            return ((target.node,),)
        case "queue-leader":
            return ((_one(target, _leaders(topology, status, queue)),),)
        case "active-broker":
            raise InconclusiveError("active-broker: the entrance was not asked")
        case "ram-and-disc-node":
            return (_ram_and_disc(topology, status, queue),)
        case "upstream-site":
            raise InconclusiveError("upstream-site: no link was chosen")
        case "vip-holder":
            return ((_one(target, _holders(status)),),)
        case "mirror":
            return ((_mirror(topology, status, queue),),)
        case "every-node":
            return tuple((name,) for name in brokers)
        case "every-host":
            return tuple((host.name,) for host in topology.hosts)
        case "all":
            return (brokers,)
        case "entrance":
            return (tuple(host.name for host in topology.hosts if host.haproxy or host.keepalived),)
        case "minority" | "majority":
            size = (len(brokers) - 1) // 2 if target == "minority" else len(brokers) // 2 + 1
            leader = _one("queue-leader", _leaders(topology, status, queue))
            return (tuple(sorted(brokers, key=lambda name: name != leader)[:size]),)


def missing(scenario: Scenario, topology: Topology) -> str | None:
    """What the topology lacks for a scenario, as the end of a sentence; None when it has all it takes."""
    target, have = scenario.target, len(topology.brokers)
    if isinstance(target, NamedNode):
        known = any(host.name == target.node for host in topology.hosts)
        return None if known else f"a host {target.node}, and {topology.name} has none"
    if scenario.clients != "at-one-site":
        return None if site_links(topology) else f"a link between two sites, and {topology.name} has none"
    if len(topology.sites) > 1:
        return f"one site, and {topology.name} has {len(topology.sites)}"
    if lack := _missing_ties(scenario, topology):
        return lack
    if target in ("vip-holder", "entrance", "active-broker") and not topology.routers:
        return f"a VIP, and {topology.name} has none"
    if scenario.fault == "cut-vrrp" and len(topology.routers) < 2:
        return f"two VRRP routers, and {topology.name} has {len(topology.routers)}"
    least = max(_LEAST.get(target, 1), 2 if scenario.fault in ("cut-from-peers", "cut-one-way") else 1)
    return f"at least {least} brokers, and {topology.name} has {have}" if have < least else None


def _missing_ties(scenario: Scenario, topology: Topology) -> str | None:
    """Some scenarios need a cluster, some need brokers that stay apart."""
    apart = not all(site.site.clustered for site in topology.sites)
    among_peers = scenario.target in _OF_CLUSTERS or scenario.fault in ("cut-from-peers", "cut-one-way")
    if apart and among_peers:
        return f"a cluster, and the brokers of {topology.name} stay apart"
    if scenario.expect.backlog and not topology.shared_dir:
        return f"one data directory for all brokers, and those of {topology.name} have one each"
    if scenario.target == "active-broker" and not apart:
        return f"brokers that stay apart, and those of {topology.name} are one cluster"
    if scenario.target == "ram-and-disc-node" and not {"ram", "disc"} <= _types(topology).keys():
        return f"RAM nodes and disc nodes, and {topology.name} has not both"
    return None


def settled(expect: Expectation, topology: Topology, host: str) -> Expectation:
    """What `as-configured` means for a VIP, or a warren's clients, that this host had when it was broken."""
    if expect.broker_after == "as-configured":
        failback = all(balancer.haproxy.failback for balancer in topology.balancers if balancer.haproxy)
        # whoever comes back to a shared data directory waits for it
        back = failback and not _is_backup(topology.host(host)) and not topology.shared_dir
        expect = expect.model_copy(update={"broker_after": "returns" if back else "stays"})
    if expect.vip_after != "as-configured":
        return expect
    itself = topology.host(host).keepalived
    others = [router.keepalived.priority for router in topology.routers if router.keepalived]
    back = itself is not None and itself.preempt and itself.priority == max(others)
    return expect.model_copy(update={"vip_after": "returns" if back else "stays"})


def _is_backup(host: Host) -> bool:
    return host.broker is not None and host.broker.settings.haproxy_backup


def _one(role: str, found: set[str]) -> str:
    if len(found) != 1:
        raise InconclusiveError(
            f"{role}: expected one host, found {', '.join(sorted(found)) or 'none'}",
            "`mqctl status` shows it",
        )
    return found.copy().pop()


def _holders(status: ClusterStatus) -> set[str]:
    return {host.host for host in status.hosts if host.keepalived and host.keepalived.holds_address}


def _ram_and_disc(topology: Topology, status: ClusterStatus, queue: str) -> tuple[str, ...]:
    leader, types = _one("queue-leader", _leaders(topology, status, queue)), _types(topology)
    if leader not in types["ram"]:
        raise InconclusiveError(
            f"ram-and-disc-node: {leader} leads {queue}, and it is no RAM node",
            "clients that declare queues should reach RAM nodes alone: rabbitmq_haproxy_server",
        )
    return leader, types["disc"][0]


def _types(topology: Topology) -> dict[str, list[str]]:
    """Hosts of brokers by the type of node."""
    types: dict[str, list[str]] = {}
    for host in topology.brokers:
        if host.broker:
            types.setdefault(host.broker.settings.node_type, []).append(host.name)
    return types


def _leaders(topology: Topology, status: ClusterStatus, queue: str) -> set[str]:
    """As all running brokers tell it: they must agree."""
    nodes = _nodes(topology)
    return {nodes[seen.leader] for seen in _views(status, queue) if seen.leader in nodes}


def _mirror(topology: Topology, status: ClusterStatus, queue: str) -> str:
    """The first one, in the inventory's order, that every running broker calls synchronised."""
    views = [{*seen.mirrors} & {*seen.synchronised} for seen in _views(status, queue)]
    agreed = set.intersection(*views) if views else set()
    for node, name in _nodes(topology).items():
        if node in agreed:
            return name
    raise InconclusiveError(
        f"mirror: no broker holds a synchronised mirror of {queue}", "`mqctl status` shows it"
    )


def _views(status: ClusterStatus, queue: str) -> list[QueueStatus]:
    brokers = [host.broker for host in status.hosts if host.broker and host.broker.running]
    return [seen for broker in brokers for seen in broker.queues if seen.name == queue]


def _nodes(topology: Topology) -> dict[str, str]:
    """Host names by node name."""
    return {host.broker.node: host.name for host in topology.brokers if host.broker}
