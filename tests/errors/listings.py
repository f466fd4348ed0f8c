"""Listings made of a base and what a case lays over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from mqctl.inventory.listing import Listing

BASE = yaml.safe_load((Path(__file__).parent / "base.yml").read_text())


def listing(case: dict[str, Any]) -> Listing:
    """The base with the case's groups instead of its own, and the case's variables over its own.

    Variables go by `all`, group or host, in this order of precedence; `remove` names variables to leave out.
    """
    groups = {name: tuple(hosts) for name, hosts in case.get("groups", BASE["groups"]).items()}
    hosts = tuple(dict.fromkeys(host for members in groups.values() for host in members))
    hostvars = {host: _variables(host, groups, case) for host in hosts}
    return Listing(Path("/inventory/hosts.yml"), hosts, {"all": hosts, **groups}, hostvars)


def _variables(host: str, groups: dict[str, tuple[str, ...]], case: dict[str, Any]) -> dict[str, Any]:
    member = [group for group, hosts in groups.items() if host in hosts]
    variables: dict[str, Any] = {}
    for level in ("all", *member, host):
        variables |= BASE["vars"].get(level, {})
        variables |= case.get("vars", {}).get(level, {})
    return {name: value for name, value in variables.items() if name not in case.get("remove", ())}
