"""Rules about the virtual IP and the routers that share it."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.base import IPAddress, reveal
from mqctl.model.draft import Draft, DraftHost
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.problem import Problem

SHARED = (
    "virtual_address",
    "virtual_router_id",
    "vrrp_version",
    "advert_interval",
    "auth_pass",
    "unicast",
    "virtual_servers",
)
"""Routers that disagree on these are not one virtual router: each becomes master."""
_NOT_SHOWN = ("auth_pass", "virtual_servers")
"""A secret, and a whole list."""
_AUTH_CHARACTERS = 8
_LONGEST_V2 = 255.0
_LONGEST_V3 = 40.95


def same_virtual_router(draft: Draft) -> Iterator[Problem]:
    """Adverts of another id, version, interval or password are discarded (RFC 3768 section 7.1)."""
    if not draft.routers:
        return
    first, wanted = draft.routers[0]
    for host, settings in draft.routers[1:]:
        for name in SHARED:
            if draft.usable(f"keepalived_{name}") and getattr(settings, name) != getattr(wanted, name):
                rule = f"must be the same on all routers, and differs from that of {first.name}"
                hint = "set it in group_vars/keepalived.yml"
                shown = "" if name in _NOT_SHOWN else str(getattr(settings, name))
                yield Problem(f"keepalived_{name}", rule, shown, hint, host.name)


def distinct_priorities(draft: Draft) -> Iterator[Problem]:
    """Equal priorities leave the choice to the addresses (RFC 5798 section 6.4.3)."""
    taken: dict[int, str] = {}
    for host, settings in draft.routers:
        if "keepalived_priority" in host.invalid:
            continue
        first = taken.setdefault(settings.priority, host.name)
        if first != host.name:
            hint = "each router its own, e.g. 150 and 100"
            rule = f"must not be that of {first}"
            yield Problem("keepalived_priority", rule, str(settings.priority), hint, host.name)


def free_virtual_address(draft: Draft) -> Iterator[Problem]:
    """The virtual IP is a host address of its own."""
    owners = {host.address: host.name for host in draft.hosts if host.address}
    for host, settings in draft.routers:
        ip, network = settings.virtual_address.ip, settings.virtual_address.network
        if ip in owners:
            rule, hint = f"must not be the address of {owners[ip]}", "choose a free address of the subnet"
            yield Problem("keepalived_virtual_address", rule, str(ip), hint, host.name)
        elif network.num_addresses > 2 and ip in (network.network_address, network.broadcast_address):
            kind = "network" if ip == network.network_address else "broadcast"
            rule, hint = f"must not be the {kind} address of {network}", "choose a free address of the subnet"
            yield Problem("keepalived_virtual_address", rule, str(ip), hint, host.name)


def inside_subnet(draft: Draft) -> Iterator[Problem]:
    """Neighbours reach the virtual IP only in the interface's own subnet; /32 and /128 say nothing."""
    for host, settings in draft.routers:
        network = settings.virtual_address.network
        if host.address and network.num_addresses > 1 and host.address not in network:
            rule = "must be in the subnet of its hosts"
            hint = "give the address with the prefix length of the hosts' network"
            got = str(settings.virtual_address)
            yield Problem("keepalived_virtual_address", rule, got, hint, host.name)


def inside_lab(draft: Draft) -> Iterator[Problem]:
    """The lab's network is all that its hosts see."""
    lab = draft.mqctl.lab
    for host, settings in draft.routers:
        if lab and settings.virtual_address.ip not in lab.subnet:
            rule, got = f"must lie in the lab's {lab.subnet}", str(settings.virtual_address)
            hint = "choose a free address of mqctl_lab.subnet"
            yield Problem("keepalived_virtual_address", rule, got, hint, host.name)


def address_family(draft: Draft) -> Iterator[Problem]:
    """VRRP 2 is for IPv4 only (RFC 3768); VRRP 3 for both (RFC 5798)."""
    for host, settings in draft.routers:
        if settings.virtual_address.version == 6 and settings.vrrp_version == 2:
            hint = "set keepalived_vrrp_version: 3"
            rule, got = "must be IPv4 with VRRP 2", str(settings.virtual_address)
            yield Problem("keepalived_virtual_address", rule, got, hint, host.name)


def password(draft: Draft) -> Iterator[Problem]:
    """VRRP 2 carries 8 octets of password (RFC 2338 section 5.3.10); VRRP 3 has none (RFC 5798 section 9)."""
    for host, settings in draft.routers:
        if settings.auth_pass is None:
            continue
        length = len(reveal(settings.auth_pass).encode())
        if settings.vrrp_version == 3:
            hint = "leave it out, or set keepalived_vrrp_version: 2"
            rule = "must be absent with VRRP 3, which has no authentication"
            yield Problem("keepalived_auth_pass", rule, hint=hint, host=host.name)
        elif length > _AUTH_CHARACTERS:
            rule, got = f"must have at most {_AUTH_CHARACTERS} bytes", f"{length} bytes"
            hint = "the rest would be cut off; leave it out and mqctl generates one"
            yield Problem("keepalived_auth_pass", rule, got, hint, host.name)


def advert_interval(draft: Draft) -> Iterator[Problem]:
    """VRRP 2 counts seconds in one octet, VRRP 3 hundredths in 12 bits (RFC 3768 5.3.7, RFC 5798 5.2.7)."""
    for host, settings in draft.routers:
        seconds = settings.advert_interval
        step, longest = (1.0, _LONGEST_V2) if settings.vrrp_version == 2 else (0.01, _LONGEST_V3)
        steps = seconds / step
        if abs(steps - round(steps)) > 1e-6 or round(steps) < 1 or seconds > longest:
            unit = "whole seconds" if settings.vrrp_version == 2 else "hundredths of a second"
            rule = f"must be {unit} up to {longest:g} with VRRP {settings.vrrp_version}"
            hint = (
                "set keepalived_vrrp_version: 3 for less than a second" if settings.vrrp_version == 2 else ""
            )
            yield Problem("keepalived_advert_interval", rule, f"{seconds:g}", hint, host.name)


def delay_needs_preempt(draft: Draft) -> Iterator[Problem]:
    """A router that never preempts has nothing to delay (keepalived.conf(5), preempt_delay)."""
    for host, settings in draft.routers:
        if settings.preempt_delay and not settings.preempt:
            rule = "must be 0 when keepalived_preempt is false"
            yield Problem("keepalived_preempt_delay", rule, f"{settings.preempt_delay:g}", "", host.name)


def moves_without_preempt(draft: Draft) -> Iterator[Problem]:
    """A nopreempt backup ignores a master of lower priority: the address stays (keepalived 2599, 2483)."""
    for host, settings in draft.routers:
        if len(draft.routers) > 1 and not settings.preempt and settings.check_weight:
            rule = "must be 0 when keepalived_preempt is false, or a dead HAProxy keeps the address"
            hint = "weight 0 puts the host into FAULT, which moves the address"
            yield Problem("keepalived_check_weight", rule, str(settings.check_weight), hint, host.name)


def weight_moves(draft: Draft) -> Iterator[Problem]:
    """A failed check must bring the holder's priority below that of another router whose check passes."""
    for host, settings in draft.routers:
        others = [_passing(other) for peer, other in draft.routers if peer is not host]
        if not others or not settings.check_weight or not settings.preempt:
            continue
        failing = settings.priority + min(settings.check_weight, 0)
        if _passing(settings) > max(others) and failing >= max(others):
            rule = f"leaves priority {failing} after a failed check, not below the {max(others)} of the next"
            hint = f"{max(others) - settings.priority - 1} or less, or 0 for FAULT"
            yield Problem("keepalived_check_weight", rule, str(settings.check_weight), hint, host.name)


def distinct_services(draft: Draft) -> Iterator[Problem]:
    """The kernel takes a service's packets before any program that listens there (Linux IPVS)."""
    for host, settings in draft.routers:
        taken = _listeners(host, settings)
        for index, server in enumerate(settings.virtual_servers):
            place = (server.address or settings.virtual_address.ip, server.port, server.protocol)
            name = f"keepalived_virtual_servers[{index}]"
            other = taken.setdefault(place, name)
            if other != name:
                rule, hint = (
                    f"must not be that of {other}",
                    "IPVS would take its packets: choose another port",
                )
                yield Problem(f"{name}.port", rule, str(server.port), hint, host.name)


def _listeners(host: DraftHost, settings: KeepalivedSettings) -> dict[tuple[IPAddress, int, str], str]:
    """HAProxy's, by address, port and protocol."""
    if host.haproxy is None:
        return {}
    address, names = settings.virtual_address.ip, ("amqp_port", "management_port", "stats_port")
    return {(address, getattr(host.haproxy, name), "TCP"): f"haproxy_{name}" for name in names}


def same_port_without_nat(draft: Draft) -> Iterator[Problem]:
    """Direct routing and tunnels leave packets as they are, ports too (ipvsadm(8), --gatewaying)."""
    for host, settings in draft.routers:
        for index, server in enumerate(settings.virtual_servers):
            others = [real.port for real in server.real_servers if real.port != server.port]
            if others and server.lb_kind != "NAT":
                name = f"keepalived_virtual_servers[{index}].real_servers"
                rule = f"must have the service's port {server.port} with lb_kind {server.lb_kind}"
                yield Problem(name, rule, str(others[0]), "set lb_kind: NAT to change ports", host.name)


def _passing(settings: KeepalivedSettings) -> int:
    """The effective priority while the check passes."""
    return settings.priority + max(settings.check_weight, 0)


STRUCTURAL = (
    same_virtual_router,
    distinct_priorities,
    free_virtual_address,
    inside_subnet,
    inside_lab,
    address_family,
    password,
    advert_interval,
    delay_needs_preempt,
    distinct_services,
    same_port_without_nat,
)
RISKS = {"nopreempt-with-weight": moves_without_preempt, "small-weight": weight_moves}
