"""Asks all hosts at the same time, one round trip each. Never raises for a host that does not answer."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from mqctl.model.bundle import HostBundle
from mqctl.model.status import ClusterStatus, HostStatus
from mqctl.model.topology import Topology
from mqctl.probe import ask, parse
from mqctl.ssh import Hosts, Kind, SshError

TIMEOUT = 40.0
"""Seconds for one host's whole answer: the script ends itself after 25."""

_NO_LAB: frozenset[Kind] = frozenset({"key", "no route", "timeout"})
"""How SSH fails while a lab is down, and before it was up the first time."""


def probe(
    topology: Topology,
    bundles: Mapping[str, HostBundle],
    hosts: Sequence[str] | None = None,
    pool: Hosts | None = None,
) -> ClusterStatus:
    """What the hosts (all, or those named) say now; `pool` keeps connections from one probe to the next."""
    names = [host.name for host in topology.hosts] if hosts is None else list(hosts)
    with contextlib.ExitStack() as stack:
        connections = pool or stack.enter_context(Hosts.of(topology))
        answers = connections.each(names, lambda name: _ask(topology, bundles[name], connections))
    return ClusterStatus(
        at=datetime.now(UTC),
        hosts=tuple(
            silent(answer, topology) if isinstance(answer, SshError) else answer
            for answer in answers.values()
        ),
    )


def silent(error: SshError, topology: Topology) -> HostStatus:
    """A host that could not be asked; a lab's host most likely for want of the lab."""
    hint = error.hint
    if topology.lab is not None and error.kind in _NO_LAB:
        hint = f"is the lab up? mqctl lab up {topology.inventory}"
    return HostStatus(host=error.host, error=error.reason, hint=hint)


def _ask(topology: Topology, bundle: HostBundle, pool: Hosts) -> HostStatus:
    request = ask.request(topology, topology.host(bundle.host), bundle)
    output = pool.python(bundle.host, ask.script(request), TIMEOUT)
    return parse.host_status(bundle.host, output.stdout, output.stderr)
