"""The managed block of /etc/hosts."""

from __future__ import annotations

from dataclasses import dataclass

from mqctl.model.topology import Host, Topology


@dataclass(frozen=True)
class Entry:
    """One name and its one address."""

    address: str
    name: str


@dataclass(frozen=True)
class HostsBlock:
    """Every host of the topology, in the inventory's order; the same block on all of them."""

    entries: tuple[Entry, ...]


def hosts_block(topology: Topology) -> HostsBlock:
    """Brokers by the address that their peers use, other hosts by the only one they have."""
    return HostsBlock(tuple(Entry(_address(host), host.name) for host in topology.hosts))


def _address(host: Host) -> str:
    return str(host.broker.address if host.broker else host.address)
