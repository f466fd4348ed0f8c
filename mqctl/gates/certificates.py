"""Certificates: on every host they last for another while. Nothing here renews one."""

from __future__ import annotations

from datetime import datetime

from mqctl.gates.evidence import Gate, silence
from mqctl.model.base import reveal
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus, FileStatus, HostStatus
from mqctl.model.tls import BALANCER, BROKER, NOTICE, end_of
from mqctl.model.topology import Host, Topology

EXPECTED = f"more than {NOTICE.days} days left"


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result per host with a broker or a load balancer, where there is TLS."""
    hosts = topology.hosts if topology.tls else ()
    return [_host(host, status) for host in hosts if host.broker or host.haproxy]


def _host(host: Host, status: ClusterStatus) -> GateResult:
    gate = Gate("certificates", host.name, EXPECTED)
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None:
        return gate.unknown(why or "")
    end = earliest(host, answer)
    if end is None:
        return gate.says(False, "one is missing, or cannot be read")
    return gate.says(end - status.at > NOTICE, left(end, status.at))


def earliest(host: Host, answer: HostStatus) -> datetime | None:
    """When the first of a host's certificates ends, the authority's too; None when one cannot be read."""
    places = [*([BROKER] if host.broker else []), *([BALANCER] if host.haproxy else [])]
    files = [answer.files.get(f"{place}/{name}") for place in places for name in ("ca.pem", "cert.pem")]
    ends = [_end(file) for file in files]
    known = [end for end in ends if end is not None]
    return min(known) if known and len(known) == len(ends) else None


def left(end: datetime, now: datetime) -> str:
    """In days, and until when."""
    days = (end - now).days
    return f"{days} days left, until {end:%Y-%m-%d}" if end > now else f"ended on {end:%Y-%m-%d}"


def _end(file: FileStatus | None) -> datetime | None:
    return end_of(reveal(file.content)) if file and file.content else None
