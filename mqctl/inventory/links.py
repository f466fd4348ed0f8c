"""Declared links to what the broker keeps: every site's name becomes the URIs of its entrance."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr

from mqctl.model.base import IPAddress, reveal
from mqctl.model.draft import Draft
from mqctl.model.links import End, Parameter, Remote, Shovel, StaticShovel, Upstream, UpstreamSet
from mqctl.model.objects import User
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import AMQPS
from mqctl.model.uri import amqp, local

E = TypeVar("E", bound=End)


@dataclass(frozen=True)
class Reach:
    """How the links of other sites come into a site."""

    endpoints: tuple[tuple[IPAddress, int], ...]
    client: str
    passwords: Mapping[str, SecretStr]
    """By user, of those whose password is known."""
    name: str | None = None
    """What the certificates behind the endpoints are for; None: without TLS."""

    def uris(self, user: str | None, vhost: str) -> tuple[SecretStr, ...]:
        """One for each endpoint. KeyError for a user without a password, which the rules refuse."""
        name = user or self.client
        password = reveal(self.passwords[name])
        return tuple(
            SecretStr(amqp(host, AMQPS if self.name else port, name, password, vhost, self.name))
            for host, port in self.endpoints
        )


Reaches = Mapping[str, Reach]


def reach(site: Draft, users: Iterable[User]) -> Reach:
    """The virtual address where the site has an entrance with one, else every broker."""
    assert site.cluster is not None
    passwords = {user.name: user.password for user in users if user.password}
    name = site.hosts[0].site if site.mqctl.tls else None
    return Reach(_endpoints(site), site.cluster.client_user, passwords, name)


def _endpoints(site: Draft) -> tuple[tuple[IPAddress, int], ...]:
    if site.routers and site.balancers:
        return ((site.routers[0][1].virtual_address.ip, site.balancers[0][1].amqp_port),)
    if site.balancers:
        entrances = [(host.address, settings.amqp_port) for host, settings in site.balancers]
    else:
        entrances = [(host.address, settings.port) for host, settings in site.brokers]
    return tuple((address, port) for address, port in entrances if address is not None)


def parameters(cluster: RabbitmqSettings, sites: Reaches) -> tuple[Parameter, ...]:
    """The runtime parameters that a site's links are."""
    return (
        *(_upstream(upstream, sites) for upstream in cluster.upstreams),
        *(_set(one) for one in cluster.upstream_sets),
        *(_shovel(shovel, sites) for shovel in cluster.shovels),
    )


def static_shovels(cluster: RabbitmqSettings, sites: Reaches) -> tuple[StaticShovel, ...]:
    """The static shovels, with the URIs of both ends decided."""
    return tuple(
        shovel.model_copy(update={"src": _decided(shovel.src, sites), "dest": _decided(shovel.dest, sites)})
        for shovel in cluster.static_shovels
    )


def _decided(end: E, sites: Reaches) -> E:
    return end.model_copy(update={"uri": _uris(end, end.vhost or "/", sites)})


def _uris(remote: Remote, vhost: str, sites: Reaches) -> tuple[SecretStr, ...]:
    if remote.uri:
        return remote.uri
    if remote.site is None:
        return (SecretStr(local(vhost)),)
    return sites[remote.site].uris(remote.user, vhost)


_PLACE = {"name", "vhost", "uri", "site", "user"}


def _upstream(upstream: Upstream, sites: Reaches) -> Parameter:
    return Parameter(
        component="federation-upstream",
        vhost=upstream.vhost,
        name=upstream.name,
        value=_given(upstream, _PLACE | {"site_vhost"}),
        uris={"uri": _uris(upstream, upstream.site_vhost or upstream.vhost, sites)},
    )


def _set(one: UpstreamSet) -> Parameter:
    members = tuple(_given(member, set()) for member in one.upstreams)
    return Parameter(component="federation-upstream-set", vhost=one.vhost, name=one.name, value=members)


def _shovel(shovel: Shovel, sites: Reaches) -> Parameter:
    ends = {"src": shovel.src, "dest": shovel.dest}
    value = {f"{side}-{key}": item for side, end in ends.items() for key, item in _given(end, _PLACE).items()}
    uris = {f"{side}-uri": _uris(end, end.vhost or shovel.vhost, sites) for side, end in ends.items()}
    return Parameter(
        component="shovel",
        vhost=shovel.vhost,
        name=shovel.name,
        value={**value, **_given(shovel, _PLACE | set(ends))},
        uris=uris,
        passing=shovel.passing,
    )


def _given(model: BaseModel, without: set[str]) -> dict[str, Any]:
    """What was said, by RabbitMQ's names; the rest is left to the broker's defaults."""
    return model.model_dump(by_alias=True, exclude=without, exclude_none=True)
