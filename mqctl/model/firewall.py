"""A host's packet filter: the inventory's `mqctl_firewall`."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from mqctl.model.base import Model

UNIT = "mqctl-firewall.service"
"""What loads the packet filter."""
TABLE = "mqctl"
"""Its table in the kernel, of nft's family inet."""
IPNetwork = IPv4Network | IPv6Network


def _network(value: Any) -> IPNetwork:
    """Text only: ipaddress would take the number 10 for 0.0.0.10."""
    if isinstance(value, IPv4Network | IPv6Network):
        return value
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError("must be an address or a network without host bits, e.g. 192.0.2.0/24") from None


Network = Annotated[IPNetwork, BeforeValidator(_network)]


def _some(networks: tuple[Network, ...]) -> tuple[Network, ...]:
    if not networks:
        raise ValueError("must name at least one network")
    return networks


class FirewallSettings(Model):
    """Who may reach what runs here; the topology's own hosts reach what they need anyway."""

    clients: Annotated[tuple[Network, ...], AfterValidator(_some)]
    """Networks that may connect to AMQP and to other messaging protocols."""
    admins: tuple[Network, ...] = ()
    """Networks that may do that too, and reach management, statistics and metrics."""
