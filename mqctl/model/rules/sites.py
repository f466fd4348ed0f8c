"""Rules about an inventory of several sites."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem


def all_or_none(draft: Draft) -> Iterator[Problem]:
    """A host without a site would be a site of its own by accident."""
    if not any(host.site for host in draft.hosts):
        return
    for host in draft.hosts:
        if not host.site and "mqctl_site" not in host.invalid:
            hint = "set mqctl_site in the variables of the site's group"
            yield Problem("mqctl_site", "must be given for every host or for none", "", hint, host.name)


def brokers_everywhere(draft: Draft) -> Iterator[Problem]:
    """An entrance alone has nothing to lead to."""
    for site in draft.sites if len(draft.sites) > 1 else ():
        if site.hosts[0].site and not any("rabbitmq" in host.groups for host in site.hosts):
            yield Problem(
                f"site {site.hosts[0].site}",
                "must have at least one broker",
                hint="put one into the group rabbitmq",
            )


def distinct_clusters(draft: Draft) -> Iterator[Problem]:
    """Federation tells clusters apart by name (RabbitMQ guide "Federation", upstreams and max-hops)."""
    owners: dict[str, str] = {}
    for site in draft.sites:
        name = site.cluster.cluster_name if site.cluster else None
        if name is None:
            continue
        first = owners.setdefault(name, site.hosts[0].site)
        if first != site.hosts[0].site:
            rule = f"must differ from that of site {first}"
            hint = "leave it out: mqctl puts the site behind the inventory's name"
            yield Problem("rabbitmq_cluster_name", rule, name, hint, site.brokers[0][0].name)


def distinct_routers(draft: Draft) -> Iterator[Problem]:
    """Two virtual routers of one id on one wire are one router (RFC 5798 section 5.2.3)."""
    taken: dict[tuple[str, int], str] = {}
    for site in draft.sites:
        for host, settings in site.routers:
            wire = str(settings.virtual_address.network), settings.virtual_router_id
            first = taken.setdefault(wire, host.site)
            if first != host.site:
                rule = f"must differ from that of site {first}: both virtual addresses lie in {wire[0]}"
                got, hint = str(settings.virtual_router_id), "each site its own"
                yield Problem("keepalived_virtual_router_id", rule, got, hint, host.name)


def distinct_addresses(draft: Draft) -> Iterator[Problem]:
    """One virtual address, one site."""
    owners: dict[str, str] = {}
    for site in draft.sites:
        for host, settings in site.routers:
            address = str(settings.virtual_address.ip)
            first = owners.setdefault(address, host.site)
            if first != host.site:
                rule = f"must differ from that of site {first}"
                hint = "each site its own"
                yield Problem("keepalived_virtual_address", rule, address, hint, host.name)


def one_lab(draft: Draft) -> Iterator[Problem]:
    """A site's hosts run the same release; all of a lab's hosts share one network."""
    home = draft.hosts[0]
    for site in draft.sites:
        first = site.hosts[0]
        for host in site.hosts:
            if host.lab != first.lab:
                rule, hint = "must be the same on all hosts", "set it in group_vars/all"
                where = f" of site {host.site}" if host.site else ""
                yield Problem("mqctl_lab", f"{rule}{where}", hint=hint, host=host.name)
        subnets = [str(one.lab.subnet) if one.lab else "none" for one in (home, first)]
        if subnets[0] != subnets[1]:
            rule = f"must be {subnets[0]} as on {home.name}: a lab has one network"
            yield Problem("mqctl_lab.subnet", rule, subnets[1], "give each site a part of it", first.name)


STRUCTURAL = (
    all_or_none,
    brokers_everywhere,
    distinct_clusters,
    distinct_routers,
    distinct_addresses,
    one_lab,
)
