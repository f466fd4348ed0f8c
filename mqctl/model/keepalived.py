"""A VRRP router's settings: the inventory's `keepalived_*` variables without their prefix."""

from __future__ import annotations

from ipaddress import IPv4Interface, IPv6Interface
from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mqctl.model.base import Line, Model, Seconds


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
