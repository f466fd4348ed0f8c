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
    """Every host of the topology, in the inventory's order; the same on all of them, but for a name that each
    leads to itself."""

    entries: tuple[Entry, ...]


def hosts_block(topology: Topology, host: Host) -> HostsBlock:
    """Brokers by the address that their peers use, other hosts by the only one they have.

    On a broker that shares its data directory its node's name leads to its own address.
    """
    entries = tuple(Entry(_address(one), one.name) for one in topology.hosts)
    return HostsBlock((*entries, *_shared(host)))


def _shared(host: Host) -> tuple[Entry, ...]:
    if host.broker is None or host.broker.settings.shared_dir is None:
        return ()
    return (Entry(_address(host), host.broker.settings.shared_name),)


def _address(host: Host) -> str:
    return str(host.broker.address if host.broker else host.address)
