"""An inventory before its rules are checked: each setting well-formed, not yet known to fit together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated

from pydantic import StringConstraints

from mqctl.model.base import IPAddress, Line, Model
from mqctl.model.firewall import FirewallSettings
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.lab import LabSettings
from mqctl.model.objectives import Objectives
from mqctl.model.profiles import Profile
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import TlsSettings

SiteName = Annotated[str, StringConstraints(pattern=r"^([a-z0-9]([a-z0-9\-]*[a-z0-9])?)?$")]
"""Goes into the names of clusters and reports."""
Settings = RabbitmqSettings | HaproxySettings | KeepalivedSettings


class MqctlSettings(Model):
    """The inventory's `mqctl_*` variables without their prefix."""

    lab: LabSettings | None = None
    """The hosts are containers on this machine."""
    accept: tuple[str, ...] = ()
    """Names of the risks that are taken on purpose; inventories/example lists them."""
    objectives: Objectives = Objectives()
    """Limits of failover tests; what is not given is computed from the timers."""
    scenarios: tuple[Line, ...] = ()
    """What `mqctl failover-test` plays when it is not told; its default ones when empty."""
    profile: Profile = "default"
    """Which timers are the defaults of the host's other settings."""
    address: IPAddress | None = None
    """Where the other hosts reach this one; `ansible_host` when that is an address."""
    site: SiteName = ""
    """The site that the host belongs to, where the inventory describes several."""
    firewall: FirewallSettings | None = None
    """Its packet filter; none of mqctl's when not given."""
    tls: TlsSettings | None = None
    """Everything that listens does so over TLS too; nothing when not given."""


@dataclass(frozen=True)
class DraftHost:
    """A host whose settings passed one by one; None where it has no such group, or they did not pass."""

    name: str
    groups: frozenset[str]
    address: IPAddress | None = None
    address_from: str = "ansible_host"
    """The variable that gave the address."""
    site: str = ""
    lab: LabSettings | None = None
    firewall: FirewallSettings | None = None
    rabbitmq: RabbitmqSettings | None = None
    haproxy: HaproxySettings | None = None
    keepalived: KeepalivedSettings | None = None
    invalid: frozenset[str] = frozenset()
    """Variables with a problem already; in the settings they have their defaults."""

    @property
    def node(self) -> str:
        """The Erlang node name, when this is a broker; brokers that share a data directory have the same."""
        if self.rabbitmq is None:
            return f"rabbit@{self.name}"
        host = self.rabbitmq.shared_name if self.rabbitmq.shared_dir else self.name
        return f"{self.rabbitmq.nodename}@{host}"


@dataclass(frozen=True)
class Draft:
    """All hosts in the inventory's order."""

    hosts: tuple[DraftHost, ...]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    mqctl: MqctlSettings = field(default_factory=MqctlSettings)

    @property
    def sites(self) -> tuple[Draft, ...]:
        """Each site's hosts as a draft of their own, by the inventory's order."""
        sites: dict[str, list[DraftHost]] = {}
        for host in self.hosts:
            sites.setdefault(host.site, []).append(host)
        return tuple(self._only(tuple(hosts)) for hosts in sites.values())

    def _only(self, hosts: tuple[DraftHost, ...]) -> Draft:
        lab = next((host.lab for host in hosts if host.lab), None)
        return replace(self, hosts=hosts, mqctl=self.mqctl.model_copy(update={"lab": lab}))

    @property
    def brokers(self) -> tuple[tuple[DraftHost, RabbitmqSettings], ...]:
        """The brokers with settings."""
        return tuple((host, host.rabbitmq) for host in self.hosts if host.rabbitmq)

    @property
    def balancers(self) -> tuple[tuple[DraftHost, HaproxySettings], ...]:
        """The HAProxy hosts with settings."""
        return tuple((host, host.haproxy) for host in self.hosts if host.haproxy)

    @property
    def routers(self) -> tuple[tuple[DraftHost, KeepalivedSettings], ...]:
        """The Keepalived hosts with settings."""
        return tuple((host, host.keepalived) for host in self.hosts if host.keepalived)

    @property
    def cluster(self) -> RabbitmqSettings | None:
        """The first broker's settings, which speak for what is the same on all."""
        return self.brokers[0][1] if self.brokers else None

    def usable(self, variable: str) -> bool:
        """Whether no host has a problem with that variable, so that what refers to it can be judged."""
        return not any(variable in host.invalid for host in self.hosts)
