"""A broker's settings as one table, from which both of RabbitMQ's configuration formats are printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import AMQPS, BROKER, DISTRIBUTION, MANAGEMENT, Tls
from mqctl.model.topology import Broker, Topology
from mqctl.render.context.shovels import shovel_terms
from mqctl.render.quoting import conf_trouble
from mqctl.render.refusal import CannotCarryError

ENDLESS = 2_000_000_000
"""Peer discovery attempts, twice a second: a blank broker waits for its cluster, and never founds its own."""

Terms = dict[str, dict[str, Any]]
"""Erlang applications and their environment, in the notation of mqctl.render.erlang."""


@dataclass(frozen=True)
class Setting:
    """One decision in both formats: lines of rabbitmq.conf, and `{name, term}` of an Erlang application."""

    lines: tuple[tuple[str, str], ...]
    app: str
    name: str
    term: Any


@dataclass(frozen=True)
class Line:
    """One line of rabbitmq.conf."""

    key: str
    value: str


@dataclass(frozen=True)
class ConfFile:
    """rabbitmq.conf."""

    lines: tuple[Line, ...]


@dataclass(frozen=True)
class TermsFile:
    """A file of one Erlang term, and its name for refusals."""

    file: str
    terms: Terms | list[Any]


@dataclass(frozen=True)
class EnvFile:
    """rabbitmq-env.conf."""

    variables: tuple[Line, ...]


@dataclass(frozen=True)
class Shared:
    """A data directory on shared storage, and the lock that its one broker has."""

    directory: str
    lock: str


@dataclass(frozen=True)
class Limits:
    """The systemd drop-in."""

    files: int
    shared: tuple[Shared, ...] = ()
    """None where the data directory is the host's own."""


def conf_file(topology: Topology, broker: Broker) -> ConfFile:
    """rabbitmq.conf: mqctl's lines without those that the inventory overrides, then the inventory's."""
    own = {key: value for one in _sayable(topology, broker) for key, value in one.lines}
    extra = {key: _plain(value) for key, value in broker.settings.extra_conf.items()}
    kept = {key: value for key, value in own.items() if key not in extra}
    return ConfFile(tuple(Line(key, value) for key, value in {**kept, **extra}.items()))


def advanced_terms(topology: Topology, broker: Broker) -> Terms:
    """advanced.config: what rabbitmq.conf cannot carry, and what the inventory says in Erlang terms."""
    unsayable = (one for one in settings(topology, broker) if not _fits_conf(one))
    own = {**_terms(unsayable), **shovel_terms(topology.site.static_shovels)}
    return _merged(own, broker.settings.advanced_config)


def classic_terms(topology: Topology, broker: Broker) -> Terms:
    """rabbitmq.config: everything. CannotCarryError for lines that exist in the new format only."""
    if broker.settings.extra_conf:
        raise CannotCarryError(
            "rabbitmq_extra_conf",
            "the classic format has no such lines",
            "say it in rabbitmq_advanced_config, or use rabbitmq_config_format: conf",
        )
    own = {**_terms(settings(topology, broker)), **shovel_terms(topology.site.static_shovels)}
    return _merged(own, broker.settings.advanced_config)


def distribution_terms() -> list[Any]:
    """Both ends show a certificate and look at the other's (RabbitMQ guide "Securing Cluster (Inter-node and
    CLI Tool) Communication with TLS"); a client looks for the node's host in it (Erlang, inet_tls_dist)."""
    own = {**_pem_files(), "verify": {"atom": "verify_peer"}}
    return [
        {"tuple": [{"atom": "server"}, {**own, "fail_if_no_peer_cert": True}]},
        {"tuple": [{"atom": "client"}, own]},
    ]


def env_file(topology: Topology, broker: Broker) -> EnvFile:
    """The node's name, port and data, then the inventory's own variables, which win by coming last."""
    long = [Line("USE_LONGNAME", "true")] if "." in broker.node else []
    own = [Line("NODENAME", broker.node), *long, Line("DIST_PORT", str(broker.settings.distribution_port))]
    shared = broker.settings.shared_dir
    base = [Line("MNESIA_BASE", shared)] if shared else []
    extra = [Line(name, value) for name, value in broker.settings.environment.items()]
    secured = _distribution() if topology.tls and topology.tls.inter_node else ()
    return EnvFile((*own, *base, *secured, *extra))


def _distribution() -> tuple[Line, ...]:
    """For the node, and for what calls it on the command line (the same guide)."""
    arguments = f"-proto_dist inet_tls -ssl_dist_optfile {DISTRIBUTION}"
    return tuple(Line(name, arguments) for name in ("SERVER_ADDITIONAL_ERL_ARGS", "CTL_ERL_ARGS"))


def limits(broker: Broker) -> Limits:
    """What systemd is told about the broker."""
    directory = broker.settings.shared_dir
    shared = (Shared(directory, broker.settings.shared_lock),) if directory else ()
    return Limits(broker.settings.file_limit, shared)


def enabled_plugins(broker: Broker) -> list[Any]:
    """The plugins, each once, in the inventory's order."""
    return [{"atom": plugin} for plugin in dict.fromkeys(broker.settings.plugins)]


def settings(topology: Topology, broker: Broker) -> Iterator[Setting]:
    """Everything that mqctl decides about a broker (RabbitMQ guide "Configuration")."""
    yield from _listeners(topology.tls, broker.settings)
    yield from _clustering(topology, broker)
    yield from _limits(broker.settings)
    yield _logging(topology, broker.settings)
    yield from _default_user()


def _listeners(tls: Tls | None, wanted: RabbitmqSettings) -> Iterator[Setting]:
    if tls is None or tls.plain:
        yield _listener("tcp", wanted.port, wanted)
    else:
        yield _rabbit("listeners.tcp", "none", "tcp_listeners", [])
    if tls:
        yield _listener("ssl", AMQPS, wanted)
        lines = (*_pem_lines("ssl_options"), ("ssl_options.verify", "verify_none"))
        term = {**_pem_files(), "verify": {"atom": "verify_none"}}
        yield Setting(lines, "rabbit", "ssl_options", term)
    if "rabbitmq_management" in wanted.plugins:
        yield from _management(tls, wanted.management_port)
    yield _rabbit("heartbeat", wanted.heartbeat, "heartbeat", wanted.heartbeat)


def _listener(kind: str, port: int, wanted: RabbitmqSettings) -> Setting:
    key, address = f"listeners.{kind}.default", wanted.bind_address
    if address is None:
        return _rabbit(key, port, f"{kind}_listeners", [port])
    term = [{"tuple": [{"string": str(address)}, port]}]
    return _rabbit(key, f"{address}:{port}", f"{kind}_listeners", term)


def _management(tls: Tls | None, port: int) -> Iterator[Setting]:
    """With TLS the plain port is for mqctl's own calls on the host itself."""
    lines: tuple[tuple[str, str], ...] = (("management.tcp.port", str(port)),)
    term: dict[str, Any] = {"port": port}
    if tls:
        lines, term = (*lines, ("management.tcp.ip", "127.0.0.1")), {**term, "ip": {"string": "127.0.0.1"}}
    yield Setting(lines, "rabbitmq_management", "tcp_config", term)
    if tls:
        lines = (("management.ssl.port", str(MANAGEMENT)), *_pem_lines("management.ssl"))
        yield Setting(lines, "rabbitmq_management", "ssl_config", {"port": MANAGEMENT, **_pem_files()})


_PEM = {"cacertfile": "ca.pem", "certfile": "cert.pem", "keyfile": "key.pem"}


def _pem_lines(prefix: str) -> tuple[tuple[str, str], ...]:
    return tuple((f"{prefix}.{name}", f"{BROKER}/{file}") for name, file in _PEM.items())


def _pem_files() -> dict[str, Any]:
    return {name: {"string": f"{BROKER}/{file}"} for name, file in _PEM.items()}


def _clustering(topology: Topology, broker: Broker) -> Iterator[Setting]:
    wanted = broker.settings
    name = topology.cluster_name
    yield _rabbit("cluster_name", name, "cluster_name", name)
    handling = wanted.partition_handling
    yield _rabbit("cluster_partition_handling", handling, "cluster_partition_handling", {"atom": handling})
    ticktime = wanted.net_ticktime
    yield Setting((("net_ticktime", str(ticktime)),), "kernel", "net_ticktime", ticktime)
    nodes = list(dict.fromkeys(host.broker.node for host in topology.brokers if host.broker))
    if len(nodes) > 1:
        yield from _discovery(nodes, wanted)


def _discovery(nodes: list[str], wanted: RabbitmqSettings) -> Iterator[Setting]:
    """Peers by name (RabbitMQ guide "Cluster Formation and Peer Discovery", classic config)."""
    terms: dict[str, Any] = {
        "peer_discovery_backend": {"atom": "rabbit_peer_discovery_classic_config"},
        "discovery_retry_limit": ENDLESS,
    }
    lines = [
        ("cluster_formation.peer_discovery_backend", "rabbit_peer_discovery_classic_config"),
        ("cluster_formation.discovery_retry_limit", str(ENDLESS)),
    ]
    if wanted.node_type == "ram":
        lines.append(("cluster_formation.node_type", "ram"))
        terms["node_type"] = {"atom": "ram"}
    if _delays_first_boot(wanted):
        lines.append(("cluster_formation.randomized_startup_delay_range.min", "0"))
        lines.append(("cluster_formation.randomized_startup_delay_range.max", "0"))
        terms["randomized_startup_delay_range"] = {"tuple": [0, 0]}
    yield Setting(tuple(lines), "rabbit", "cluster_formation", terms)
    prefix = "cluster_formation.classic_config.nodes"
    peers = tuple((f"{prefix}.{number}", node) for number, node in enumerate(nodes, 1))
    atoms = [{"atom": node} for node in nodes]
    yield Setting(peers, "rabbit", "cluster_nodes", {"tuple": [atoms, {"atom": wanted.node_type}]})


def _delays_first_boot(wanted: RabbitmqSettings) -> bool:
    """RabbitMQ 3.8 and 3.9 wait 5 to 60 s before the first boot of a peer; RabbitMQ 4 refuses the key."""
    return wanted.version is not None and _version(wanted.version) < (3, 10)


def _limits(wanted: RabbitmqSettings) -> Iterator[Setting]:
    watermark = wanted.memory_high_watermark
    yield _rabbit("vm_memory_high_watermark.relative", watermark, "vm_memory_high_watermark", watermark)
    disk = wanted.disk_free_limit
    yield _rabbit("disk_free_limit.absolute", disk, "disk_free_limit", _size(disk))
    yield _rabbit("channel_max", wanted.channel_max, "channel_max", wanted.channel_max)
    if wanted.consumer_timeout is not None:
        milliseconds = round(wanted.consumer_timeout * 1000)
        yield _rabbit("consumer_timeout", milliseconds, "consumer_timeout", milliseconds)


def _logging(topology: Topology, wanted: RabbitmqSettings) -> Setting:
    """Health checks that speak AMQP would put three lines into the broker's log each second (57 MB a day)."""
    lines = [("log.file.level", wanted.log_level)]
    term: dict[str, Any] = {"file": {"level": {"atom": wanted.log_level}}}
    probed = any(host.haproxy.check == "amqp" for host in topology.balancers if host.haproxy)
    if probed and wanted.log_level in ("info", "warning"):
        lines.append(("log.connection.level", "error"))
        term["categories"] = {"connection": {"level": {"atom": "error"}}}
    return Setting(tuple(lines), "rabbit", "log", term)


def _default_user() -> Iterator[Setting]:
    """The guest that a first boot makes may do nothing and come from nowhere, until mqctl removes it."""
    yield _rabbit("loopback_users.guest", "true", "loopback_users", ["guest"])
    yield _rabbit("default_user_tags.administrator", "false", "default_user_tags", [])
    permissions = tuple((f"default_permissions.{right}", "^$") for right in ("configure", "read", "write"))
    yield Setting(permissions, "rabbit", "default_permissions", ["^$", "^$", "^$"])


def _rabbit(key: str, value: str | int | float, name: str, term: Any) -> Setting:
    return Setting(((key, _plain(value)),), "rabbit", name, term)


def _sayable(topology: Topology, broker: Broker) -> Iterator[Setting]:
    return (one for one in settings(topology, broker) if _fits_conf(one))


def _fits_conf(setting: Setting) -> bool:
    return not any(conf_trouble(value) for _, value in setting.lines)


def _terms(chosen: Iterator[Setting]) -> Terms:
    terms: Terms = {}
    for one in chosen:
        terms.setdefault(one.app, {})[one.name] = one.term
    return terms


def _merged(own: Terms, extra: Terms) -> Terms:
    return {app: {**own.get(app, {}), **extra.get(app, {})} for app in dict.fromkeys([*own, *extra])}


def _plain(value: str | int | float) -> str:
    """As Cuttlefish reads it: booleans in lower case, floats with a point and without an exponent."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        digits = format(Decimal(repr(value)), "f")
        return digits if "." in digits else f"{digits}.0"
    return str(value)


def _size(limit: str) -> Any:
    return int(limit) if limit.isdigit() else {"string": limit}


def _version(line: str) -> tuple[int, ...]:
    return tuple(int(part) for part in line.split("."))
