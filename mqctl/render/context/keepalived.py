"""Keepalived's virtual router, its check and its notifications (keepalived.conf(5), RFC 5798)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mqctl.model.base import reveal
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings, RealServer, VirtualServer
from mqctl.model.topology import Host, Topology
from mqctl.render.quoting import keepalived as quoted
from mqctl.render.refusal import CannotCarryError

CHECK = "/etc/keepalived/check-haproxy"
NOTIFY = "/etc/keepalived/notify"
STATE_DIRECTORY = "mqctl"
"""Below /run."""
STATE_FILE = f"/run/{STATE_DIRECTORY}/vrrp.state"
RESTART_SECONDS = 5
"""How long the check waits for a restarted HAProxy before it fails."""


@dataclass(frozen=True)
class Block:
    """A named block of keepalived.conf."""

    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Service:
    """A virtual_server block with its real servers."""

    address: str
    port: int
    lines: tuple[str, ...]
    servers: tuple[Block, ...]


@dataclass(frozen=True)
class KeepalivedFile:
    """keepalived.conf: the scripts, one virtual router, then LVS services."""

    router_id: str
    vrrp_version: int
    scripts: tuple[Block, ...]
    instance: tuple[str, ...]
    blocks: tuple[Block, ...]
    services: tuple[Service, ...]


@dataclass(frozen=True)
class CheckScript:
    """The script that asks HAProxy."""

    socket: str
    timeout: int
    restart_seconds: int


@dataclass(frozen=True)
class NotifyScript:
    """The script that writes the state down."""

    state_file: str


@dataclass(frozen=True)
class DropIn:
    """The systemd drop-in."""

    state_directory: str
    state_file: str
    virtual_address: str
    interface: str


def keepalived_file(topology: Topology, host: Host, settings: KeepalivedSettings) -> KeepalivedFile:
    """All of keepalived.conf. CannotCarryError for durations that Keepalived would round."""
    scripts = (_script(settings),) if host.haproxy else ()
    return KeepalivedFile(
        router_id=host.name,
        vrrp_version=settings.vrrp_version,
        scripts=scripts,
        instance=tuple(_instance(topology, host, settings)),
        blocks=tuple(_blocks(topology, host, settings)),
        services=tuple(_service(server, settings) for server in settings.virtual_servers),
    )


def check_script(haproxy: HaproxySettings, settings: KeepalivedSettings) -> CheckScript:
    """The check of this host's HAProxy."""
    timeout = whole(settings.check_timeout, "keepalived_check_timeout")
    return CheckScript(haproxy.socket, timeout, RESTART_SECONDS)


def notify_script() -> NotifyScript:
    """The same on every host."""
    return NotifyScript(STATE_FILE)


def drop_in(settings: KeepalivedSettings) -> DropIn:
    """What systemd does around Keepalived."""
    address = settings.virtual_address.with_prefixlen
    return DropIn(STATE_DIRECTORY, STATE_FILE, address, settings.interface)


def whole(seconds: float, what: str) -> int:
    """Seconds of a vrrp_script, which takes whole ones; Keepalived ignores the setting otherwise."""
    if seconds != int(seconds):
        raise CannotCarryError(what, f"keepalived.conf takes whole seconds, not {seconds:g}")
    return int(seconds)


def _script(settings: KeepalivedSettings) -> Block:
    timeout = whole(settings.check_timeout, "keepalived_check_timeout")
    command, longest = CHECK, timeout
    if settings.restart_haproxy:
        command, longest = f"{CHECK} restart", 2 * timeout + RESTART_SECONDS
    return Block(
        "check_haproxy",
        (
            f'script "{command}"',
            f"interval {whole(settings.check_interval, 'keepalived_check_interval')}",
            f"timeout {longest}",
            f"fall {settings.check_fall}",
            f"rise {settings.check_rise}",
            f"weight {settings.check_weight}",
        ),
    )


def _instance(topology: Topology, host: Host, settings: KeepalivedSettings) -> Iterator[str]:
    yield f"state {_initial_state(topology, settings)}"
    yield f"interface {settings.interface}"
    yield f"virtual_router_id {settings.virtual_router_id}"
    yield f"priority {settings.priority}"
    yield f"advert_int {_advert(settings)}"
    if not settings.preempt:
        yield "nopreempt"
    elif settings.preempt_delay:
        yield f"preempt_delay {settings.preempt_delay:g}"
    if _unicast_peers(topology, host, settings):
        yield f"unicast_src_ip {host.address}"


def _initial_state(topology: Topology, settings: KeepalivedSettings) -> str:
    """MASTER for the highest priority only, and not where Keepalived wants to wait before it takes over."""
    highest = max(router.priority for router in _same_router(topology, settings))
    takes_over = settings.preempt and not settings.preempt_delay
    return "MASTER" if takes_over and settings.priority == highest else "BACKUP"


def _same_router(topology: Topology, settings: KeepalivedSettings) -> Iterator[KeepalivedSettings]:
    for host in topology.routers:
        if host.keepalived and _shares(host, settings):
            yield host.keepalived


def _advert(settings: KeepalivedSettings) -> str:
    if settings.vrrp_version == 2:
        return str(whole(settings.advert_interval, "keepalived_advert_interval"))
    return f"{settings.advert_interval:.2f}".rstrip("0").rstrip(".")


def _blocks(topology: Topology, host: Host, settings: KeepalivedSettings) -> Iterator[Block]:
    if peers := _unicast_peers(topology, host, settings):
        yield Block("unicast_peer", peers)
    if settings.vrrp_version == 2 and settings.auth_pass is not None:
        password = quoted(reveal(settings.auth_pass), "keepalived_auth_pass")
        yield Block("authentication", ("auth_type PASS", f"auth_pass {password}"))
    if host.haproxy:
        yield Block("track_script", ("check_haproxy",))
    address = settings.virtual_address.with_prefixlen
    yield Block("virtual_ipaddress", (f"{address} dev {settings.interface}",))


def _service(wanted: VirtualServer, settings: KeepalivedSettings) -> Service:
    persistence = wanted.persistence_timeout
    return Service(
        address=str(wanted.address or settings.virtual_address.ip),
        port=wanted.port,
        lines=(
            f"delay_loop {wanted.delay_loop}",
            f"lb_algo {wanted.lb_algo}",
            f"lb_kind {wanted.lb_kind}",
            *([f"persistence_timeout {persistence}"] if persistence else []),
            f"protocol {wanted.protocol}",
        ),
        servers=tuple(_real_server(server, wanted) for server in wanted.real_servers),
    )


def _real_server(server: RealServer, wanted: VirtualServer) -> Block:
    check = (
        "TCP_CHECK {",
        f"    connect_timeout {wanted.connect_timeout}",
        f"    retry {wanted.retry}",
        f"    delay_before_retry {wanted.delay_before_retry}",
        "}",
    )
    lines = (f"weight {server.weight}", *(check if wanted.check == "tcp" else ()))
    return Block(f"real_server {server.address} {server.port}", lines)


def _unicast_peers(topology: Topology, host: Host, settings: KeepalivedSettings) -> tuple[str, ...]:
    """The other hosts of this virtual router; none when adverts are multicast."""
    return tuple(
        str(other.address)
        for other in topology.routers
        if settings.unicast and other.name != host.name and _shares(other, settings)
    )


def _shares(other: Host, settings: KeepalivedSettings) -> bool:
    router = other.keepalived
    return router is not None and router.virtual_router_id == settings.virtual_router_id
