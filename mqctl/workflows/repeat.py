"""How a failover test is asked for again: the words of its command lines."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from mqctl.faults import scenarios
from mqctl.model.history import Asked, Started
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.workload.fit import queue_type

_COMMAND = ("mqctl", "failover-test")
_OPTIONS: Mapping[str, Callable[[WorkloadSettings], str]] = {
    "--publishers": lambda s: str(s.publishers),
    "--queues": lambda s: str(s.queues),
    "--queue-type": lambda s: s.queue_type,
    "--exchange": lambda s: s.exchange_type,
    "--rate": lambda s: _number(s.rate or 0),
    "--size": lambda s: str(s.size),
    "--duration": lambda s: _number(s.duration),
    "--prefetch": lambda s: str(s.prefetch),
    "--endpoints": lambda s: ",".join(map(str, s.endpoints)),
}


def options(settings: WorkloadSettings, topology: Topology) -> tuple[str, ...]:
    """The words that ask for this workload; none for what a test of this topology has by default."""
    default = WorkloadSettings(queue_type=queue_type(topology))
    differing = {name: say(settings) for name, say in _OPTIONS.items() if say(settings) != say(default)}
    return tuple(word for option in differing.items() for word in option)


def commands(starts: Sequence[Started], files: Sequence[str]) -> Iterator[str]:
    """The tests again, one command for all scenarios of one workload, and the judgement of the files."""
    asked = [started.request for started in starts]
    for _, alike in groupby(asked, lambda one: (one.inventory, one.scenarios, one.options)):
        yield shlex.join((*_COMMAND, *_words(tuple(alike))))
    replays = (word for file in files for word in ("--replay", file))
    yield shlex.join((*_COMMAND, *replays, "--report", "DIR"))


def _words(asked: Sequence[Asked]) -> Iterator[str]:
    """Scenarios that share a command: each name once, a site when no other one took part."""
    first, sites = asked[0], {one.site for one in asked}
    names = dict.fromkeys(one.scenario for one in asked)
    yield first.inventory
    if names.keys() - {scenario.name for scenario in scenarios.bundled()}:
        yield from ("--scenarios", first.scenarios or "DIR")
    yield from (word for name in names for word in ("--scenario", name))
    yield from (word for site in sites if site and len(sites) == 1 for word in ("--site", site))
    yield from first.options


def _number(value: float) -> str:
    """As a person writes it: 200, 0.5."""
    return f"{value:.15g}"
