"""Who may open connections to which ports of a host (nft(8)).

Only ports of what mqctl runs here are guarded; what else the host serves, SSH first of all, is not judged.
Only the first packet of a connection is: no connection tracking, whose table a busy broker could fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import collapse_addresses, ip_network

from mqctl.model.base import IPAddress
from mqctl.model.firewall import TABLE, FirewallSettings, IPNetwork
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.tls import AMQPS, MANAGEMENT
from mqctl.model.topology import Broker, Host, Topology
from mqctl.render.context.haproxy import stays

FILE = "/etc/mqctl/firewall.nft"

EPMD = 4369
"""RabbitMQ guide "Networking", "Ports Used by RabbitMQ"."""
_TOOLS = (10000, 10010)
"""Beyond the distribution port: where command line tools listen (the same place: 35672-35682)."""
_MESSAGING = {
    "rabbitmq_mqtt": (1883, 8883),
    "rabbitmq_stomp": (61613, 61614),
    "rabbitmq_stream": (5552, 5551),
    "rabbitmq_web_mqtt": (15675, 15676),
    "rabbitmq_web_stomp": (15674, 15673),
}
"""The other protocols' default ports, plain and TLS, by plugin (the same place)."""
_METRICS = {"rabbitmq_prometheus": (15692, 15691)}


@dataclass(frozen=True)
class Opening:
    """Ports, and who may connect to them; without sources nobody but the host itself."""

    what: str
    ports: str
    """As nft writes a set's elements."""
    sources: tuple[str, ...]
    """As nft matches them, one for each version of IP."""


@dataclass(frozen=True)
class FirewallFile:
    """The table, whole."""

    table: str
    routers: tuple[Opening, ...]
    """Whose VRRP adverts are heard; none on hosts that are no routers."""
    openings: tuple[Opening, ...]


@dataclass(frozen=True)
class FirewallUnit:
    """What loads the table at boot."""

    table: str
    file: str


def firewall_unit() -> FirewallUnit:
    """The same everywhere."""
    return FirewallUnit(TABLE, FILE)


def firewall_file(
    inventory: Topology, site: Topology, host: Host, settings: FirewallSettings
) -> FirewallFile:
    """The table of one host of a site.

    Hosts of the whole inventory may reach AMQP: balancers forward, links come from other sites.
    """
    admins = Sources(settings.admins)
    own = Sources(around(inventory.hosts))
    clients = Sources((*settings.clients, *settings.admins, *own.networks))
    openings: list[Opening] = []
    if host.broker:
        openings += _broker(site, host, host.broker, clients, admins)
    if host.haproxy:
        openings += _balancer(site, host, host.haproxy, clients, admins)
    if host.keepalived:
        openings += _virtual_servers(host.keepalived, clients)
    return FirewallFile(TABLE, tuple(_routers(site, host)), tuple(openings))


@dataclass(frozen=True)
class Sources:
    """Networks from which connections may come."""

    networks: Sequence[IPNetwork]

    def to(self, what: str, ports: Iterable[int | str]) -> Opening:
        """These may connect to these ports."""
        numbers = ", ".join(str(port) for port in dict.fromkeys(ports))
        families = (("ip", self._listed(4)), ("ip6", self._listed(6)))
        matches = (f"{family} saddr {{ {networks} }}" for family, networks in families if networks)
        return Opening(what, numbers, tuple(matches))

    def _listed(self, version: int) -> str:
        """A set's elements must not overlap."""
        own = [network for network in self.networks if network.version == version]
        return ", ".join(_short(network) for network in collapse_addresses(own))  # type: ignore[type-var]


def _short(network: IPNetwork) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def around(hosts: Iterable[Host]) -> tuple[IPNetwork, ...]:
    """Every address from which these hosts may connect; the holder of a virtual address from that too."""
    addresses: list[IPAddress] = []
    for host in hosts:
        addresses.append(host.address)
        addresses += [host.broker.address] if host.broker else []
        addresses += [host.keepalived.virtual_address.ip] if host.keepalived else []
    return tuple(ip_network(address) for address in dict.fromkeys(addresses))


def _others(hosts: Iterable[Host], host: Host) -> tuple[IPNetwork, ...]:
    """The host itself comes over its loopback interface."""
    return around(other for other in hosts if other.name != host.name)


def _broker(
    site: Topology, host: Host, broker: Broker, clients: Sources, admins: Sources
) -> Iterator[Opening]:
    settings = broker.settings
    balancers = Sources((*admins.networks, *around(site.balancers)))
    cluster = next(cluster for cluster in site.clusters if host in cluster.brokers)
    peers = Sources(_others(cluster.brokers, host))
    first, last = (settings.distribution_port + beyond for beyond in _TOOLS)
    yield clients.to("AMQP", (settings.port, AMQPS))
    yield balancers.to("management", (settings.management_port, MANAGEMENT))
    yield peers.to(
        "Erlang: port mapper, distribution, tools", (EPMD, settings.distribution_port, f"{first}-{last}")
    )
    for plugin in settings.plugins:
        if plugin in _MESSAGING:
            yield clients.to(plugin, _MESSAGING[plugin])
        if plugin in _METRICS:
            yield admins.to(plugin, _METRICS[plugin])


def _balancer(
    site: Topology, host: Host, settings: HaproxySettings, clients: Sources, admins: Sources
) -> Iterator[Opening]:
    yield clients.to("HAProxy: AMQP", (settings.amqp_port, AMQPS))
    yield admins.to("HAProxy: management", (settings.management_port, MANAGEMENT))
    yield admins.to("HAProxy: statistics", (settings.stats_port,))
    if stays(site, settings):
        yield Sources(_others(site.balancers, host)).to("HAProxy: peers", (settings.peers_port,))


def _virtual_servers(settings: KeepalivedSettings, clients: Sources) -> Iterator[Opening]:
    ports = [server.port for server in settings.virtual_servers if server.protocol == "TCP"]
    if ports:
        yield clients.to("LVS", ports)


def _routers(site: Topology, host: Host) -> Iterator[Opening]:
    """Adverts come from a router's own address, never from the virtual one (RFC 5798 section 5.1.1.1)."""
    own = host.keepalived
    if own is None:
        return
    heard = [
        ip_network(other.address)
        for other in site.routers
        if other.name != host.name
        and other.keepalived
        and other.keepalived.virtual_router_id == own.virtual_router_id
    ]
    yield Sources(heard).to("VRRP", ())
