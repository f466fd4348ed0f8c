"""What ansible-inventory printed, as data: hosts in order, groups with all their members, raw variables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Listing:
    """An inventory as Ansible sees it, templates and vault values unresolved."""

    source: Path
    """The file that was read, or the directory when it has several; absolute."""
    hosts: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    """Members by group, those of child groups included; with `all` and `ungrouped`."""
    hostvars: Mapping[str, Mapping[str, Any]]

    @property
    def directory(self) -> Path:
        """Ansible's `inventory_dir`."""
        return self.source if self.source.is_dir() else self.source.parent

    @cached_property
    def groups_of(self) -> Mapping[str, Sequence[str]]:
        """Ansible's `group_names` of each host: sorted, without `all`."""
        groups_of: dict[str, list[str]] = {host: [] for host in self.hosts}
        for name in sorted(self.groups.keys() - {"all"}):
            for host in self.groups[name]:
                groups_of[host].append(name)
        return groups_of


def parse(data: Mapping[str, Any], source: Path) -> Listing:
    """The listing in `ansible-inventory --list`'s JSON; hosts in the order of the groups that name them."""
    names = [name for name in data if name != "_meta"]
    groups = {name: tuple(dict.fromkeys(_members(data, name))) for name in names}
    groups.setdefault("ungrouped", ())
    hosts = groups.get("all", ())
    hostvars = data.get("_meta", {}).get("hostvars", {})
    return Listing(source, hosts, groups, {host: hostvars.get(host, {}) for host in hosts})


def _members(data: Mapping[str, Any], group: str) -> Iterator[str]:
    entry = data.get(group, {})
    yield from entry.get("hosts", ())
    for child in entry.get("children", ()):
        yield from _members(data, child)
