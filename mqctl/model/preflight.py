"""What `mqctl check` finds out of hosts before anything is deployed, and what it says to that.

In `HostFacts` None means "could not be asked"; `failed` says why. Sizes in bytes, durations in seconds.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from ipaddress import IPv4Interface, IPv6Interface
from typing import Literal

from pydantic import Field

from mqctl.model.base import IPAddress, Model, Port
from mqctl.model.status import ClusterStatus, HostStatus

Outcome = Literal["pass", "warn", "fail", "unknown"]
Fix = Literal["read-package-lists", "keep-packages"]
"""What `mqctl check --fix` can put right."""
Step = Literal["", "ssh", "sudo", "python"]
"""On the way to a host: what did not work; empty when everything did."""


class CheckResult(Model):
    """One check of one host."""

    host: str
    """`all` for what the hosts say together."""
    check: str
    outcome: Outcome
    message: str
    hint: str = ""
    """What a person can do about it."""
    fix: Fix | None = None
    packages: tuple[str, ...] = ()
    """What the fix is about."""


class Listener(Model):
    """A TCP socket that listens."""

    address: IPAddress | None
    """None: every address."""
    port: Port
    unit: str = ""
    """The systemd unit that it belongs to; empty where the kernel does not tell."""
    program: str = ""


class Link(Model):
    """A network interface."""

    name: str
    up: bool
    mac: str = ""
    """Lower case; empty where it has none."""
    networks: tuple[IPv4Interface | IPv6Interface, ...] = ()


class Resources(Model):
    """What the host has of what a broker needs."""

    memory: int
    """The smaller one of the machine's and the control group's."""
    memory_available: int
    """Without swapping, as the kernel estimates it."""
    disk_free: int | None = None
    """For whoever is not root, where the broker's data is or will be; None on hosts without a broker."""
    disk: str = ""
    """The directory that was asked for it: the nearest one that exists."""
    files_hard: int
    """Open files that systemd, process 1, may have; what it starts may have as many."""
    files_most: int
    """The kernel's own limit for one process (fs.nr_open)."""
    files_raisable: bool
    """Process 1 may raise its hard limit (CAP_SYS_RESOURCE)."""

    @property
    def files(self) -> int:
        """The open files that a unit can be given."""
        return self.files_most if self.files_raisable else min(self.files_hard, self.files_most)


class Advert(Model):
    """A VRRP advertisement that was heard."""

    source: IPAddress
    router_id: int
    priority: int
    version: int
    multicast: bool


class Vrrp(Model):
    """What a router host heard on its interface."""

    seconds: float
    """How long it listened."""
    adverts: tuple[Advert, ...] = ()
    """One for each sender and virtual router."""


class Upgrades(Model):
    """What unattended-upgrades would do."""

    installed: bool
    enabled: bool
    """apt starts it (APT::Periodic::Unattended-Upgrade)."""
    blacklist: tuple[str, ...] = ()
    """Its Package-Blacklist: regular expressions that a package's name begins with."""
    held: tuple[str, ...] = ()
    """Packages that apt-mark holds."""


class Machine(Model):
    """The host itself."""

    python: tuple[int, ...]
    apt: bool
    systemd: bool
    name_order: tuple[str, ...] = ()
    """Where names are looked up, in order (nsswitch.conf(5), hosts)."""
    dmi: dict[str, str] = Field(default_factory=dict)
    """What the firmware says of its maker; empty in containers."""


class HostFacts(Model):
    """What a host says beyond its HostStatus."""

    machine: Machine | None = None
    listeners: tuple[Listener, ...] | None = None
    resources: Resources | None = None
    links: tuple[Link, ...] | None = None
    claimed_by: tuple[str, ...] | None = None
    """MAC addresses that answered for the virtual IP; None also on hosts that were not asked."""
    vrrp: Vrrp | None = None
    """None also on hosts that were not asked."""
    upgrades: Upgrades | None = None
    failed: dict[str, str] = Field(default_factory=dict)
    """By the part that could not be asked: why."""


class Clock(Model):
    """How far a host's clock is ahead of this machine's, in seconds."""

    ahead: float
    uncertainty: float
    """The truth is at most this far away, on either side: the answer was on its way."""


class HostExam(Model):
    """One host: how far one got, and what it said."""

    host: str
    stopped_at: Step = ""
    reason: str = ""
    """Why the way ended there."""
    hint: str = ""
    status: HostStatus | None = None
    facts: HostFacts = HostFacts()
    clock: Clock | None = None


class Survey(Model):
    """All hosts, asked at the same time."""

    at: datetime
    hosts: tuple[HostExam, ...]

    def host(self, name: str) -> HostExam:
        """That host's; KeyError when it was not asked."""
        for exam in self.hosts:
            if exam.host == name:
                return exam
        raise KeyError(name)

    def of(self, names: Collection[str]) -> Survey:
        """Of these hosts alone."""
        return self.model_copy(update={"hosts": tuple(one for one in self.hosts if one.host in names)})

    @property
    def status(self) -> ClusterStatus:
        """The hosts' own descriptions; one that was not reached is silent."""
        return ClusterStatus(at=self.at, hosts=tuple(_status(exam) for exam in self.hosts))


def _status(exam: HostExam) -> HostStatus:
    return exam.status or HostStatus(host=exam.host, error=exam.reason or "no answer", hint=exam.hint)


def overall(results: Iterable[CheckResult]) -> Outcome:
    """fail over unknown over warn over pass; no result at all is unknown: no evidence is no pass."""
    outcomes = {result.outcome for result in results}
    order: tuple[Outcome, ...] = ("fail", "unknown", "warn", "pass")
    return next((outcome for outcome in order if outcome in outcomes), "unknown")
