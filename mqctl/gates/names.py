"""Names: on every host each broker's name leads to its one cluster address."""

from __future__ import annotations

from mqctl.gates.evidence import Gate, listed, silence
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result per host that resolves every name as it should, else one per name that is wrong there.

    Hosts that were not asked for names (load balancers reach brokers by address) are left out.
    """
    return [result for host in topology.hosts for result in _host(topology, host, status)]


def _host(topology: Topology, host: Host, status: ClusterStatus) -> list[GateResult]:
    needed = wanted(topology, host)
    every = f"{len(needed)} names to their one address"
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None:
        return [Gate("names", host.name, every).unknown(why or "")]
    if not answer.resolves:
        return [Gate("names", host.name, every).unknown("no name was resolved")] if host.broker else []
    wrong = [
        Gate("names", f"{name} on {host.name}", address).says(False, listed(answer.resolves.get(name, ())))
        for name, address in needed.items()
        if tuple(answer.resolves.get(name, ())) != (address,)
    ]
    return wrong or [Gate("names", host.name, every).equals(every)]


def wanted(topology: Topology, host: Host) -> dict[str, str]:
    """The brokers' names, and on one that shares its data directory the common one: its own address."""
    found = {peer.name: str(peer.broker.address) for peer in topology.brokers if peer.broker}
    if host.broker and host.broker.settings.shared_dir:
        found[host.broker.settings.shared_name] = str(host.broker.address)
    return found
