"""The hosts' clocks agree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import permutations

from mqctl.gates.preflight.evidence import ALL, Check
from mqctl.model.preflight import CheckResult, Clock, Survey

BOUND = 5.0
"""Seconds between any two hosts. RabbitMQ's own samples are 5 s apart (collect_statistics_interval, guide
"Management Plugin"): numbers of nodes whose clocks are further apart do not belong together, nor do their
logs. A host that is that far off has no NTP; one that has is within milliseconds."""


def clocks(survey: Survey) -> Iterator[CheckResult]:
    """Of all hosts that were reached. What the answers' way leaves open is no pass."""
    reached = [exam for exam in survey.hosts if not exam.stopped_at]
    if len(reached) < 2:
        return
    check = Check(ALL, "clocks")
    told = {exam.host: exam.clock for exam in reached if exam.clock}
    mute = [exam.host for exam in reached if exam.clock is None]
    pairs = list(permutations(told, 2))
    surely = {pair: _ahead(told, *pair) - _doubt(told, *pair) for pair in pairs}
    worst = max(pairs, key=surely.__getitem__, default=None)
    widest = max((_ahead(told, *pair) + _doubt(told, *pair) for pair in pairs), default=0.0)
    if worst and surely[worst] > BOUND:
        apart = f"{worst[0]} at least {surely[worst]:.1f} s ahead of {worst[1]}"
        yield check.fails(f"expected at most {BOUND:g} s apart, got {apart}", "let NTP set the clocks")
    elif mute:
        yield check.unknown(f"{', '.join(mute)} did not tell the time")
    elif widest > BOUND:
        yield check.unknown(
            f"the answers took too long to tell: {widest:.1f} s apart at most, expected {BOUND:g} s"
        )
    else:
        yield check.passes(f"at most {widest:.1f} s apart")


def _ahead(told: Mapping[str, Clock], one: str, other: str) -> float:
    return told[one].ahead - told[other].ahead


def _doubt(told: Mapping[str, Clock], one: str, other: str) -> float:
    return told[one].uncertainty + told[other].uncertainty
