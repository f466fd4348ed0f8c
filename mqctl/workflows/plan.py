"""What `mqctl plan` does: read, render, probe, compare. Changes nothing on any host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqctl.errors import UsageError
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.model.changes import Plan
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Host, Topology
from mqctl.plan import make
from mqctl.probe.run import probe
from mqctl.render.bundle import render


@dataclass(frozen=True)
class Planned:
    """A plan and what it was made from."""

    topology: Topology
    status: ClusterStatus
    plan: Plan


def plan(name_or_dir: str, vault: VaultOptions | None = None, limit: str | None = None) -> Planned:
    """The plan for an inventory; missing secrets are generated beside it first.

    `limit` is a comma-separated list of hosts, groups and sites. Raises UsageError for a limit that names
    nothing, MqctlError for hosts that do not answer, GateError for what forbids the plan.
    """
    topology = ensure(find(name_or_dir), vault)
    return plan_topology(topology, limited(topology, limit))


def plan_topology(topology: Topology, hosts: Sequence[str]) -> Planned:
    """The plan for these hosts of a topology, from one probe."""
    bundles = render(topology)
    status = probe(topology, bundles, asked(topology, hosts))
    return Planned(topology, status, make(topology, bundles, status, hosts))


def limited(topology: Topology, limit: str | None) -> tuple[str, ...]:
    """The hosts that a limit names, in the inventory's order; all without a limit, never all by accident."""
    names = tuple(host.name for host in topology.hosts)
    if limit is None:
        return names
    wanted = [part.strip() for part in limit.split(",") if part.strip()]
    if not wanted:
        raise UsageError(
            "--limit is empty", f"leave it out for all hosts, or name some of {', '.join(names)}"
        )
    known = {name: (name,) for name in names} | _groups(topology)
    unknown = [part for part in wanted if not known.get(part)]
    if unknown:
        raise UsageError(
            f"--limit names no host of the inventory: {', '.join(unknown)}",
            f"there are {', '.join(names)} and the groups {', '.join(_groups(topology))}",
        )
    chosen = {name for part in wanted for name in known[part]}
    return tuple(name for name in names if name in chosen)


def asked(topology: Topology, hosts: Sequence[str]) -> tuple[str, ...]:
    """Whom to ask for a plan of these hosts: them, and their peers, who know about cluster and address."""
    peers = {name for site in topology.sites for name in _asked(site, hosts)}
    return tuple(host.name for host in topology.hosts if host.name in peers)


def _asked(site: Topology, hosts: Sequence[str]) -> set[str]:
    chosen = [host for host in site.hosts if host.name in hosts]
    peers = _names(chosen)
    if any(host.broker for host in chosen):
        peers |= _names(site.brokers)
    if any(host.keepalived for host in chosen):
        peers |= _names(site.routers)
    return peers


def _groups(topology: Topology) -> dict[str, tuple[str, ...]]:
    return {
        "rabbitmq": tuple(host.name for host in topology.brokers),
        "haproxy": tuple(host.name for host in topology.balancers),
        "keepalived": tuple(host.name for host in topology.routers),
        **{site.name: site.hosts for site in topology.parts if site.name},
    }


def _names(hosts: Sequence[Host]) -> set[str]:
    return {host.name for host in hosts}
