"""Every broker asked about itself again and again: no second cluster, and no majority that was stopped.

Asked is what costs a broker nothing: the files in which it keeps its cluster, and systemd.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType

from mqctl.errors import MqctlError
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.workflows.reach import shell

_INTERVAL = 0.5
_ANSWER = 3.0
SETTLED = 10.0
"""Seconds after which what a broker says of its cluster counts: it writes its own name before it joins."""
NOTICE = 5.0
"""Seconds after a fault in which a restart may begin that was decided before it."""
_SCRIPT = """
d=/var/lib/rabbitmq/mnesia/{node}
test -e $d/schema.DAT && tr -d '\\n ' < $d/cluster_nodes.config
echo
systemctl show rabbitmq-server -p ActiveState -p InvocationID -p ActiveExitTimestampMonotonic
"""
"""A node has a schema once it has founded a cluster or joined one."""


@dataclass(frozen=True)
class Look:
    """What a broker's host said at one moment."""

    at: float
    """time.monotonic(); containers have the same clock."""
    host: str
    answered: bool
    members: frozenset[str] = frozenset()
    """Nodes of the cluster that the broker belongs to, itself among them; empty when it belongs to none."""
    up: bool = False
    left: float = 0.0
    """When its unit last began to stop, in s of the same clock; 0: never."""


class Sampler:
    """Looks from threads, one for each broker; use it as a context manager."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._nodes = {host.name: host.broker.node for host in topology.brokers if host.broker}
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._sample, args=(host,)) for host in self._nodes]
        self.looks: list[Look] = []

    def __enter__(self) -> Sampler:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _sample(self, host: str) -> None:
        with Hosts.of(self._topology, _ANSWER) as pool:

            def look() -> bool:
                self.looks.append(self._look(pool, host))
                return self._over.is_set()

            wait(look, timeout=86400, interval=_INTERVAL)

    def _look(self, pool: Hosts, host: str) -> Look:
        try:
            said = shell(pool, host, _SCRIPT.format(node=self._nodes[host]), _ANSWER)
        except MqctlError:
            return Look(time.monotonic(), host, False)
        return read(time.monotonic(), host, said)

    def stops(self) -> list[Look]:
        """The first look after each time that a broker's unit began to stop."""
        return list(_stops(self.looks))

    def problems(self, broken: str) -> list[str]:
        """What must never be; `broken` is the host that was hit itself."""
        return [*clusters(self.looks), *majorities(self.looks, tuple(self._nodes), broken)]


def read(at: float, host: str, said: str) -> Look:
    """A look from what the script printed."""
    first, _, rest = said.partition("\n")
    unit = dict(line.split("=", 1) for line in rest.splitlines() if "=" in line)
    return Look(
        at,
        host,
        True,
        frozenset(re.findall(r"rabbit@[a-z0-9-]+", first)),
        unit.get("ActiveState") == "active",
        int(unit.get("ActiveExitTimestampMonotonic") or 0) / 1e6,
    )


def clusters(looks: list[Look]) -> Iterator[str]:
    """Two brokers that have belonged to different clusters, each for longer than a join takes."""
    since: dict[str, tuple[frozenset[str], float]] = {}
    for look in sorted(looks, key=lambda look: look.at):
        if not look.answered:
            continue
        known = since.get(look.host)
        if known is None or known[0] != look.members:
            since[look.host] = known = (look.members, look.at)
        settled = {
            host: members for host, (members, began) in since.items() if members and look.at - began > SETTLED
        }
        for host, members in settled.items():
            if host != look.host and look.host in settled and not members & settled[look.host]:
                yield f"two clusters: {host} says {sorted(members)}, {look.host} {sorted(settled[look.host])}"
                return


def majorities(looks: list[Look], brokers: tuple[str, ...], broken: str) -> Iterator[str]:
    """Brokers stopped while so many others were down that the rest is no majority.

    A broker that never ran yet is not waited for; nor one that came down within NOTICE, when the decision to
    stop this one had been made.
    """
    for stop in _stops(looks):
        if stop.host == broken:
            continue
        down = [host for host in brokers if host != stop.host and _down(looks, host, stop.left)]
        ran = [
            host
            for host in brokers
            if any(look.up and look.at < stop.left for look in looks if look.host == host)
        ]
        if len(ran) == len(brokers) and down:
            yield f"{stop.host} was stopped while {', '.join(down)} did not run"


def _down(looks: list[Look], host: str, at: float) -> bool:
    """Whether nothing of the last seconds before says that it ran, and it was up once."""
    before = [look for look in looks if look.host == host and at - NOTICE <= look.at <= at]
    return bool(before) and not any(look.up for look in before)


def _stops(looks: list[Look]) -> Iterator[Look]:
    known: dict[str, float] = {}
    for look in sorted(looks, key=lambda look: look.at):
        if look.answered:
            if look.left > known.get(look.host, look.left):
                yield look
            known[look.host] = look.left
