"""HAProxy's proxies, servers and checks (HAProxy configuration manual)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mqctl.model.base import IPAddress, reveal
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.tls import AMQPS, BALANCER, MANAGEMENT
from mqctl.model.topology import Broker, Host, Topology
from mqctl.render.refusal import CannotCarryError

PLAIN = "rabbitmq_cluster"
RESERVE = 256
"""Connections beyond the AMQP listener's maxconn, so that the statistics answer when that one is full."""
AMQP_HEADER = "414d515000000901"
"""The protocol header "AMQP" 0 0-9-1 (AMQP 0-9-1 specification, section 4.2.2)."""
CONNECTION_START = "000a000a"
"""Class 10, method 10: Connection.Start, the broker's answer to a header that it accepts."""


@dataclass(frozen=True)
class Server:
    """One broker behind a listener."""

    name: str
    address: str
    options: str


@dataclass(frozen=True)
class Peer:
    """One balancer among those that share what they know."""

    name: str
    address: str


@dataclass(frozen=True)
class Peers:
    """The balancers that share what they know, and which of them this one is."""

    local: str
    all: tuple[Peer, ...]


@dataclass(frozen=True)
class Listener:
    """One `listen` section: its name, what it binds, its keywords in order, its servers."""

    name: str
    binds: tuple[str, ...]
    keywords: tuple[str, ...]
    servers: tuple[Server, ...]


@dataclass(frozen=True)
class HaproxyFile:
    """haproxy.cfg; durations carry their unit."""

    socket: str
    peers: tuple[Peers, ...]
    """None where nothing is shared."""
    global_maxconn: int
    maxconn: int
    retries: int
    timeout_connect: str
    timeout_client: str
    timeout_server: str
    timeout_check: str
    check_inter: str
    check_fastinter: str
    check_downinter: str
    check_rise: int
    check_fall: int
    balance: str
    messaging: tuple[Listener, ...]
    """AMQP, and AMQP over TLS."""
    managements: tuple[Listener, ...]
    stats: Listener
    stats_uri: str
    stats_refresh: str
    stats_auth: str


def haproxy_file(topology: Topology, host: Host, settings: HaproxySettings) -> HaproxyFile:
    """All of haproxy.cfg. CannotCarryError when the statistics page has no password."""
    return HaproxyFile(
        socket=_socket(settings),
        peers=tuple(_peers(topology, host, settings)),
        global_maxconn=settings.maxconn + RESERVE,
        maxconn=settings.maxconn,
        retries=settings.retries,
        timeout_connect=duration(settings.timeout_connect),
        timeout_client=duration(settings.timeout_client),
        timeout_server=duration(settings.timeout_server),
        timeout_check=duration(settings.check_timeout),
        check_inter=duration(settings.check_inter),
        check_fastinter=duration(settings.check_fastinter),
        check_downinter=duration(settings.check_downinter),
        check_rise=settings.check_rise,
        check_fall=settings.check_fall,
        balance=settings.balance,
        messaging=tuple(_messaging(topology, settings)),
        managements=tuple(_managements(topology, settings)),
        stats=Listener("stats", _served(topology, settings.stats_port), (), ()),
        stats_uri=settings.stats_uri,
        stats_refresh=duration(settings.stats_refresh),
        stats_auth=f"{settings.stats_user}:{_stats_password(settings)}",
    )


def duration(seconds: float) -> str:
    """A duration with HAProxy's unit: whole seconds, or else milliseconds, at least one."""
    milliseconds = max(1, round(seconds * 1000))
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def _messaging(topology: Topology, settings: HaproxySettings) -> Iterable[Listener]:
    """TLS passes through: brokers have the certificates, each with the virtual address in it.

    The check over TLS is the handshake, which a stopped broker does not answer either. With a greeting behind
    it one of twenty stayed open for 10 s and left `handshake_timeout` in the log (3.10, Erlang 25, seen).
    """
    staying = _STAYING if stays(topology, settings) else ()
    if topology.tls is None or topology.tls.plain:
        keywords = (*_AMQP_CHECKS[settings.check], *staying)
        yield Listener(PLAIN, _binds(topology, settings.amqp_port), keywords, _amqp(topology, settings))
    if topology.tls:
        shared = (f"stick on int(1) table {PLAIN}",) if topology.tls.plain and staying else staying
        yield Listener(
            f"{PLAIN}_tls", _binds(topology, AMQPS), shared, _amqp(topology, settings, secured=True)
        )


def _amqp(topology: Topology, settings: HaproxySettings, *, secured: bool = False) -> tuple[Server, ...]:
    returns = _is_warren(topology) and settings.failback
    checked = secured and settings.check == "amqp"
    return tuple(
        Server(
            host.name,
            socket_address(broker.listens, AMQPS if secured else broker.settings.port),
            _server_options(broker, settings, returns=returns)
            + (f" check-ssl {_verified(host)}" if checked else ""),
        )
        for host, broker in _brokers(topology)
        if broker.settings.haproxy_server
    )


def _verified(host: Host) -> str:
    """The server's certificate must be for its host (manual, "verify", "verifyhost")."""
    return f"verify required ca-file {BALANCER}/ca.pem verifyhost {host.name}"


_STAYING = ("stick-table type integer size 16 peers mqctl", "stick on int(1)")
"""One entry for everybody: the server that has the clients. It changes only when that one is DOWN. HAProxy
makes a new entry before it finds that the old one can be changed: there must be room for more than one."""


def _is_warren(topology: Topology) -> bool:
    return any(broker.settings.haproxy_backup for _, broker in _brokers(topology))


def stays(topology: Topology, settings: HaproxySettings) -> bool:
    """Whether clients stay with the broker that they fled to: the balancers tell each other which it is."""
    return _is_warren(topology) and not settings.failback


def _peers(topology: Topology, host: Host, settings: HaproxySettings) -> Iterable[Peers]:
    """All balancers: a reloaded process asks its predecessor, a restarted one the other host."""
    if stays(topology, settings):
        yield Peers(host.name, tuple(_peer(one, one.haproxy) for one in topology.balancers if one.haproxy))


def _peer(host: Host, settings: HaproxySettings) -> Peer:
    return Peer(host.name, socket_address(host.address, settings.peers_port))


def _server_options(broker: Broker, settings: HaproxySettings, *, returns: bool) -> str:
    """Clients of a server that went down are cut off, or they would stay on it until their heartbeats fail.

    Where they return to a primary that is back, they leave the backup at that moment: all of them or none.
    """
    words = [f"weight {broker.settings.haproxy_weight}"]
    if settings.check != "none":
        words.append("check on-marked-down shutdown-sessions")
        if returns and not broker.settings.haproxy_backup:
            words.append("on-marked-up shutdown-backup-sessions")
    if broker.settings.haproxy_backup:
        words.append("backup")
    return " ".join(words)


_AMQP_CHECKS: dict[str, tuple[str, ...]] = {
    "amqp": (
        "option tcp-check",
        "tcp-check connect",
        f"tcp-check send-binary {AMQP_HEADER}",
        f"tcp-check expect binary {CONNECTION_START}",
    ),
    "tcp": (),
    "none": (),
}
"""A stopped (SIGSTOP) broker still accepts connections: only one that speaks AMQP is UP."""

_MANAGEMENT_CHECKS: dict[str, tuple[str, ...]] = {
    "amqp": ("option httpchk GET /", "http-check expect status 200"),
    "tcp": (),
    "none": (),
}
"""The management page itself needs no credentials."""


def _managements(topology: Topology, settings: HaproxySettings) -> Iterable[Listener]:
    """The management listener, when a broker has the plugin."""
    option = "weight 1" if settings.check == "none" else "weight 1 check"
    servers = tuple(
        Server(
            host.name,
            socket_address(host.address, MANAGEMENT if topology.tls else broker.settings.management_port),
            (f"{option} backup" if broker.settings.haproxy_backup else option)
            + (f" ssl {_verified(host)}" if topology.tls else ""),
        )
        for host, broker in _brokers(topology)
        if "rabbitmq_management" in broker.settings.plugins
    )
    if servers:
        binds = _served(topology, settings.management_port)
        yield Listener("rabbitmq_management", binds, _MANAGEMENT_CHECKS[settings.check], servers)


def _brokers(topology: Topology) -> Iterable[tuple[Host, Broker]]:
    return ((host, host.broker) for host in topology.brokers if host.broker)


def socket_address(address: IPAddress, port: int) -> str:
    """ADDRESS:PORT, an IPv6 address in brackets."""
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _binds(topology: Topology, port: int) -> tuple[str, ...]:
    """All addresses, so that the standby can listen before it has the virtual one."""
    six = any(host.address.version == 6 for host in topology.hosts)
    virtual = topology.virtual_address
    wants_six = six or (virtual is not None and virtual.version == 6)
    return (f"*:{port}", f":::{port} v6only") if wants_six else (f"*:{port}",)


def _served(topology: Topology, port: int) -> tuple[str, ...]:
    """The same, where HAProxy itself speaks HTTP: with TLS by its own certificate."""
    own = f" ssl crt {BALANCER}/cert.pem" if topology.tls else ""
    return tuple(f"{bind}{own}" for bind in _binds(topology, port))


def _socket(settings: HaproxySettings) -> str:
    """HAProxy replaces variables in addresses, within quotes too (manual, "Environment variables")."""
    if "$" in settings.socket or "\\" in settings.socket:
        raise CannotCarryError("haproxy_socket", "haproxy.cfg takes $ and \\ in an address for a variable")
    return settings.socket


def _stats_password(settings: HaproxySettings) -> str:
    if settings.stats_password is None:
        raise CannotCarryError("haproxy_stats_password", "is not set", "mqctl generates it at first use")
    return reveal(settings.stats_password)
