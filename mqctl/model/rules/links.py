"""Rules about links between sites: where they lead, and what they need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mqctl.model.draft import Draft
from mqctl.model.links import COMPONENTS, Destination, End, Remote, Source, Upstream
from mqctl.model.problem import Problem
from mqctl.model.rabbitmq import RabbitmqSettings

_PLUGIN = {
    "upstreams": "rabbitmq_federation",
    "upstream_sets": "rabbitmq_federation",
    "shovels": "rabbitmq_shovel",
    "static_shovels": "rabbitmq_shovel",
}
_UPSTREAM, _SET = COMPONENTS[0], COMPONENTS[1]
ALL = "all"
"""The set of all upstreams, which every vhost has (RabbitMQ guide "Federation Reference")."""


@dataclass(frozen=True)
class _Leading:
    """Something that leads to another broker: where it was declared, and the vhost it means there."""

    path: str
    remote: Remote
    vhost: str


def plugins(draft: Draft) -> Iterator[Problem]:
    """Without its plugin a broker takes no such parameter (400, "component not found")."""
    if not draft.usable("rabbitmq_plugins"):
        return
    for host, settings in draft.brokers:
        for kind, plugin in _PLUGIN.items():
            if getattr(settings, kind) and plugin not in settings.plugins:
                hint = f"add {plugin} to rabbitmq_plugins"
                yield Problem(f"rabbitmq_{kind}", f"needs the plugin {plugin}", hint=hint, host=host.name)


def one_way(draft: Draft) -> Iterator[Problem]:
    """URIs or a site, not both; an upstream has one of them, and only a site's users and vhosts are known."""
    for cluster in _clusters(draft):
        for leading in _leading(cluster):
            remote, path = leading.remote, leading.path
            if remote.uri and remote.site:
                yield Problem(f"{path}.site", "must be absent when uri is given", hint="keep one of the two")
            if isinstance(remote, Upstream) and not remote.uri and not remote.site:
                hint = "site: another site of this inventory; or uri: [amqp://...]"
                yield Problem(path, "must have site or uri", hint=hint)
            for name, given in _of_a_site(remote):
                if given and not remote.site:
                    hint = "a URI carries its own" if remote.uri else "name the site"
                    yield Problem(f"{path}.{name}", "must be absent without site", hint=hint)


def _of_a_site(remote: Remote) -> Iterator[tuple[str, str | None]]:
    yield "user", remote.user
    if isinstance(remote, Upstream):
        yield "site-vhost", remote.site_vhost
    elif isinstance(remote, End) and remote.uri:
        yield "vhost", remote.vhost


def ends(draft: Draft) -> Iterator[Problem]:
    """A shovel takes from a queue or an exchange; it gives to one of them, or as published."""
    for cluster in _clusters(draft):
        for leading in _leading(cluster):
            end, path = leading.remote, leading.path
            if not isinstance(end, End):
                continue
            if end.queue and end.exchange:
                hint = "keep one of the two"
                yield Problem(f"{path}.exchange", "must be absent when queue is given", hint=hint)
            if isinstance(end, Source) and not end.queue and not end.exchange:
                yield Problem(path, "must have queue or exchange", hint="where the messages come from")
            if end.exchange_key is not None and not end.exchange:
                yield Problem(f"{path}.exchange-key", "must be absent without exchange")


def not_in_a_circle(draft: Draft) -> Iterator[Problem]:
    """A shovel from a queue into itself would move its messages for ever."""
    for cluster in _clusters(draft):
        for kind in ("shovels", "static_shovels"):
            for index, shovel in enumerate(getattr(cluster, kind)):
                if shovel.src.queue and _place(shovel.src) == _place(shovel.dest):
                    yield Problem(f"rabbitmq_{kind}[{index}].dest", "must differ from src", shovel.src.queue)


def _place(end: Source | Destination) -> tuple[object, ...]:
    return end.uri, end.site, end.vhost, end.queue


def known_upstreams(draft: Draft) -> Iterator[Problem]:
    """A policy or a set that names what nobody declared starts no link, and the broker says nothing."""
    cluster = draft.cluster
    if cluster is None or not (draft.usable("rabbitmq_upstreams") and draft.usable("rabbitmq_upstream_sets")):
        return
    upstreams = {(one.vhost, one.name) for one in cluster.upstreams}
    sets = {(one.vhost, one.name) for one in cluster.upstream_sets}
    for number, one in enumerate(cluster.upstream_sets):
        for index, member in enumerate(one.upstreams):
            path = f"rabbitmq_upstream_sets[{number}].upstreams[{index}].upstream"
            if (one.vhost, member.upstream) not in upstreams:
                yield _undeclared(path, "upstream", member.upstream, one.vhost)
    for index, policy in enumerate(cluster.policies):
        path = f"rabbitmq_policies[{index}].definition"
        upstream, chosen = policy.definition.get(_UPSTREAM), policy.definition.get(_SET)
        if upstream is not None and (policy.vhost, upstream) not in upstreams:
            yield _undeclared(f"{path}.{_UPSTREAM}", "upstream", str(upstream), policy.vhost)
        if chosen == ALL and not any(vhost == policy.vhost for vhost, _ in upstreams):
            yield _undeclared(f"{path}.{_SET}", "upstream", ALL, policy.vhost)
        if chosen not in (None, ALL) and (policy.vhost, chosen) not in sets:
            yield _undeclared(f"{path}.{_SET}", "upstream_set", str(chosen), policy.vhost)


def _undeclared(path: str, kind: str, name: str, vhost: str) -> Problem:
    words = kind.replace("_", " ")
    if name == ALL and kind == "upstream":
        rule, got = f"needs an upstream in vhost {vhost}", ""
    else:
        rule, got = f"must be a declared {words} of vhost {vhost}", name
    return Problem(path, rule, got, f"add it to rabbitmq_{kind}s" if got else "add one to rabbitmq_upstreams")


def one_choice(draft: Draft) -> Iterator[Problem]:
    """The broker refuses a policy with both (rabbit_federation_parameters:validate_policy)."""
    for index, policy in enumerate(draft.cluster.policies if draft.cluster else ()):
        given = [key for key in (_UPSTREAM, _SET, "federation-upstream-pattern") if key in policy.definition]
        if len(given) > 1:
            path = f"rabbitmq_policies[{index}].definition.{given[1]}"
            yield Problem(path, f"must be absent when {given[0]} is given", hint="keep one of them")


def known_sites(draft: Draft) -> Iterator[Problem]:
    """A link that names a site leads to another one, as a user of it whose password mqctl knows."""
    sites = {site.hosts[0].site: site for site in draft.sites if site.hosts[0].site}
    for here in draft.sites:
        name = here.hosts[0].site
        for host, settings in here.brokers:
            for leading in _leading(settings):
                if leading.remote.site is not None:
                    yield from _led(leading, name, sites, host.name)


def _led(leading: _Leading, here: str, sites: dict[str, Draft], host: str) -> Iterator[Problem]:
    remote, path = leading.remote, leading.path
    there = sites.get(remote.site or "")
    if there is None:
        hint = f"the sites are {', '.join(sites)}" if sites else "no host has mqctl_site"
        yield Problem(f"{path}.site", "must be a site of this inventory", remote.site or "", hint, host)
        return
    if remote.site == here:
        hint = "leave site out: it is this site then" if isinstance(remote, End) else "name the other site"
        yield Problem(f"{path}.site", "must be another site", here, hint, host)
        return
    if there.cluster is not None:
        yield from _let_in(leading, there.cluster, host)


def _let_in(leading: _Leading, there: RabbitmqSettings, host: str) -> Iterator[Problem]:
    remote, path = leading.remote, leading.path
    user = remote.user or there.client_user
    known = {one.name: one for one in there.users}
    if user not in (*known, there.admin_user, there.client_user):
        hint = f"add it to that site's rabbitmq_users, which has {', '.join(known) or 'none'}"
        yield Problem(f"{path}.user", f"must be a user of site {remote.site}", user, hint, host)
    elif user in known and known[user].password_hash and user not in there.passwords:
        hint = "give password there, or nothing"
        rule = f"must be a user of site {remote.site} whose password mqctl knows: it goes into the link's URI"
        yield Problem(f"{path}.user", rule, user, hint, host)
    vhosts = [vhost.name for vhost in there.vhosts]
    if leading.vhost not in vhosts:
        hint = f"that site's rabbitmq_vhosts has {', '.join(vhosts)}"
        key = "site-vhost" if isinstance(remote, Upstream) else "vhost"
        yield Problem(f"{path}.{key}", f"must be a vhost of site {remote.site}", leading.vhost, hint, host)


def _clusters(draft: Draft) -> tuple[RabbitmqSettings, ...]:
    return (draft.cluster,) if draft.cluster else ()


def _leading(cluster: RabbitmqSettings) -> Iterator[_Leading]:
    for index, upstream in enumerate(cluster.upstreams):
        vhost = upstream.site_vhost or upstream.vhost
        yield _Leading(f"rabbitmq_upstreams[{index}]", upstream, vhost)
    for index, shovel in enumerate(cluster.shovels):
        for side, end in (("src", shovel.src), ("dest", shovel.dest)):
            yield _Leading(f"rabbitmq_shovels[{index}].{side}", end, end.vhost or shovel.vhost)
    for index, static in enumerate(cluster.static_shovels):
        for side, fixed in (("src", static.src), ("dest", static.dest)):
            yield _Leading(f"rabbitmq_static_shovels[{index}].{side}", fixed, fixed.vhost or "/")


STRUCTURAL = (plugins, one_way, ends, not_in_a_circle, known_upstreams, one_choice)
WHOLE = (known_sites,)
