"""JUnit XML for CI: a test suite for each scenario, a test case for each of its gates.

The layout is the one that Jenkins, GitLab and GitHub's actions read, and that Ant's schema allows.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from mqctl.model.gate import GateResult
from mqctl.model.report import Report, ScenarioReport, Untested
from mqctl.model.verdict import Verdict

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 cannot carry (section 2.2)."""
_TAGS = {"fail": "failure", "unknown": "error", "skipped": "skipped"}


def junit(report: Report) -> str:
    """The document: fail is a failure, unknown an error, a scenario that was not run is skipped."""
    root = Element("testsuites")
    for scenario in report.scenarios:
        _suite(root, report, scenario)
    if report.untested:
        _not_run(root, report)
    indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{tostring(root, encoding='unicode')}\n"


def _suite(root: Element, report: Report, scenario: ScenarioReport) -> None:
    findings = _findings(scenario.verdict)
    seconds = scenario.timeline.end - scenario.timeline.start
    outcomes = [finding.outcome for finding in findings]
    suite = SubElement(
        root,
        "testsuite",
        package=_text(report.topology),
        id=str(len(root)),
        name=_text(scenario.name),
        timestamp=f"{datetime.fromtimestamp(scenario.began, UTC):%Y-%m-%dT%H:%M:%S}",
        hostname=_text(report.topology),
        tests=str(len(findings)),
        failures=str(outcomes.count("fail")),
        errors=str(outcomes.count("unknown")),
        skipped=str(outcomes.count("skipped")),
        time=f"{seconds:.3f}",
    )
    properties = SubElement(suite, "properties")
    for name, value in (("run", report.run), ("history", scenario.history), ("mqctl", report.mqctl)):
        SubElement(properties, "property", name=name, value=_text(value))
    for finding in findings:
        _case(suite, f"{report.topology}.{scenario.name}", finding, seconds / len(findings))
    SubElement(suite, "system-out").text = _text(scenario.title)
    SubElement(suite, "system-err")


def _findings(verdict: Verdict) -> tuple[GateResult, ...]:
    """A control is one test case: that it failed, and for its own reason."""
    if verdict.expected == "pass":
        return verdict.findings
    failed = sorted({finding.gate for finding in verdict.findings if finding.outcome == "fail"})
    control = GateResult(
        gate="control",
        subject="verdict",
        outcome=verdict.as_expected,
        expected=f"a failure of {', '.join(verdict.because) or 'any gate'}",
        got=f"a failure of {', '.join(failed)}" if failed else verdict.outcome,
    )
    return (control,)


def _case(suite: Element, group: str, finding: GateResult, seconds: float) -> None:
    """The suite's time is shared out evenly: gates are judged together, after the run."""
    name = f"{finding.gate} ({finding.subject})"
    case = SubElement(suite, "testcase", name=_text(name), classname=_text(group), time=f"{seconds:.3f}")
    tag = _TAGS.get(finding.outcome)
    if tag == "skipped":
        SubElement(case, tag)
    elif tag:
        message = _text(f"expected {finding.expected}, got {finding.got}")
        SubElement(case, tag, type=_text(finding.gate), message=message).text = message


def _not_run(root: Element, report: Report) -> None:
    began = min((s.began for s in report.scenarios), default=0)
    aborted = sum(scenario.aborted for scenario in report.untested)
    suite = SubElement(
        root,
        "testsuite",
        package=_text(report.topology),
        id=str(len(root)),
        name="not run",
        timestamp=f"{datetime.fromtimestamp(began, UTC):%Y-%m-%dT%H:%M:%S}",
        hostname=_text(report.topology),
        tests=str(len(report.untested)),
        failures="0",
        errors=str(aborted),
        skipped=str(len(report.untested) - aborted),
        time="0.000",
    )
    SubElement(suite, "properties")
    for scenario in report.untested:
        _untested(suite, report.topology, scenario)
    SubElement(suite, "system-out")
    SubElement(suite, "system-err")


def _untested(suite: Element, topology: str, scenario: Untested) -> None:
    """What an aborted test did not come to was asked for: no evidence is an error, not a skip."""
    case = SubElement(
        suite, "testcase", name=_text(scenario.name), classname=_text(f"{topology}.not-run"), time="0.000"
    )
    if scenario.aborted:
        SubElement(case, "error", type="aborted", message="the test was aborted before it")
    else:
        SubElement(case, "skipped")


def _text(value: str) -> str:
    return _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", value)
