"""What the hosts said: one probe per host, no opinion. None means "could not be asked"."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, SecretStr

from mqctl.model.base import IPAddress, Model


class FileStatus(Model):
    """A file as it lies on the host; a file that does not exist has `exists` False."""

    path: str
    exists: bool
    sha256: str = ""
    owner: str = ""
    group: str = ""
    mode: str = ""
    """Four octal digits, e.g. 0640."""
    content: SecretStr | None = None
    """Only where the plan needs it: not for files whose secrecy is `secret`."""


class ServiceStatus(Model):
    """A systemd unit as `systemctl show` tells it."""

    unit: str
    exists: bool
    active: bool
    enabled: bool
    state: str = ""
    """ActiveState/SubState, e.g. active/running."""
    stale: bool = False
    """The unit files changed since systemd read them, or the service runs on an older configuration file."""
    waits: bool = False
    """It was started, and waits for a lock that somebody else has: a standby."""


class SharedStatus(Model):
    """A directory that several hosts share, as one of them has it."""

    exists: bool
    mounted: bool = False
    """It is where a file system is mounted, not a directory of the host's own."""
    filesystem: str = ""
    """The type of that file system, e.g. nfs4."""
    writable: bool | None = None
    """By the broker's user; None: there is no such user yet."""
    identity: str = ""
    """What tells the lock in it from every other file, on whatever host; empty: there is no lock yet."""


class QueueStatus(Model):
    """A queue as its cluster knows it."""

    vhost: str
    name: str
    type: str
    durable: bool
    exclusive: bool = False
    """Belongs to one connection; such queues are never mirrored."""
    leader: str | None = None
    """The node that leads it; None when the queue is down."""
    mirrors: tuple[str, ...] = ()
    """Nodes with a mirror or member, without the leader."""
    synchronised: tuple[str, ...] = ()
    """Those of `mirrors` that hold everything."""
    policy: str | None = None
    """The policy that applies to it."""
    effective_definition: dict[str, Any] = Field(default_factory=dict)
    messages: int | None = None
    consumers: int | None = None
    state: str = ""


class LinkStatus(Model):
    """A federation link or a shovel as the broker that runs it tells it."""

    kind: Literal["exchange", "queue", "shovel", "static shovel"]
    """exchange, queue: what a federation link feeds."""
    vhost: str = ""
    """Empty for a static shovel, which has none."""
    name: str
    """The federated exchange's or queue's here, or the shovel's."""
    upstream: str = ""
    """Empty for shovels."""
    state: str
    """As RabbitMQ says it: running, starting, error, terminated, ..."""
    error: str = ""
    """Without passwords."""


class BrokerStatus(Model):
    """One broker's own view; what it says of its peers is its opinion, gates compare the opinions."""

    running: bool
    node: str = ""
    version: str | None = None
    erlang: str | None = None
    blank: bool = True
    """No node database on disk: this broker never booted."""
    cluster_name: str | None = None
    members: tuple[str, ...] = ()
    running_members: tuple[str, ...] = ()
    disc_members: tuple[str, ...] = ()
    ram_members: tuple[str, ...] = ()
    partitions: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    enabled_plugins: tuple[str, ...] = ()
    disabled_flags: tuple[str, ...] = ()
    """Stable feature flags that are not enabled."""
    queues: tuple[QueueStatus, ...] = ()
    definitions: dict[str, Any] | None = None
    """The broker's exported definitions; password hashes inside: never print this."""
    links: tuple[LinkStatus, ...] | None = None
    """Those that this broker runs; None when it did not tell."""
    maintenance: bool = False
    error: str | None = None
    """Why a running unit did not answer."""


class HaproxyServerStatus(Model):
    """A server line of HAProxy's `show stat`."""

    proxy: str
    server: str
    address: str = ""
    """Address and port, as HAProxy uses them."""
    status: str
    """UP, DOWN, MAINT, DRAIN, `no check`, also in transition: `UP 1/3`."""
    weight: int = 0
    check: str = ""
    """What the last health check said, e.g. L7OK."""
    sessions: int = 0


class HaproxyStatus(Model):
    """What HAProxy's runtime socket said."""

    answered: bool
    version: str | None = None
    servers: tuple[HaproxyServerStatus, ...] = ()
    error: str | None = None


class KeepalivedStatus(Model):
    """What a VRRP router said of itself, and whether the address is on the interface."""

    state: Literal["MASTER", "BACKUP", "FAULT", "STOP", "unknown"] = "unknown"
    holds_address: bool = False
    ipvs: bool | None = None
    """Whether the kernel has LVS; None where no virtual server asks for it."""


class HostStatus(Model):
    """One host's answer. `error` set and everything else empty: the host did not answer."""

    host: str
    error: str | None = None
    hint: str = ""
    at: datetime | None = None
    """The host's clock when it answered, UTC."""
    os: str = ""
    """ID and VERSION_CODENAME of os-release, e.g. `debian bookworm`."""
    packages: dict[str, str | None] = Field(default_factory=dict)
    """Installed version by package name, None when not installed."""
    candidates: dict[str, str | None] = Field(default_factory=dict)
    """The version that the host's package sources offer."""
    files: dict[str, FileStatus] = Field(default_factory=dict)
    services: dict[str, ServiceStatus] = Field(default_factory=dict)
    addresses: dict[str, tuple[IPAddress, ...]] = Field(default_factory=dict)
    """By interface name."""
    resolves: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """What each peer's name resolves to on this host."""
    broker: BrokerStatus | None = None
    haproxy: HaproxyStatus | None = None
    keepalived: KeepalivedStatus | None = None
    firewall: bool | None = None
    """Whether the kernel has mqctl's packet filter; None where none is wanted, or it could not be asked."""
    shared: SharedStatus | None = None
    """None where brokers share no directory, or it could not be asked."""
    lock: str | None = None
    """What mqctl's lock file on it says, empty where there is none; None when it could not be read."""

    @property
    def answered(self) -> bool:
        """Whether the host could be asked at all."""
        return self.error is None

    @property
    def waits(self) -> bool:
        """Its broker is a standby: it waits for the data directory that another host's broker has."""
        return any(service.waits for service in self.services.values())


class ClusterStatus(Model):
    """The answers of all hosts that were asked."""

    at: datetime
    hosts: tuple[HostStatus, ...]

    def host(self, name: str) -> HostStatus | None:
        """That host's answer, None when it was not asked."""
        return next((host for host in self.hosts if host.host == name), None)

    def of(self, names: Collection[str]) -> ClusterStatus:
        """The answers of these hosts alone, so that nobody takes another site's for its own."""
        return self.model_copy(update={"hosts": tuple(host for host in self.hosts if host.host in names)})
