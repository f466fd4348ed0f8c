"""The links of an inventory over which messages come from one of its sites to another one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.links import Parameter, StaticShovel
from mqctl.model.tls import AMQPS
from mqctl.model.topology import Topology

_VHOST = "/"
"""Where the run's queues are, at both ends."""
_AMQP = 5672
"""The port of an amqp URI that says none (RabbitMQ guide "URI Specification"); that of amqps is AMQPS."""


@dataclass(frozen=True)
class SiteLink:
    """What is declared at one site, and brings messages from one site to another one."""

    downstream: Topology
    """Where they are published again."""
    upstream: Topology
    """Where they are consumed."""
    declared: Topology
    """The site whose cluster runs it."""
    name: str
    shovel: Parameter | None = None
    """What it is as a dynamic shovel; None: a federation upstream."""


def site_links(topology: Topology) -> list[SiteLink]:
    """For each pair of sites one in each direction: an upstream before a dynamic shovel before a static one.

    Only between the default vhosts, and only those that stay: not shovels that end by themselves.
    """
    sites = [site for site in topology.sites if site.site.clustered]
    found: dict[tuple[str, str], SiteLink] = {}
    for kind in (_federated, _shovelled, _static):
        for here in sites:
            for link in kind(here, sites):
                if link.downstream is not link.upstream:
                    found.setdefault((link.downstream.site.name, link.upstream.site.name), link)
    return list(found.values())


def _federated(here: Topology, sites: Iterable[Topology]) -> Iterator[SiteLink]:
    for one in here.objects.parameters:
        if one.component == "federation-upstream" and one.vhost == _VHOST:
            for there in _leads(one.uris["uri"], here, sites):
                yield SiteLink(here, there, here, one.name)


def _shovelled(here: Topology, sites: Iterable[Topology]) -> Iterator[SiteLink]:
    for one in here.objects.parameters:
        if one.component == "shovel" and one.vhost == _VHOST and not one.passing:
            yield from _moving(one, here, sites)


def _static(here: Topology, sites: Iterable[Topology]) -> Iterator[SiteLink]:
    for one in here.site.static_shovels:
        yield from _moving(_as_dynamic(one), here, sites)


def _as_dynamic(shovel: StaticShovel) -> Parameter:
    """What a runtime parameter can say of it, without the places at its ends."""
    given = {
        "ack-mode": shovel.ack_mode,
        "src-prefetch-count": shovel.src.prefetch_count,
        "reconnect-delay": shovel.reconnect_delay,
    }
    return Parameter(
        component="shovel",
        vhost=_VHOST,
        name=shovel.name,
        value={key: value for key, value in given.items() if value is not None},
        uris={"src-uri": shovel.src.uri, "dest-uri": shovel.dest.uri},
    )


def _moving(shovel: Parameter, here: Topology, sites: Iterable[Topology]) -> Iterator[SiteLink]:
    for source in _leads(shovel.uris["src-uri"], here, sites):
        for target in _leads(shovel.uris["dest-uri"], here, sites):
            yield SiteLink(target, source, here, shovel.name, shovel)


def _leads(uris: tuple[SecretStr, ...], here: Topology, sites: Iterable[Topology]) -> list[Topology]:
    """The sites that some URI leads to."""
    places = {place for uri in uris if (place := _place(uri))}
    return [site for site in sites if places & ({_HERE} | _places(site) if site is here else _places(site))]


_Place = tuple[str, int]
_HERE: _Place = ("", 0)
"""The cluster that runs the link, which needs no connection."""


def _place(uri: SecretStr) -> _Place | None:
    """Address and port; None for another vhost than the default one."""
    parts = urlsplit(reveal(uri))
    if unquote(parts.path.removeprefix("/")) not in ("", _VHOST):
        return None
    if not parts.hostname:
        return _HERE
    return parts.hostname, parts.port or (AMQPS if parts.scheme == "amqps" else _AMQP)


def _places(site: Topology) -> set[_Place]:
    """The site's entrance, and its brokers."""
    entrance = {
        (str(address), host.haproxy.amqp_port)
        for host in site.balancers
        for address in (site.virtual_address, host.address)
        if host.haproxy and address
    }
    own = {(str(host.address), host.broker.settings.port) for host in site.brokers if host.broker}
    places = entrance | own
    return places | ({(address, AMQPS) for address, _ in places} if site.tls else set())
