"""What every fault can do, and what it needs to do it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from mqctl.model.topology import Host, Topology

Shell = Callable[[str, str, float], str]
"""(host, script for sh, timeout in s) -> what it printed; raises MqctlError when the host does not answer or
the script fails."""

COMMAND = 10.0
"""Seconds for one command on a host."""


class Power(Protocol):
    """Who can cut the power of hosts: the lab."""

    def off(self, host: str) -> None:
        """Ends the host at once; one that is off already stays off."""

    def on(self, host: str) -> None:
        """Starts the host; one that is on stays on."""


class Operator(Protocol):
    """Who does what an operator does, with all its precautions."""

    def restart(self, brokers: Sequence[str]) -> None:
        """Restarts brokers one at a time, each when the cluster can do without it."""


@dataclass(frozen=True)
class Reach:
    """The ways to the hosts. With `shell` alone, faults work over SSH as on any host."""

    shell: Shell
    power: Power | None
    network: Shell | None = None
    """Runs a script in a host's network without using it: the lab's way, which no cut can cut."""
    operator: Operator | None = None


@dataclass(frozen=True)
class Place:
    """Where a fault happens, among whom."""

    topology: Topology
    host: str
    group: tuple[str, ...] = ()
    """All hosts that it happens to at the same time, this one among them."""
    hold: float = 0.0
    """Seconds for which it is going to last."""

    @property
    def itself(self) -> Host:
        """The host; KeyError when the topology has none of that name."""
        return self.topology.host(self.host)

    @property
    def others(self) -> tuple[Host, ...]:
        """All hosts outside of the group."""
        inside = {self.host, *self.group}
        return tuple(host for host in self.topology.hosts if host.name not in inside)


class Fault(Protocol):
    """One thing broken on one host. `heal` works in a new process too, and twice."""

    def inject(self) -> None:
        """Breaks it; raises MqctlError when it cannot be broken."""

    def evidence(self) -> str | None:
        """What shows that it is broken; None as long as nothing does."""

    def heal(self) -> None:
        """Puts it right; what was stopped may still be starting afterwards."""
