"""The files of a failover test: report.html, report.json, junit.xml. All of them come from the histories."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from mqctl import __version__
from mqctl.errors import MqctlError
from mqctl.faults import scenarios
from mqctl.model import history
from mqctl.model.history import Fact, History
from mqctl.model.report import Report, ScenarioReport, Untested
from mqctl.verdict import timeline
from mqctl.verdict.html import html
from mqctl.verdict.judge import aborted, judge, total
from mqctl.verdict.junit import junit
from mqctl.verdict.summary import reasons, sentence
from mqctl.workflows.repeat import commands
from mqctl.workload import journal

_CONTROL = "control-"
"""Scenarios that test the verdict, not the cluster: nobody misses them in a report."""


def write(histories: Sequence[Path], directory: Path) -> tuple[Path, ...]:
    """Judges the histories and writes the three files; gives their paths. Raises MqctlError."""
    report = document(histories)
    texts = {
        "report.html": html(report),
        "report.json": report.model_dump_json(indent=1) + "\n",
        "junit.xml": junit(report),
    }
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (directory / name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise MqctlError(
            f"the report could not be written to {directory}: {error.strerror}",
            "give another directory with --report",
        ) from None
    return tuple(directory / name for name in texts)


def document(paths: Sequence[Path]) -> Report:
    """What the histories say, as a report."""
    played = [(path, journal.read(path)) for path in paths]
    parts = tuple(_scenario(path.name, recorded) for path, recorded in played)
    starts = [started for _, recorded in played if (started := _started(recorded))]
    verdicts = [part.verdict for part in parts]
    ends = [end for _, recorded in played if (end := aborted(recorded))]
    unplayed = [name for end in ends for name in end.left]
    outcome = total(verdicts, unplayed)
    return Report(
        mqctl=__version__,
        topology=next((started.request.inventory for started in starts), ""),
        run=next((started.run for started in starts), ""),
        outcome=outcome,
        sentence=sentence(verdicts, unplayed),
        reasons=reasons(outcome, verdicts, unplayed),
        scenarios=parts,
        tested=_together(starts),
        untested=tuple(_untested({started.request.scenario for started in starts}, ends)),
        commands=tuple(commands(starts, [part.history for part in parts])),
    )


def _scenario(name: str, recorded: History) -> ScenarioReport:
    verdict, started = judge(recorded), _started(recorded)
    known = {scenario.name: scenario.title for scenario in scenarios.bundled()}
    return ScenarioReport(
        name=verdict.scenario or name,
        title=started.title or known.get(started.request.scenario, "") if started else "",
        began=recorded.events[0].w if recorded.events else 0,
        verdict=verdict,
        timeline=timeline.build(recorded, verdict.continuity.gaps),
        history=name,
    )


def _started(recorded: History) -> history.Started | None:
    return next((event for event in recorded.events if isinstance(event, history.Started)), None)


def _together(starts: Sequence[history.Started]) -> tuple[Fact, ...]:
    """The facts of all scenarios; where they differ, each value once."""
    values: dict[tuple[str, str], list[str]] = {}
    for started in starts:
        for fact in started.tested:
            known = values.setdefault((fact.part, fact.name), [])
            known.extend([fact.value] if fact.value not in known else [])
    return tuple(Fact(part, name, "; ".join(known)) for (part, name), known in values.items())


def _untested(played: set[str], ends: Sequence[history.Aborted]) -> Iterator[Untested]:
    titles = {scenario.name: scenario.title for scenario in scenarios.bundled()}
    unplayed = {name: end.own.get(name, name) for end in ends for name in end.left}
    for name, own in unplayed.items():
        yield Untested(name=name, title=titles.get(own, ""), aborted=True)
    for name, title in titles.items():
        if name not in played and name not in unplayed.values() and not name.startswith(_CONTROL):
            yield Untested(name=name, title=title)
