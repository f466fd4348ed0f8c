"""What is wanted against what was seen: the one place where every part of a plan comes together."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from mqctl.errors import MqctlError
from mqctl.model.bundle import HostBundle
from mqctl.model.changes import (
    ClusterChanges,
    FileChange,
    MembershipChange,
    PackageChange,
    Plan,
    ServiceChange,
)
from mqctl.model.items.live import FRESH
from mqctl.model.status import BrokerStatus, ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan.brokers import changes_cookie, keeps_its_cookie, keeps_its_distribution, restart_order
from mqctl.plan.files import plan_files
from mqctl.plan.kernel import lacks_ipvs
from mqctl.plan.membership import Membership, plan_membership
from mqctl.plan.nodetypes import plan_types
from mqctl.plan.objects import ObjectPlan, plan_objects
from mqctl.plan.packages import plan_packages
from mqctl.plan.refusal import Refusal, raise_all
from mqctl.plan.services import plan_services
from mqctl.plan.shared import plan_shared
from mqctl.plan.versions import plan_versions


def make(
    topology: Topology,
    bundles: Mapping[str, HostBundle],
    status: ClusterStatus,
    hosts: Collection[str] | None = None,
) -> Plan:
    """The plan for these hosts, all of the topology's when None.

    Raises MqctlError when one of them did not answer, GateError when something forbids the plan; each error
    tells every reason. Objects are planned when at least one broker is among the hosts.
    """
    chosen = [host.name for host in topology.hosts if hosts is None or host.name in hosts]
    require_answers(status, chosen)
    locked_out = _locked_out(bundles, status, chosen)
    clusters = [_cluster(cluster, status, chosen, locked_out) for cluster in topology.clusters]
    membership = tuple(change for cluster in clusters for change in cluster.membership.changes)
    files, packages, services, refusals = _hosts(topology, bundles, status, chosen, membership)
    lacking = plan_versions(topology, status, chosen)
    raise_all([*lacking, *(one for cluster in clusters for one in cluster.refusals), *refusals])
    return Plan(
        topology=topology.name,
        files=tuple(files),
        packages=tuple(packages),
        services=_in_restart_order(services, restart_order(topology, status)),
        membership=membership,
        clusters=tuple(cluster.changes for cluster in clusters if cluster.changes.requests),
        strangers=tuple(one for cluster in clusters for one in cluster.membership.strangers),
        notes=tuple(dict.fromkeys(note for cluster in clusters for note in cluster.notes)),
    )


@dataclass(frozen=True)
class _Cluster:
    """One cluster's share of the plan."""

    membership: Membership
    changes: ClusterChanges
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]


def _cluster(
    cluster: Topology, status: ClusterStatus, chosen: Collection[str], locked_out: Collection[str]
) -> _Cluster:
    membership = _membership(cluster, status, chosen, locked_out)
    objects, notes = _objects(cluster, chosen, membership)
    changes = ClusterChanges(
        cluster=cluster.cluster_name,
        hosts=tuple(host.name for host in cluster.brokers),
        objects=objects.changes,
        ledger_before=objects.ledger_before,
        ledger_after=objects.ledger_after,
        requests=objects.requests,
    )
    refusals = (*membership.refusals, *objects.refusals)
    return _Cluster(membership, changes, refusals, (*membership.notes, *notes))


def _membership(
    cluster: Topology, status: ClusterStatus, chosen: Collection[str], locked_out: Collection[str]
) -> Membership:
    """Who comes, and who becomes another type of node."""
    plan_brokers = plan_shared if cluster.shared_dir else plan_membership
    found = plan_brokers(cluster, status, chosen, locked_out)
    astray = {change.host for change in found.changes}
    members = [seen for seen in found.cluster if seen.host not in astray]
    changes, refusals = plan_types(cluster, members, chosen)
    return replace(found, changes=(*found.changes, *changes), refusals=(*found.refusals, *refusals))


def require_answers(status: ClusterStatus, hosts: Sequence[str]) -> None:
    """Raise MqctlError with every host that did not answer, and why: nothing is planned past them."""
    silent: list[tuple[str, str, str]] = []
    for name in hosts:
        answer = status.host(name)
        if answer is None:
            silent.append((name, "was not asked", ""))
        elif answer.error is not None:
            silent.append((name, answer.error, answer.hint))
    if not silent:
        return
    hints = dict.fromkeys(hint for _, _, hint in silent if hint)
    if len(silent) == 1:
        raise MqctlError(f"no plan: {silent[0][0]}: {silent[0][1]}", "\n".join(hints))
    lines = [
        f"no plan: {len(silent)} hosts did not answer:",
        *(f"  - {name}: {why}" for name, why, _ in silent),
    ]
    raise MqctlError("\n".join(lines), "\n".join(hints))


def _hosts(
    topology: Topology,
    bundles: Mapping[str, HostBundle],
    status: ClusterStatus,
    chosen: Sequence[str],
    membership: Sequence[MembershipChange],
) -> tuple[list[FileChange], list[PackageChange], list[ServiceChange], list[Refusal]]:
    """Files, packages and services, host by host."""
    files: list[FileChange] = []
    packages: list[PackageChange] = []
    services: list[ServiceChange] = []
    refusals: list[Refusal] = []
    for name in chosen:
        bundle, answer = bundles[name], status.host(name)
        assert answer is not None
        its_files, unread = plan_files(bundle, answer)
        its_packages, missing = plan_packages(topology.host(name), bundle, answer)
        files += its_files
        packages += its_packages
        services += plan_services(bundle, answer, its_files, _of(name, membership))
        refusals += [*unread, *missing, *keeps_its_cookie(answer, its_files), *lacks_ipvs(answer)]
        refusals += keeps_its_distribution(answer, its_files)
    return files, packages, services, refusals


def _locked_out(bundles: Mapping[str, HostBundle], status: ClusterStatus, chosen: Sequence[str]) -> list[str]:
    """The hosts where mqctl's own programs may be refused by the node for their cookie."""
    answers = [answer for name in chosen if (answer := status.host(name))]
    return [one.host for one in answers if changes_cookie(plan_files(bundles[one.host], one)[0])]


def _of(host: str, changes: Sequence[MembershipChange]) -> list[MembershipChange]:
    return [change for change in changes if change.host == host]


def _in_restart_order(services: Sequence[ServiceChange], order: Sequence[str]) -> tuple[ServiceChange, ...]:
    """The restarts last and in order; everything else stays as it came."""
    restarts = [change for change in services if change.action == "restart"]
    restarts.sort(key=lambda change: order.index(change.host))
    return (*(change for change in services if change.action != "restart"), *restarts)


def _objects(
    topology: Topology, chosen: Collection[str], membership: Membership
) -> tuple[ObjectPlan, list[str]]:
    """The objects against the cluster that runs, or against a fresh one when this plan founds it."""
    if not any(host.name in chosen for host in topology.brokers):
        return ObjectPlan(), []
    cluster = topology.cluster_name
    if any(change.action == "found" for change in membership.changes):
        return plan_objects(topology.objects, FRESH, (), cluster), []
    told = [seen.status for seen in membership.cluster if seen.status and seen.status.definitions is not None]
    if told:
        definitions = _fullest(told).definitions or {}
        queues = [queue for broker in told for queue in broker.queues]
        return plan_objects(topology.objects, definitions, queues, cluster), []
    if membership.cluster:
        return _untold(membership), []
    return ObjectPlan(), ["no broker runs: the objects are compared once one does"]


def _fullest(told: Sequence[BrokerStatus]) -> BrokerStatus:
    """Of equal members the one that sees most of the cluster running."""
    return max(told, key=lambda broker: len(broker.running_members))


def _untold(membership: Membership) -> ObjectPlan:
    names = ", ".join(seen.host for seen in membership.cluster)
    refusal = Refusal(
        f"the cluster's objects could not be read from {names}", "run mqctl status for the reason"
    )
    return ObjectPlan(refusals=(refusal,))
