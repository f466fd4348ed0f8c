"""The packet filter: where the inventory wants one, the kernel has its table."""

from __future__ import annotations

from mqctl.gates.evidence import Gate, silence
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result per host with `mqctl_firewall`."""
    return [_host(host, status) for host in topology.hosts if host.firewall]


def _host(host: Host, status: ClusterStatus) -> GateResult:
    gate = Gate("firewall", host.name, "loaded")
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None:
        return gate.unknown(why or "")
    if answer.firewall is None:
        return gate.unknown("the kernel was not asked")
    return gate.equals("loaded" if answer.firewall else "not loaded")
