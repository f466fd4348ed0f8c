"""The virtual IP: exactly one host holds it, and the VRRP routers agree on which."""

from __future__ import annotations

from mqctl.gates.evidence import Gate, exactly_one, silence
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus, KeepalivedStatus
from mqctl.model.topology import Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All of this module's gates; none where the topology has no entrance."""
    if not topology.routers:
        return []
    return [one_holder(topology, status), *states(topology, status)]


def one_holder(topology: Topology, status: ClusterStatus) -> GateResult:
    """Exactly one host has the address."""
    gate = Gate("VIP holder", str(topology.virtual_address), "exactly 1 holder")
    told = {host.name: _said(host, status) for host in topology.routers}
    holders = [name for name, said in told.items() if said and said.holds_address]
    return exactly_one(gate, "holder", holders, [name for name, said in told.items() if said is None])


def states(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """The holder says MASTER, everybody else BACKUP."""
    return [_state(host, status) for host in topology.routers]


def _state(host: Host, status: ClusterStatus) -> GateResult:
    said = _said(host, status)
    if said is None:
        gate = Gate("VRRP state", host.name, "MASTER or BACKUP")
        return gate.unknown(silence(status, host.name) or "the host was not asked for Keepalived")
    gate = Gate("VRRP state", host.name, _with("MASTER" if said.holds_address else "BACKUP", said))
    if said.state == "unknown":
        return gate.unknown(_with("unknown", said))
    return gate.equals(_with(said.state, said))


def _with(state: str, said: KeepalivedStatus) -> str:
    return f"{state} {'with' if said.holds_address else 'without'} the address"


def _said(host: Host, status: ClusterStatus) -> KeepalivedStatus | None:
    answer = status.host(host.name)
    return answer.keepalived if answer and answer.answered else None
