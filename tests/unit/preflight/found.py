"""Surveys by hand: fresh hosts on which every check passes, deployed ones, and ways to change one thing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import ip_interface
from typing import Any

from pydantic import SecretStr

from mqctl.gates.preflight.judge import judge
from mqctl.model.bundle import HostBundle
from mqctl.model.preflight import (
    Advert,
    CheckResult,
    Clock,
    HostExam,
    HostFacts,
    Link,
    Listener,
    Machine,
    Resources,
    Survey,
    Upgrades,
    Vrrp,
)
from mqctl.model.status import BrokerStatus, FileStatus, HostStatus, ServiceStatus
from mqctl.model.topology import Host, Topology
from mqctl.render.bundle import render
from tests.topologies import mirrored_3node

GIB = 2**30
WHEN = datetime(2026, 1, 1, tzinfo=UTC)
VIRTUAL = "10.93.17.100"
NODES = ("rabbit@mq1", "rabbit@mq2", "rabbit@mq3")
VERSIONS = {
    "rabbitmq-server": "3.10.8-1.1",
    "erlang-base": "1:25.2.3+dfsg-1",
    "haproxy": "2.6.12-1",
    "keepalived": "1:2.2.7-1",
}
UNITS = {
    5672: "rabbitmq-server.service",
    15672: "rabbitmq-server.service",
    25672: "rabbitmq-server.service",
    4369: "epmd.socket",
}
MARK = "# Written by mqctl; edits are overwritten, the inventory is where to change things.\n"

Change = Callable[[Survey], Survey]
Row = tuple[str, str, str, str]


def fresh(topology: Topology) -> Survey:
    """Debian hosts with nothing on them, and good package lists."""
    bundles = render(topology)
    return Survey(at=WHEN, hosts=tuple(_exam(host, bundles[host.name]) for host in topology.hosts))


def _exam(host: Host, bundle: HostBundle) -> HostExam:
    return HostExam(host=host.name, status=_status(host, bundle), facts=_facts(host), clock=clock(0))


def _status(host: Host, bundle: HostBundle) -> HostStatus:
    wanted = [*bundle.packages, *(["erlang-base"] if host.broker else [])]
    return HostStatus(
        host=host.name,
        os="debian bookworm",
        packages=dict.fromkeys(wanted),
        candidates={name: VERSIONS.get(name) for name in wanted},
        files={
            **{one.path: FileStatus(path=one.path, exists=False) for one in bundle.files},
            "/etc/hosts": file("/etc/hosts", "127.0.0.1 localhost\n"),
        },
        services={one.unit: _stopped(one.unit) for one in bundle.services},
        resolves=dict.fromkeys(("mq1", "mq2", "mq3"), ()),
        broker=BrokerStatus(running=False) if host.broker else None,
    )


def _stopped(unit: str) -> ServiceStatus:
    return ServiceStatus(unit=unit, exists=False, active=False, enabled=False)


def _facts(host: Host) -> HostFacts:
    eth0 = Link(name="eth0", up=True, mac=mac(host), networks=(ip_interface(f"{host.address}/24"),))
    return HostFacts(
        machine=Machine(python=(3, 11, 2), apt=True, systemd=True, name_order=("files", "dns")),
        listeners=(Listener(address=None, port=22, unit="ssh.service", program="sshd"),),
        resources=Resources(
            memory=8 * GIB,
            memory_available=7 * GIB,
            disk_free=40 * GIB if host.broker else None,
            disk="/var/lib" if host.broker else "",
            files_hard=524288,
            files_most=1048576,
            files_raisable=True,
        ),
        links=(Link(name="lo", up=True), eth0),
        claimed_by=() if host.keepalived else None,
        vrrp=Vrrp(seconds=3.5) if host.keepalived else None,
        upgrades=Upgrades(installed=False, enabled=False),
    )


def mac(host: Host) -> str:
    """As Docker makes it of an address."""
    return "02:42:" + ":".join(f"{octet:02x}" for octet in host.address.packed)


def clock(ahead: float, uncertainty: float = 0.1) -> Clock:
    return Clock(ahead=ahead, uncertainty=uncertainty)


def file(path: str, text: str) -> FileStatus:
    return FileStatus(path=path, exists=True, content=SecretStr(text))


def deployed(topology: Topology) -> Survey:
    """As a deploy leaves them; lb1 has the address."""
    found = fresh(topology)
    for host in topology.hosts:
        found = (_with_broker if host.broker else _with_balancer)(host.name)(found)
        names = {name: (f"10.93.17.1{name[-1]}",) for name in ("mq1", "mq2", "mq3")}
        found = status(host.name, resolves=names)(found)
    networks = (ip_interface("10.93.17.21/24"), ip_interface(f"{VIRTUAL}/24"))
    found = link("lb1", networks=networks)(found)
    holder = (mac(topology.host("lb1")),)
    return facts("lb2", claimed_by=holder, vrrp=heard("10.93.17.21", 51))(found)


def _with_broker(name: str) -> Change:
    drop_in = "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf"
    broker = BrokerStatus(
        running=True,
        node=f"rabbit@{name}",
        version="3.10.8",
        erlang="25.2.3",
        blank=False,
        cluster_name="mirrored-3node",
        members=NODES,
        running_members=NODES,
    )
    listening = tuple(Listener(address=None, port=port, unit=unit) for port, unit in UNITS.items())
    return both(
        status(name, broker=broker, files={drop_in: file(drop_in, MARK)}, packages=VERSIONS),
        facts(name, listeners=listening),
    )


def _with_balancer(name: str) -> Change:
    path = "/etc/haproxy/haproxy.cfg"
    unit = ServiceStatus(unit="keepalived.service", exists=True, active=True, enabled=True)
    ports = (5672, 15672, 8100)
    listening = tuple(Listener(address=None, port=port, unit="haproxy.service") for port in ports)
    return both(
        status(name, files={path: file(path, MARK)}, packages=VERSIONS, services={unit.unit: unit}),
        facts(name, listeners=listening),
    )


def both(*changes: Change) -> Change:
    def change(survey: Survey) -> Survey:
        for one in changes:
            survey = one(survey)
        return survey

    return change


def exam(name: str, **update: Any) -> Change:
    """Change fields of one host's exam."""
    return lambda survey: survey.model_copy(
        update={
            "hosts": tuple(one.model_copy(update=update) if one.host == name else one for one in survey.hosts)
        }
    )


def status(name: str, **update: Any) -> Change:
    """Change fields of what a host said of itself; a mapping is added to."""

    def change(survey: Survey) -> Survey:
        old = survey.host(name).status
        assert old is not None
        new = {key: _merged(getattr(old, key), value) for key, value in update.items()}
        return exam(name, status=old.model_copy(update=new))(survey)

    return change


def _merged(old: Any, new: Any) -> Any:
    return {**old, **new} if isinstance(old, Mapping) and isinstance(new, Mapping) else new


def facts(name: str, **update: Any) -> Change:
    """Change fields of its facts."""
    return lambda survey: exam(name, facts=survey.host(name).facts.model_copy(update=update))(survey)


def missing(name: str, part: str, why: str = "OSError: no") -> Change:
    """A part that could not be asked."""
    return facts(name, **{part: None, "failed": {part: why}})


def inside(name: str, part: str, **update: Any) -> Change:
    """Change fields of one part of its facts."""

    def change(survey: Survey) -> Survey:
        old = getattr(survey.host(name).facts, part)
        return facts(name, **{part: old.model_copy(update=update)})(survey)

    return change


def broker(name: str, **update: Any) -> Change:
    """Change fields of its broker."""

    def change(survey: Survey) -> Survey:
        old = survey.host(name).status
        assert old is not None
        assert old.broker is not None
        return status(name, broker=old.broker.model_copy(update=update))(survey)

    return change


def link(name: str, **update: Any) -> Change:
    """Change fields of its eth0."""

    def change(survey: Survey) -> Survey:
        links = survey.host(name).facts.links or ()
        eth0 = next(one for one in links if one.name == "eth0").model_copy(update=update)
        return facts(name, links=(Link(name="lo", up=True), eth0))(survey)

    return change


def listens(name: str, port: int, unit: str = "", program: str = "", address: Any = None) -> Change:
    """One more listener."""

    def change(survey: Survey) -> Survey:
        one = Listener(address=address, port=port, unit=unit, program=program)
        return facts(name, listeners=(*(survey.host(name).facts.listeners or ()), one))(survey)

    return change


def heard(source: str, router_id: int, seconds: float = 3.5, **update: Any) -> Vrrp:
    fields = {"priority": 150, "version": 2, "multicast": False, **update}
    return Vrrp(
        seconds=seconds,
        adverts=(Advert.model_validate({"source": source, "router_id": router_id, **fields}),),
    )


def judged(survey: Survey, topology: Topology | None = None) -> list[CheckResult]:
    wanted = topology or mirrored_3node()
    return judge(wanted, render(wanted), survey)


def rows(results: list[CheckResult], *checks: str) -> list[Row]:
    """Results that did not pass, or all of some checks."""
    return [
        (one.host, one.check, one.outcome, one.message)
        for one in results
        if one.check in checks or (not checks and one.outcome != "pass")
    ]
