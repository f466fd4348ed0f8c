"""A broker's settings: the inventory's `rabbitmq_*` variables without their prefix."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, StringConstraints

from mqctl.model.base import IPAddress, Line, Model, Port, Seconds
from mqctl.model.links import Shovel, StaticShovel, Upstream, UpstreamSet
from mqctl.model.objects import Binding, Exchange, Policy, Queue, User, Vhost

NodeType = Literal["disc", "ram"]
PluginName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
SharedDir = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9_][A-Za-z0-9._\-]*)+$")]
"""An absolute path that systemd, the shell and RabbitMQ read the same way, without quotes."""
ShortName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9\-]{0,61}[A-Za-z0-9])?$")]
ConfKey = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_.\-\$/:]+$")]


class RabbitmqSettings(Model):
    """One broker. Durations in seconds; see inventories/example for every default and its reason."""

    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+$")] | None = None
    """The RabbitMQ line that the hosts' packages have, e.g. "3.10"; checked against the hosts when given."""
    packages: tuple[Line, ...] = ("rabbitmq-server",)
    cluster_name: Line | None = None
    """Shown by the management plugin and used by federation; the inventory's name when not given."""
    clustered: bool = True
    """False: the brokers of the site stay apart, each with the same objects; a warren."""
    shared_dir: SharedDir | None = None
    """The one data directory of all brokers of the site, on storage that every host mounts there: one of the
    brokers runs, the others wait for its lock. None: each broker has a directory of its own."""
    shared_name: ShortName = "warren"
    """The part of the common node name after the @ where there is a `shared_dir`; each broker's host resolves
    it to its own address."""
    shared_lease: Annotated[float, Field(ge=0, le=3600)] = 90
    """Seconds until the storage frees the locks of a host that died; NFSv4 waits for its lease to end."""
    cluster_address: IPAddress | None = None
    """The one address under which the peers reach this broker; `ansible_host` when that is an address."""
    nodename: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_\-]+$")] = "rabbit"
    """The part before the @; the part after it is the host's inventory name, or `shared_name`."""
    node_type: NodeType = "disc"
    erlang_cookie: Annotated[SecretStr, Field(min_length=8, max_length=255)] | None = None
    """Generated at first use when not given."""
    port: Port = 5672
    bind_address: IPAddress | None = None
    """Address of the AMQP listener; all addresses when not given."""
    management_port: Port = 15672
    distribution_port: Port = 25672
    config_format: Literal["conf", "classic"] = "conf"
    heartbeat: Annotated[int, Field(ge=0, le=3600)] = 30
    """AMQP heartbeat in s that the broker proposes; 0 switches heartbeats off."""
    partition_handling: Literal["pause_minority", "autoheal", "ignore"] = "pause_minority"
    net_ticktime: Annotated[int, Field(ge=4, le=600)] = 60
    """Erlang's net_ticktime in s: a silent peer is down after 0.75 to 1.25 of it (Erlang kernel manual)."""
    memory_high_watermark: Annotated[float, Field(gt=0, le=1)] = 0.4
    disk_free_limit: Annotated[str, StringConstraints(pattern=r"^\d+(B|kB|KB|MB|GB|kiB|KiB|MiB|GiB)?$")] = (
        "256MB"
    )
    channel_max: Annotated[int, Field(ge=0, le=65535)] = 2047
    consumer_timeout: Seconds | None = None
    """Unacknowledged deliveries older than this close the channel; the broker's default when absent."""
    log_level: Literal["debug", "info", "warning", "error", "critical", "none"] = "info"
    file_limit: Annotated[int, Field(ge=1024)] = 65536
    """systemd's LimitNOFILE for the broker."""
    plugins: tuple[PluginName, ...] = ("rabbitmq_management",)
    environment: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")], str] = Field(
        default_factory=dict
    )
    """Further lines of rabbitmq-env.conf."""
    extra_conf: dict[ConfKey, str | int | float | bool] = Field(default_factory=dict)
    """Further keys of rabbitmq.conf; they win over mqctl's own."""
    advanced_config: dict[str, dict[str, Any]] = Field(default_factory=dict)
    """Erlang applications and their environment for what rabbitmq.conf cannot say, see docs/rendering.md."""
    haproxy_weight: Annotated[int, Field(ge=0, le=256)] = 1
    """This broker's weight behind HAProxy; 0 takes no new connections."""
    haproxy_server: bool = True
    """False: clients of HAProxy never come here; the management plugin stays reachable through it."""
    haproxy_backup: bool = False
    """HAProxy sends here only when no other broker is UP."""
    admin_user: Line = "admin"
    """The administrator that mqctl itself uses; always made, tags [administrator], all permissions."""
    client_user: Line = "app"
    """The user that mqctl's round trips and failover tests connect as; always made."""
    passwords: dict[str, SecretStr] = Field(default_factory=dict)
    """Passwords by user name, as mqctl generates them into group_vars/all/secrets.yml."""
    vhosts: tuple[Vhost, ...] = (Vhost(name="/"),)
    users: tuple[User, ...] = ()
    policies: tuple[Policy, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    upstream_sets: tuple[UpstreamSet, ...] = ()
    shovels: tuple[Shovel, ...] = ()
    static_shovels: tuple[StaticShovel, ...] = ()

    @property
    def feature_flags(self) -> dict[str, str]:
        """The lines of rabbitmq-env.conf that say which feature flags a new broker enables."""
        return {name: value for name, value in self.environment.items() if name.endswith("FEATURE_FLAGS")}

    @property
    def shared_lock(self) -> str:
        """The file whose lock the broker on `shared_dir` has; flock(1) makes it, nothing may replace it."""
        return f"{self.shared_dir}/mqctl.lock"
