"""A listing to a draft: every host's settings, and every problem found on the way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any

from mqctl.errors import UsageError
from mqctl.inventory.connection import connection
from mqctl.inventory.jinja import Resolver
from mqctl.inventory.listing import Listing
from mqctl.inventory.settings import COMPONENTS, Reading, unknown
from mqctl.inventory.wording import advised
from mqctl.model.base import IPAddress
from mqctl.model.draft import Draft, DraftHost, MqctlSettings
from mqctl.model.problem import Problem, merge
from mqctl.model.profiles import PROFILES
from mqctl.model.rules import check
from mqctl.model.topology import Connection


@dataclass(frozen=True)
class Drafted:
    """The draft, how to reach its hosts, and everything that is wrong."""

    draft: Draft
    connections: Mapping[str, Connection]
    problems: tuple[Problem, ...]


def draft(listing: Listing, vault: Mapping[str, str | UsageError]) -> Drafted:
    """Resolve, validate and judge everything; pure."""
    resolver = Resolver(listing, vault)
    groups = {name: frozenset(members) for name, members in listing.groups.items()}
    readings = [Reading(host, resolver) for host in listing.hosts]
    connections = {reading.host: connection(reading) for reading in readings}
    common = {
        reading.host: reading.settings("mqctl", MqctlSettings) or MqctlSettings() for reading in readings
    }
    hosts = tuple(_host(one, frozenset(listing.groups_of[one.host]), common[one.host]) for one in readings)
    whole = Draft(hosts, groups, common[listing.hosts[0]])
    found = [problem for reading in readings for problem in reading.problems]
    problems = merge(map(advised, [*unknown(listing), *found, *_differing(common), *check(whole)]), groups)
    return Drafted(whole, {name: made for name, made in connections.items() if made}, problems)


def _host(reading: Reading, groups: frozenset[str], common: MqctlSettings) -> DraftHost:
    defaults = PROFILES[common.profile]
    settings: dict[str, Any] = {
        name: reading.settings(name, model, defaults.get(name, {}))
        for name, model in COMPONENTS.items()
        if name in groups
    }
    broker = settings.get("rabbitmq")
    candidates = {
        "rabbitmq_cluster_address": broker.cluster_address if broker else None,
        "mqctl_address": common.address,
        "ansible_host": _literal(reading.variable("ansible_host", reading.host)),
    }
    variable = next((name for name, address in candidates.items() if address), "ansible_host")
    return DraftHost(
        name=reading.host,
        groups=groups,
        address=candidates[variable],
        address_from=variable,
        site=common.site,
        lab=common.lab,
        firewall=common.firewall,
        invalid=frozenset(reading.invalid),
        **settings,
    )


def _literal(text: Any) -> IPAddress | None:
    """The text when it is an address; names are not looked up."""
    try:
        return ip_address(str(text))
    except ValueError:
        return None


def _differing(common: Mapping[str, MqctlSettings]) -> list[Problem]:
    """These speak for the whole inventory."""
    first = next(iter(common.values()))
    return [
        Problem(f"mqctl_{name}", "must be the same on all hosts", hint="set it in group_vars/all", host=host)
        for host, settings in common.items()
        for name in ("accept", "objectives", "scenarios", "tls")
        if getattr(settings, name) != getattr(first, name)
    ]
