"""The report as one HTML page: no script, nothing to load, every text escaped."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from itertools import groupby

import jinja2

from mqctl import share
from mqctl.model.gate import GateResult, Outcome
from mqctl.model.history import Fact
from mqctl.model.report import Report, ScenarioReport
from mqctl.verdict import figures
from mqctl.verdict.axis import Axis
from mqctl.verdict.chart import Picture, picture
from mqctl.verdict.figures import Figure, Row

_WORDS: Mapping[Outcome, str] = {"pass": "pass", "fail": "fail", "unknown": "unknown", "skipped": "skipped"}
_SIGNS: Mapping[Outcome, str] = {"pass": "✓", "fail": "✕", "unknown": "?", "skipped": "–"}
_BEYOND = (
    "Your own queues, exchanges and applications: the clients were mqctl's, on queues made for the test.",
    "Other loads than the one above, and other versions or settings than those listed.",
    "Chance: each scenario ran once. Rare races show only in repetition; repeat before relying on a time.",
)


@dataclass(frozen=True)
class _Part:
    """One scenario, ready to print."""

    anchor: str
    scenario: ScenarioReport
    outcome: Outcome
    word: str
    broken: str
    faulted: bool
    cells: Mapping[str, str]
    picture: Picture
    gaps: str
    control: bool
    limits: tuple[Row, ...]
    findings: tuple[GateResult, ...]
    numbers: tuple[Figure, ...]
    moments: tuple[Figure, ...]


@dataclass(frozen=True)
class _Page:
    report: Report
    word: str
    headline: str
    began: str
    tiles: tuple[Figure, ...]
    columns: tuple[str, ...]
    parts: tuple[_Part, ...]
    facts: tuple[tuple[str, tuple[Fact, ...]], ...]
    beyond: tuple[str, ...]
    words: Mapping[Outcome, str]
    signs: Mapping[Outcome, str]


def html(report: Report) -> str:
    """The page."""
    page = _page(report)
    names = {field.name: getattr(page, field.name) for field in fields(page)}
    return _environment().get_template("report/report.html.j2").render(names)


@functools.cache
def _environment() -> jinja2.Environment:
    """Like the one for configuration files, but everything is escaped for HTML."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(share.root() / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


def _page(report: Report) -> _Page:
    parts = tuple(_part(number, scenario) for number, scenario in enumerate(report.scenarios, 1))
    used = tuple(name for name in figures.COLUMNS if any(part.cells[name] != "-" for part in parts))
    return _Page(
        report=report,
        word=_WORDS[report.outcome],
        headline=report.sentence.partition(" (")[0],
        began=_date(min((s.began for s in report.scenarios), default=0)),
        tiles=figures.tiles([scenario.verdict for scenario in report.scenarios]),
        columns=used,
        parts=parts,
        facts=tuple((part, tuple(rows)) for part, rows in groupby(report.tested, lambda fact: fact.part)),
        beyond=_BEYOND,
        words=_WORDS,
        signs=_SIGNS,
    )


def _date(seconds: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment.day} {moment:%B %Y, %H:%M} UTC"


def _part(number: int, scenario: ScenarioReport) -> _Part:
    verdict = scenario.verdict
    order = ("fail", "unknown", "pass", "skipped")
    return _Part(
        anchor=f"s{number}",
        scenario=scenario,
        outcome=verdict.as_expected,
        word="fail, as it must"
        if verdict.expected != verdict.as_expected == "pass"
        else _WORDS[verdict.as_expected],
        broken=verdict.effects.host or "-",
        faulted=scenario.timeline.fault is not None,
        cells=figures.cells(verdict),
        picture=picture(scenario.timeline),
        gaps=_gaps(scenario),
        control=verdict.expected == "fail",
        limits=figures.limits(verdict),
        findings=tuple(sorted(verdict.findings, key=lambda finding: order.index(finding.outcome))),
        numbers=figures.numbers(verdict),
        moments=tuple(_moments(scenario)),
    )


def _gaps(scenario: ScenarioReport) -> str:
    count = len(scenario.timeline.publish_stalls), len(scenario.timeline.delivery_stalls)
    threshold = scenario.verdict.continuity.threshold
    limit = f" longer than {threshold:.2f} s" if threshold is not None else ""
    publish, delivery = (str(number) if number else "none" for number in count)
    return f"Interruptions{limit}: {publish} of publishing, {delivery} of delivery."


def _moments(scenario: ScenarioReport) -> Iterator[Figure]:
    axis = Axis.of(scenario.timeline)
    for moment in scenario.timeline.moments:
        yield Figure(name=axis.name(moment.at), value=moment.text, outcome=moment.weight)
