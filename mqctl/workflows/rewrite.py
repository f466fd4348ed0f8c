"""A bundled inventory for other machines: its lab in another network, or real hosts in their places. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

from mqctl.errors import UsageError

_SUBNET = re.compile(r"^mqctl_lab:.*?subnet: (?P<subnet>[0-9./]+)", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r"(?<![0-9.])(?P<address>[0-9]+(?:\.[0-9]+){3})(?:/(?P<length>[0-9]+))?(?![0-9.])")
_SIMPLE = ("rabbitmq", "haproxy", "keepalived")
_PRIORITY = "keepalived_priority"
Tree = Mapping[str, Any]
"""A YAML inventory: groups by name, each with `hosts` or `children`."""


def lab_network(texts: Iterable[str]) -> IPv4Network:
    """The network of the lab that the inventory's files describe; StopIteration when they describe none."""
    found = (match for text in texts if (match := _SUBNET.search(text)))
    return IPv4Network(next(found)["subnet"])


def moved(texts: Mapping[Path, str], home: IPv4Network, new: IPv4Network) -> dict[Path, str]:
    """Every address of one network as the same one of the other; comments and all else stay."""

    def move(match: re.Match[str]) -> str:
        address, length = IPv4Address(match["address"]), match["length"]
        if address not in home:
            return match[0]
        there = new.network_address + (int(address) - int(home.network_address))
        if length is None:
            return str(there)
        return f"{there}/{new.prefixlen if int(length) == home.prefixlen else length}"

    return {path: _ADDRESS.sub(move, text) for path, text in texts.items()}


def real_hosts(topology: str, tree: Tree, brokers: Mapping[str, str], balancers: Mapping[str, str]) -> Tree:
    """The tree with these hosts (addresses by name) in the places of the bundled ones, in order.

    Of a topology whose brokers are all alike there may be more or fewer; raises UsageError for another number
    of brokers that differ.
    """
    old = {"brokers": _names(tree["rabbitmq"]), "load balancers": _names(tree.get("haproxy", {}))}
    given = {"brokers": tuple(brokers), "load balancers": tuple(balancers)}
    if all(len(old[kind]) == len(given[kind]) for kind in old):
        names = dict(zip((*old["brokers"], *old["load balancers"]), (*brokers, *balancers), strict=True))
        return _renamed(tree, names, {**brokers, **balancers})
    if any(name not in _SIMPLE for name in tree) or _particular(tree["rabbitmq"]):
        counts = " and ".join(f"{len(names)} {kind}" for kind, names in old.items() if names)
        raise UsageError(f"{topology} has {counts}, each with its own part", "give as many")
    return _alike(tree, brokers, balancers)


def _names(group: Tree) -> tuple[str, ...]:
    """Its hosts, and those of its children."""
    below = [name for child in (group.get("children") or {}).values() for name in _names(child or {})]
    return tuple(dict.fromkeys([*(group.get("hosts") or {}), *below]))


def _particular(group: Tree) -> bool:
    """Whether a host has variables besides its address."""
    return any(set(variables or {}) - {"ansible_host"} for variables in group["hosts"].values())


def _renamed(tree: Tree, names: Mapping[str, str], addresses: Mapping[str, str]) -> Tree:
    """Other names and addresses everywhere; what else a host has stays with its successor."""

    def host(name: str, variables: Tree | None) -> Any:
        known = {**(variables or {})}
        return known | ({"ansible_host": addresses[names[name]]} if "ansible_host" in known else {})

    def group(content: Tree | None) -> Any:
        return {
            key: {names[name]: host(name, variables) for name, variables in value.items()}
            if key == "hosts"
            else {name: group(child) for name, child in value.items()}
            if key == "children"
            else value
            for key, value in (content or {}).items()
        }

    return {name: group(content) for name, content in tree.items()}


def _alike(tree: Tree, brokers: Mapping[str, str], balancers: Mapping[str, str]) -> Tree:
    """Any number of hosts; each further router has a priority one below the one before."""
    new: dict[str, Any] = {"rabbitmq": {"hosts": _addressed(brokers)}}
    if "haproxy" in tree:
        known = [variables[_PRIORITY] for variables in tree["keepalived"]["hosts"].values()]
        priorities = [*known, *(known[-1] - step for step in range(1, len(balancers)))]
        new["haproxy"] = {"hosts": _addressed(balancers)}
        new["keepalived"] = {
            "hosts": {name: {_PRIORITY: one} for name, one in zip(balancers, priorities, strict=False)}
        }
    return new


def _addressed(hosts: Mapping[str, str]) -> dict[str, Any]:
    return {name: {"ansible_host": address} for name, address in hosts.items()}
