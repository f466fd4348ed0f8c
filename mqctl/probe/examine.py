"""Asks all hosts at the same time what would stand in the way of a deploy. Never raises for a silent host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime

from mqctl.model.bundle import HostBundle
from mqctl.model.preflight import HostExam, Survey
from mqctl.model.topology import Topology
from mqctl.probe import ask_preflight, parse_preflight
from mqctl.probe.run import TIMEOUT, silent
from mqctl.ssh import Hosts, SshError


def examine(topology: Topology, bundles: Mapping[str, HostBundle], pool: Hosts) -> Survey:
    """What the hosts say now, one round trip each."""
    answers = pool.each(
        [host.name for host in topology.hosts], lambda name: _ask(topology, bundles[name], pool)
    )
    return Survey(
        at=datetime.now(UTC),
        hosts=tuple(
            parse_preflight.unreached(answer, silent(answer, topology).hint)
            if isinstance(answer, SshError)
            else answer
            for answer in answers.values()
        ),
    )


def _ask(topology: Topology, bundle: HostBundle, pool: Hosts) -> HostExam:
    script = ask_preflight.script(ask_preflight.request(topology, topology.host(bundle.host), bundle))
    pool.login(bundle.host)  # else the time that it takes would make the clocks' difference uncertain
    sent = time.time()
    output = pool.python(bundle.host, script, TIMEOUT)
    return parse_preflight.exam(bundle.host, output, sent, time.time())
