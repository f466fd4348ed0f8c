"""What `mqctl verify` does: ask the hosts, measure the entrance, judge all gates. Changes nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from mqctl.errors import MqctlError
from mqctl.gates.cluster import judge
from mqctl.gates.wait import DeadlineError, wait
from mqctl.model.gate import GateResult, Outcome, overall
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.probe.entrance import measure_all
from mqctl.workflows.status import Reader

INTERVAL = 1.0
"""Seconds between two looks while waiting for the gates to pass."""


@dataclass(frozen=True)
class Verification:
    """What was seen, and what the gates say to it."""

    topology: Topology
    status: ClusterStatus
    results: tuple[GateResult, ...]

    @property
    def outcome(self) -> Outcome:
        """All gates together."""
        return overall(list(self.results))


def verify(
    topology: Topology, patience: float = 0, tell: Callable[[Verification], None] = lambda _: None
) -> Verification:
    """Judge the cluster; again and again for `patience` seconds until every gate passes.

    `tell` hears every look that did not pass. Raises MqctlError when no host could be asked.
    """
    with Reader(topology) as reader:
        looks: list[Verification | MqctlError] = []

        def passes() -> bool:
            looks[:] = [_look(topology, reader)]
            seen = looks[0]
            if isinstance(seen, Verification) and seen.outcome != "pass":
                tell(seen)
            return isinstance(seen, Verification) and seen.outcome == "pass"

        with contextlib.suppress(DeadlineError):
            wait(passes, timeout=patience, interval=INTERVAL)
    if isinstance(looks[0], MqctlError):
        raise looks[0]
    return looks[0]


def _look(topology: Topology, reader: Reader) -> Verification | MqctlError:
    """One look. Hosts that are all silent now may answer at the next one."""
    try:
        status = reader.read()
    except MqctlError as error:
        return error
    return Verification(topology, status, tuple(judge(topology, status, measure_all(topology))))
