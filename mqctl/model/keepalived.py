"""A VRRP router's settings: the inventory's `keepalived_*` variables without their prefix."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mqctl.model.base import IPAddress, Line, Model, Port, Seconds


class RealServer(Model):
    """One server behind a virtual one."""

    address: IPAddress
    port: Port
    weight: Annotated[int, Field(ge=0, le=65535)] = 1


class VirtualServer(Model):
    """An LVS service of the kernel that Keepalived keeps up to date (keepalived.conf(5), "virtual_server").

    Durations in whole seconds.
    """

    address: IPAddress | None = None
    """The virtual IP when not given."""
    port: Port
    delay_loop: Annotated[int, Field(ge=1)] = 5
    """Between two checks of a real server."""
    lb_algo: Literal["rr", "wrr", "lc", "wlc", "sh", "dh", "sed", "nq"] = "wlc"
    lb_kind: Literal["NAT", "DR", "TUN"] = "NAT"
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    persistence_timeout: Annotated[int, Field(ge=1)] | None = None
    """How long a client stays with its real server; it may change at every connection when not given."""
    check: Literal["tcp", "none"] = "tcp"
    connect_timeout: Annotated[int, Field(ge=1)] = 3
    retry: Annotated[int, Field(ge=0)] = 3
    delay_before_retry: Annotated[int, Field(ge=1)] = 3
    real_servers: Annotated[tuple[RealServer, ...], Field(min_length=1)]


class KeepalivedSettings(Model):
    """One VRRP router of one virtual router (RFC 5798; keepalived.conf(5)). Durations in seconds."""

    packages: tuple[Line, ...] = ("keepalived",)
    virtual_address: IPv4Interface | IPv6Interface
    """The virtual IP with its prefix length, e.g. 192.0.2.100/24."""
    interface: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-@]{1,15}$")] = "eth0"
    virtual_router_id: Annotated[int, Field(ge=1, le=255)] = 51
    priority: Annotated[int, Field(ge=1, le=254)]
    vrrp_version: Literal[2, 3] = 2
    advert_interval: Seconds = 1
    """Whole seconds with VRRP 2, hundredths with VRRP 3 (RFC 5798 section 5.2.7)."""
    preempt: bool = True
    """True: a returning host of higher priority takes the address back; False: `nopreempt`."""
    preempt_delay: Annotated[float, Field(ge=0, le=1000)] = 0
    unicast: bool = True
    """Adverts go to the peers' addresses; False: to the VRRP multicast group."""
    auth_pass: Annotated[SecretStr, Field(min_length=1)] | None = None
    """PASS authentication, VRRP 2 only, at most 8 characters; generated at first use when not given."""
    check_interval: Seconds = 1
    check_timeout: Seconds = 1
    check_fall: Annotated[int, Field(ge=1)] = 2
    check_rise: Annotated[int, Field(ge=1)] = 2
    check_weight: Annotated[int, Field(ge=-253, le=253)] = 0
    """0: a failed check puts the instance into FAULT; negative: lowers its priority by that much."""
    restart_haproxy: bool = False
    """The check script first tries to restart a dead HAProxy (the classic recipe) before it fails."""
    virtual_servers: tuple[VirtualServer, ...] = ()
    """LVS services; the kernel must have IPVS, or Keepalived does not stay up."""
