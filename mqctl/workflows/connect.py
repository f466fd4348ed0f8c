"""How clients connect to what was deployed."""

from __future__ import annotations

from dataclasses import dataclass

from mqctl.inventory.secrets import secrets_file
from mqctl.model.tls import MANAGEMENT
from mqctl.model.topology import Topology
from mqctl.probe.entrance import endpoint


@dataclass(frozen=True)
class Connect:
    """How a client connects; the password itself is never shown."""

    site: str
    """Empty when there is only one."""
    address: str
    amqp_port: int
    user: str
    password_in: str
    management: str | None = None
    statistics: str | None = None


def connections(topology: Topology) -> tuple[Connect, ...]:
    """Each site's."""
    return tuple(connection(site) for site in topology.sites)


def connection(topology: Topology) -> Connect:
    """Where clients connect: the entrance, or without one the first broker."""
    broker = topology.brokers[0].broker
    assert broker is not None
    where, user = endpoint(topology), broker.settings.client_user
    address, port = where or (str(broker.address), topology.amqp(broker.settings.port))
    settings = next((host.haproxy for host in topology.balancers if host.haproxy), None)
    own = MANAGEMENT if topology.tls else broker.settings.management_port
    management, scheme = settings.management_port if settings else own, "https" if topology.tls else "http"
    return Connect(
        site=topology.site.name,
        address=address,
        amqp_port=port,
        user=user,
        password_in=f"rabbitmq_passwords.{user} in {_generated(topology)}",
        management=f"{scheme}://{address}:{management}/ as {broker.settings.admin_user}",
        statistics=f"{scheme}://{address}:{settings.stats_port}{settings.stats_uri}" if settings else None,
    )


def _generated(topology: Topology) -> str:
    """The file that mqctl generates passwords into; the inventory when it had them already."""
    file = secrets_file(topology.inventory)
    return str(file if file.exists() else topology.inventory)
