"""Rules about hosts: their groups, names and addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address

from mqctl.model.base import IPAddress
from mqctl.model.draft import Draft
from mqctl.model.problem import Problem, quoted

_GROUPS = frozenset({"rabbitmq", "haproxy", "keepalived"})
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_])?")
"""Underscores are common in inventories, and colons are in those that name hosts by their IPv6 address."""
_SHORT_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def in_a_group(draft: Draft) -> Iterator[Problem]:
    """Each host runs something."""
    for host in draft.hosts:
        if not host.groups & _GROUPS:
            yield Problem(
                host.name or quoted(host.name),
                "is in none of the groups rabbitmq, haproxy, keepalived",
                hint="put it into a group, or take it out of the inventory",
            )


def has_brokers(draft: Draft) -> Iterator[Problem]:
    """There is something to balance over."""
    if not any("rabbitmq" in host.groups for host in draft.hosts):
        yield Problem("group rabbitmq", "must have at least one host", hint="name the brokers under it")


def short_names(draft: Draft) -> Iterator[Problem]:
    """Erlang's short node names have no dots (Erlang reference manual, "Distributed Erlang", -sname)."""
    for host in draft.hosts:
        if "rabbitmq" not in host.groups or _SHORT_NAME.fullmatch(host.name):
            continue
        short = host.name.split(".", maxsplit=1)[0]
        hint = f"name it {short} and keep the long name in ansible_host" if "." in host.name else ""
        rule = "is no short host name: letters, digits and hyphens, at most 63"
        yield Problem(host.name or quoted(host.name), rule, hint=hint or "rename it in the inventory")


def plain_names(draft: Draft) -> Iterator[Problem]:
    """Every host's name goes into /etc/hosts of all of them: one word, as hosts(5) has it."""
    for host in draft.hosts:
        if "rabbitmq" not in host.groups and host.groups & _GROUPS and not _PLAIN_NAME.fullmatch(host.name):
            rule = "is no host name: letters, digits, dots, hyphens and underscores, at most 253"
            yield Problem(host.name or quoted(host.name), rule, hint="rename it in the inventory")


def has_address(draft: Draft) -> Iterator[Problem]:
    """Peers, servers and VRRP adverts are configured by address."""
    for host in draft.hosts:
        if host.address is None and not host.invalid & {
            "ansible_host",
            "mqctl_address",
            "rabbitmq_cluster_address",
        }:
            yield Problem(
                "ansible_host",
                "must be an IP address when mqctl_address is not given",
                hint="set mqctl_address to the address under which the other hosts reach it",
                host=host.name,
            )


def usable_addresses(draft: Draft) -> Iterator[Problem]:
    """Other hosts must be able to reach the address."""
    for host in draft.hosts:
        address = host.address
        if address is None or len(draft.hosts) == 1:
            continue
        if address.is_loopback or address.is_unspecified or address.is_multicast:
            hint = "the address under which the other hosts reach it"
            yield Problem(
                host.address_from, "must be reachable from other hosts", str(address), hint, host.name
            )


def unique_addresses(draft: Draft) -> Iterator[Problem]:
    """One address, one host."""
    owners: dict[IPAddress, str] = {}
    for host in draft.hosts:
        if host.address is None:
            continue
        first = owners.setdefault(host.address, host.name)
        if first != host.name:
            yield Problem(
                host.address_from,
                f"must not be that of {first}",
                str(host.address),
                "each host its own",
                host.name,
            )


def inside_lab(draft: Draft) -> Iterator[Problem]:
    """Docker gives only addresses of the network's subnet, and keeps its first for the gateway."""
    lab = draft.mqctl.lab
    if lab is None:
        return
    taken = {lab.subnet.network_address, lab.subnet.broadcast_address, lab.subnet.network_address + 1}
    for host in draft.hosts:
        if host.address is None:
            continue
        if not isinstance(host.address, IPv4Address) or host.address not in lab.subnet:
            hint = "choose an address of mqctl_lab.subnet"
            yield Problem(
                "address", f"must lie in the lab's {lab.subnet}", str(host.address), hint, host.name
            )
        elif host.address in taken:
            hint = "the first and the last address, and the gateway's, are taken"
            yield Problem(
                host.address_from, "must be free in the lab's network", str(host.address), hint, host.name
            )


STRUCTURAL = (
    in_a_group,
    has_brokers,
    short_names,
    plain_names,
    has_address,
    usable_addresses,
    unique_addresses,
    inside_lab,
)
