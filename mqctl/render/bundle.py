"""A topology's bundles: for every host its packages, files and services."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.bundle import FileSpec, HostBundle, ServiceSpec
from mqctl.model.firewall import UNIT
from mqctl.model.topology import Host, Topology
from mqctl.render.brokers import broker_files
from mqctl.render.context.hosts import hosts_block
from mqctl.render.entrance import haproxy_files, keepalived_files
from mqctl.render.files import printed
from mqctl.render.firewall import PACKAGE, firewall_files
from mqctl.render.refusal import CannotCarryError
from mqctl.render.tls import tls_files


def render(topology: Topology) -> dict[str, HostBundle]:
    """The bundles by host name. CannotCarryError when a file's format has no way to say a value."""
    return {host.name: render_host(topology, site, host) for site in topology.sites for host in site.hosts}


def render_host(inventory: Topology, site: Topology, host: Host) -> HostBundle:
    """One host's bundle; `site` is its part of the inventory. CannotCarryError names the host."""
    try:
        files = tuple(_files(inventory, site, host))
    except CannotCarryError as error:
        raise error.on(host.name) from None
    return HostBundle(host=host.name, packages=_packages(host), files=files, services=tuple(_services(host)))


def _files(inventory: Topology, site: Topology, host: Host) -> Iterator[FileSpec]:
    yield printed("/etc/hosts", "hosts", "hosts/block.j2", hosts_block(site, host), kind="block")
    yield from firewall_files(inventory, site, host)
    if site.tls:
        yield from tls_files(site.tls, host)
    if host.broker:
        yield from broker_files(_cluster_of(site, host), host.broker)
    if host.haproxy:
        yield from haproxy_files(site, host, host.haproxy)
    if host.keepalived:
        yield from keepalived_files(site, host, host.keepalived)


def _cluster_of(site: Topology, broker: Host) -> Topology:
    return next(cluster for cluster in site.clusters if broker in cluster.brokers)


def _packages(host: Host) -> tuple[str, ...]:
    """Each once, in the order in which the host's roles come."""
    roles = (host.broker.settings if host.broker else None, host.haproxy, host.keepalived)
    packages = [package for role in roles if role for package in role.packages]
    return tuple(dict.fromkeys([*([PACKAGE] if host.firewall else []), *packages]))


def _services(host: Host) -> Iterator[ServiceSpec]:
    if host.firewall:
        yield ServiceSpec(unit=UNIT, component="firewall")
    if host.broker:
        yield ServiceSpec(unit="rabbitmq-server.service", component="rabbitmq")
    if host.haproxy:
        yield ServiceSpec(unit="haproxy.service", component="haproxy")
    if host.keepalived:
        yield ServiceSpec(unit="keepalived.service", component="keepalived")
