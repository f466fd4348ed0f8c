"""Rules about who the packet filter lets in."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem


def lets_mqctl_in(draft: Draft) -> Iterator[Problem]:
    """What judges and tests a lab connects from the Docker network's gateway, its first address."""
    lab = draft.mqctl.lab
    if lab is None:
        return
    gateway = lab.subnet.network_address + 1
    for host in draft.hosts:
        networks = host.firewall.admins if host.firewall else ()
        if host.firewall and not any(gateway in network for network in networks):
            rule = f"must have the lab's gateway {gateway} in it, where mqctl connects from"
            hint = f"add {gateway}, or all of {lab.subnet}"
            yield Problem("mqctl_firewall.admins", rule, "", hint, host.name)


def admins_from_anywhere(draft: Draft) -> Iterator[Problem]:
    """A network of all addresses keeps nobody out of management and statistics."""
    for host in draft.hosts:
        for network in host.firewall.admins if host.firewall else ():
            if network.prefixlen == 0:
                hint = "name the networks of those who may"
                yield Problem("mqctl_firewall.admins", "lets everybody in", str(network), hint, host.name)


STRUCTURAL = (lets_mqctl_in,)
RISKS = {"admins-from-anywhere": admins_from_anywhere}
