"""A failover test as a document: what report.json holds, and the page and the JUnit file are printed from."""

from __future__ import annotations

from mqctl.model.base import Model
from mqctl.model.gate import Outcome
from mqctl.model.history import Fact
from mqctl.model.timeline import Timeline
from mqctl.model.verdict import Verdict


class ScenarioReport(Model):
    """One scenario with its picture."""

    name: str
    title: str
    began: float
    """Seconds since 1970, of the machine that ran the clients."""
    verdict: Verdict
    timeline: Timeline
    history: str
    """The history's file name."""


class Untested(Model):
    """A bundled scenario that this test did not run, or any that an aborted one did not come to."""

    name: str
    title: str
    aborted: bool = False
    """It was asked for: its verdict is unknown."""


class Report(Model):
    """Depends on the histories alone, so that a replay gives it again."""

    mqctl: str
    """The version that judged."""
    topology: str
    run: str
    outcome: Outcome
    sentence: str
    reasons: tuple[str, ...]
    """Why the outcome is what it is."""
    scenarios: tuple[ScenarioReport, ...]
    tested: tuple[Fact, ...]
    untested: tuple[Untested, ...]
    commands: tuple[str, ...]
    """How to repeat the test, and how to judge its histories again."""
