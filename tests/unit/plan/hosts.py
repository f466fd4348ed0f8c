"""Bundles and statuses by hand: a topology whose hosts are exactly as its bundles want them, or fresh."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import SecretStr

from mqctl.model.base import reveal, sha256
from mqctl.model.bundle import FileSpec, HostBundle, ServiceSpec
from mqctl.model.hostsblock import merge
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.status import (
    BrokerStatus,
    ClusterStatus,
    FileStatus,
    HostStatus,
    KeepalivedStatus,
    QueueStatus,
    ServiceStatus,
)
from mqctl.model.topology import Host, Topology

AT = datetime(2026, 1, 1, tzinfo=UTC)
HOSTS_FILE = "127.0.0.1 localhost\n"
VERSION = "3.10.8-1.1"


def bundles_of(topology: Topology) -> dict[str, HostBundle]:
    """One bundle per host, with a file of each sort."""
    return {host.name: bundle_of(topology, host) for host in topology.hosts}


def bundle_of(topology: Topology, host: Host) -> HostBundle:
    files = [_hosts_block(topology)]
    services: list[ServiceSpec] = []
    packages: list[str] = []
    if host.broker:
        files += _broker_files(topology)
        services.append(ServiceSpec(unit="rabbitmq-server.service", component="rabbitmq"))
        packages.append("rabbitmq-server")
    if host.keepalived:
        files += _entrance_files(host.keepalived)
        services.append(ServiceSpec(unit="haproxy.service", component="haproxy"))
        services.append(ServiceSpec(unit="keepalived.service", component="keepalived"))
        packages += ["haproxy", "keepalived"]
    return HostBundle(host=host.name, packages=tuple(packages), files=tuple(files), services=tuple(services))


def spec(path: str, content: str, **fields: Any) -> FileSpec:
    return FileSpec.model_validate({"path": path, "content": content, "component": "rabbitmq", **fields})


def _hosts_block(topology: Topology) -> FileSpec:
    lines = "".join(f"{host.address} {host.name}\n" for host in topology.brokers)
    return spec("/etc/hosts", lines, kind="block", component="hosts")


def _broker_files(topology: Topology) -> list[FileSpec]:
    cookie = reveal(topology.erlang_cookie)
    return [
        spec(
            "/var/lib/rabbitmq/.erlang.cookie",
            cookie,
            owner="rabbitmq",
            group="rabbitmq",
            mode="0400",
            secrecy="secret",
            effects=("restart-broker",),
        ),
        spec("/etc/rabbitmq/rabbitmq.conf", "heartbeat = 30\n", effects=("restart-broker",)),
        spec("/etc/rabbitmq/rabbitmq.config", "", kind="absent", effects=("restart-broker",)),
        spec(
            "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf", "[Service]\n", effects=_UNIT_EFFECTS
        ),
    ]


_UNIT_EFFECTS = ("reload-systemd", "restart-broker")


def _entrance_files(settings: KeepalivedSettings) -> list[FileSpec]:
    password = reveal(settings.auth_pass) if settings.auth_pass else ""
    return [
        spec(
            "/etc/haproxy/haproxy.cfg",
            "global\n",
            component="haproxy",
            effects=("reload-haproxy",),
            validator=("haproxy", "-c", "-f", "%s"),
        ),
        spec(
            "/etc/keepalived/keepalived.conf",
            f"auth_pass {password}\n",
            component="keepalived",
            secrecy="masked",
            masks=(r"auth_pass (\S+)",),
            effects=("reload-keepalived",),
        ),
    ]


def converged(
    topology: Topology, definitions: Mapping[str, Any], queues: tuple[QueueStatus, ...] = ()
) -> ClusterStatus:
    """Every host as its bundle wants it, one cluster, lb1 with the address."""
    return ClusterStatus(
        at=AT, hosts=tuple(converged_host(topology, host, definitions, queues) for host in topology.hosts)
    )


def converged_host(
    topology: Topology,
    host: Host,
    definitions: Mapping[str, Any],
    queues: tuple[QueueStatus, ...] = (),
) -> HostStatus:
    bundle = bundle_of(topology, host)
    return HostStatus(
        host=host.name,
        at=AT,
        packages=dict.fromkeys(bundle.packages, VERSION),
        files={one.path: placed(one) for one in bundle.files},
        services={service.unit: up(service.unit) for service in bundle.services},
        broker=member(topology, host, definitions, queues) if host.broker else None,
        keepalived=KeepalivedStatus(holds_address=host.name == "lb1") if host.keepalived else None,
    )


def placed(one: FileSpec) -> FileStatus:
    """The file as it lies once it was placed."""
    if one.kind == "absent":
        return FileStatus(path=one.path, exists=False)
    text = reveal(one.content)
    content = merge(HOSTS_FILE, text) if one.kind == "block" else text
    return FileStatus(
        path=one.path,
        exists=True,
        sha256=sha256(content),
        owner=one.owner,
        group=one.group,
        mode=one.mode,
        content=None if one.secrecy == "secret" else SecretStr(content),
    )


def up(unit: str) -> ServiceStatus:
    return ServiceStatus(unit=unit, exists=True, active=True, enabled=True, state="active/running")


def member(
    topology: Topology,
    host: Host,
    definitions: Mapping[str, Any],
    queues: tuple[QueueStatus, ...] = (),
) -> BrokerStatus:
    """A running member of the whole cluster."""
    nodes = tuple(one.broker.node for one in topology.brokers if one.broker)
    return running(host, nodes, definitions, queues)


def running(
    host: Host,
    members: tuple[str, ...],
    definitions: Mapping[str, Any] | None,
    queues: tuple[QueueStatus, ...] = (),
) -> BrokerStatus:
    assert host.broker is not None
    return BrokerStatus(
        running=True,
        node=host.broker.node,
        version="3.10.8",
        blank=False,
        members=members,
        running_members=members,
        disc_members=members,
        definitions=None if definitions is None else dict(definitions),
        queues=queues,
    )


def fresh(topology: Topology) -> ClusterStatus:
    """Hosts with nothing of ours on them, packages on offer."""
    return ClusterStatus(at=AT, hosts=tuple(fresh_host(topology, host) for host in topology.hosts))


def fresh_host(topology: Topology, host: Host) -> HostStatus:
    bundle = bundle_of(topology, host)
    files = {one.path: FileStatus(path=one.path, exists=False) for one in bundle.files}
    files["/etc/hosts"] = FileStatus(
        path="/etc/hosts",
        exists=True,
        sha256=sha256(HOSTS_FILE),
        owner="root",
        group="root",
        mode="0644",
        content=SecretStr(HOSTS_FILE),
    )
    return HostStatus(
        host=host.name,
        at=AT,
        packages=dict.fromkeys(bundle.packages),
        candidates=dict.fromkeys(bundle.packages, VERSION),
        files=files,
        services={
            s.unit: ServiceStatus(unit=s.unit, exists=False, active=False, enabled=False)
            for s in bundle.services
        },
        broker=BrokerStatus(running=False) if host.broker else None,
    )


def with_host(status: ClusterStatus, name: str, **changes: Any) -> ClusterStatus:
    """The status with one host's answer changed."""
    hosts = tuple(host.model_copy(update=changes) if host.host == name else host for host in status.hosts)
    return status.model_copy(update={"hosts": hosts})


def with_file(status: ClusterStatus, name: str, path: str, **changes: Any) -> ClusterStatus:
    host = status.host(name)
    assert host is not None
    files = {**host.files, path: host.files[path].model_copy(update=changes)}
    return with_host(status, name, files=files)


def with_service(status: ClusterStatus, name: str, unit: str, **changes: Any) -> ClusterStatus:
    host = status.host(name)
    assert host is not None
    services = {**host.services, unit: host.services[unit].model_copy(update=changes)}
    return with_host(status, name, services=services)
