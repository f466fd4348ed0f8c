"""The verdict over several scenarios in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mqctl.model.gate import GateResult, Outcome, overall
from mqctl.model.verdict import Verdict
from mqctl.verdict import stops


def sentence(verdicts: Sequence[Verdict], unplayed: Sequence[str] = ()) -> str:
    """What a person reads first, and the terminal's last line. Controls are told apart: they must fail."""
    tests = [verdict for verdict in verdicts if verdict.expected == "pass"]
    controls = [verdict for verdict in verdicts if verdict.expected == "fail"]
    said = [_tests(_overall(tests), tests)] if tests or not controls else []
    said += [_controls(controls)] if controls else []
    return "; ".join([*said, *([f"ABORTED, {len(unplayed)} not run"] if unplayed else [])])


def _overall(verdicts: Sequence[Verdict]) -> Outcome:
    """The worst outcome; of none: unknown."""
    return overall([finding for verdict in verdicts for finding in verdict.findings])


def _tests(outcome: Outcome, verdicts: Sequence[Verdict]) -> str:
    confirmed = sum(verdict.messages.confirmed for verdict in verdicts)
    lost = sum(verdict.messages.lost for verdict in verdicts)
    missing = sum(verdict.messages.missing for verdict in verdicts)
    faults = len(verdicts)
    run = f"{confirmed} confirmed, {faults} {'fault' if faults == 1 else 'faults'}{_stopped(verdicts)}"
    if outcome == "pass":
        return f"0 confirmed messages lost ({run})"
    if lost:
        return f"FAILED: {lost} confirmed messages lost ({run})"
    if outcome == "fail":
        return f"FAILED, although no confirmed message is known to be lost ({run})"
    return f"UNKNOWN: up to {missing} confirmed messages lost ({run})"


def _stopped(verdicts: Sequence[Verdict]) -> str:
    """An unavailability that was expected is told, not hidden."""
    number = sum(bool(stopped(verdict)) for verdict in verdicts)
    return f", {number} of which stopped publishing as expected" if number else ""


def stopped(verdict: Verdict) -> str:
    """How publishing stopped where that was expected, and for how long; empty when it did not, or was not."""
    return next((f.got for f in verdict.findings if f.gate == stops.GATE and f.outcome == "pass"), "")


def _controls(verdicts: Sequence[Verdict]) -> str:
    wrong = [verdict for verdict in verdicts if verdict.as_expected != "pass"]
    many = f"{len(verdicts)} {'control' if len(verdicts) == 1 else 'controls'}"
    return f"{len(wrong)} of {many} did not fail as expected" if wrong else f"{many} failed as expected"


def reasons(outcome: Outcome, verdicts: Sequence[Verdict], unplayed: Sequence[str] = ()) -> tuple[str, ...]:
    """The findings that decided; for a pass, what was shown."""
    if outcome == "pass":
        return tuple(_shown(verdicts))
    decided = [reason for verdict in verdicts for reason in _against(outcome, verdict)]
    return (*decided, *(f"{name}: not run, the test was aborted before it" for name in unplayed))


def _against(outcome: Outcome, verdict: Verdict) -> Iterator[str]:
    if verdict.as_expected != outcome:
        return
    if verdict.expected == "fail" and outcome == "fail":
        wanted = ", ".join(verdict.because) or "any gate"
        yield f"{verdict.scenario}: a control that must fail at {wanted}, and did not"
        return
    for finding in verdict.findings:
        if finding.outcome == outcome:
            yield f"{verdict.scenario}: {finding.gate}: expected {finding.expected}, got {finding.got}"


def _shown(verdicts: Sequence[Verdict]) -> Iterator[str]:
    tests = [verdict for verdict in verdicts if verdict.expected == "pass"]
    if tests:
        yield from _proved(tests)
    for control in (verdict for verdict in verdicts if verdict.expected == "fail"):
        yield f"the control {control.scenario} failed as it must: {', '.join(control.because) or 'a gate'}"


def _proved(tests: Sequence[Verdict]) -> Iterator[str]:
    findings: list[GateResult] = [finding for verdict in tests for finding in verdict.findings]
    passed = sum(finding.outcome == "pass" for finding in findings)
    yield f"every fault had an observed effect, and {passed} of {len(findings)} gates passed"
    yield "every confirmed message was delivered, queues were drained, and every gate passed after healing"
    for verdict in tests:
        if stopped(verdict):
            yield f"{verdict.scenario}: publishing stopped as expected of this topology: {stopped(verdict)}"
    publish = max((verdict.continuity.publish_gap or 0 for verdict in tests), default=0)
    delivery = max((verdict.continuity.delivery_gap or 0 for verdict in tests), default=0)
    yield f"the longest interruption was {publish:.2f} s of publishing and {delivery:.2f} s of delivery"
