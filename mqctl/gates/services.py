"""systemd: every unit that the inventory needs runs, comes back after a reboot, and has read its files."""

from __future__ import annotations

from mqctl.gates.evidence import Gate, silence
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus, ServiceStatus
from mqctl.model.topology import Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result per unit and question; the probe asked for exactly the units that are needed."""
    return [result for host in topology.hosts for result in _host(host, status)]


def _host(host: Host, status: ClusterStatus) -> list[GateResult]:
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None:
        return [Gate("service", host.name, "active and enabled").unknown(why or "")]
    if not answer.services:
        return [Gate("service", host.name, "active and enabled").unknown("no unit was asked for")]
    return [
        result
        for service in answer.services.values()
        for result in (_runs(host.name, service), _current(host.name, service))
    ]


def _runs(host: str, service: ServiceStatus) -> GateResult:
    gate = Gate("service", f"{service.unit} on {host}", "active and enabled")
    if not service.exists:
        return gate.says(False, "not installed")
    if service.waits:
        enabled = "enabled" if service.enabled else "not enabled"
        return Gate("service", gate.subject, "waiting and enabled").equals(f"waiting and {enabled}")
    active = "active" if service.active else service.state or "not active"
    return gate.equals(f"{active} and {'enabled' if service.enabled else 'not enabled'}")


def _current(host: str, service: ServiceStatus) -> GateResult:
    """A running service that never read its newest configuration surprises whoever restarts it."""
    gate = Gate("configuration loaded", f"{service.unit} on {host}", "the newest files")
    if not service.active and not service.waits:
        return gate.unknown("the service does not run")
    return gate.equals("older files than there are now" if service.stale else "the newest files")
