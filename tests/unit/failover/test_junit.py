"""The JUnit file: the whole text once, then what CI systems rely on."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

from mqctl.model import history as h
from mqctl.model.gate import GateResult, Outcome
from mqctl.model.report import Report, ScenarioReport, Untested
from mqctl.model.timeline import Timeline
from mqctl.model.verdict import Continuity, Effects, MessageCounts, Verdict
from mqctl.verdict.junit import junit
from tests.unit.failover.histories import clean
from tests.unit.failover.reports import renamed, report

EXPECTED = """\
<?xml version='1.0' encoding='utf-8'?>
<testsuites>
  <testsuite package="prod" id="0" name="kill" timestamp="2023-11-14T22:13:20" hostname="prod" tests="4" \
failures="1" errors="1" skipped="1" time="8.000">
    <properties>
      <property name="run" value="r" />
      <property name="history" value="r-kill.ndjson" />
      <property name="mqctl" value="1" />
    </properties>
    <testcase name="a.pass (x)" classname="prod.kill" time="2.000" />
    <testcase name="a.fail (x)" classname="prod.kill" time="2.000">
      <failure type="a.fail" message="expected 0, got 1">expected 0, got 1</failure>
    </testcase>
    <testcase name="a.unknown (x)" classname="prod.kill" time="2.000">
      <error type="a.unknown" message="expected 0, got 1">expected 0, got 1</error>
    </testcase>
    <testcase name="a.skipped (x)" classname="prod.kill" time="2.000">
      <skipped />
    </testcase>
    <system-out>Kill it.</system-out>
    <system-err />
  </testsuite>
  <testsuite package="prod" id="1" name="not run" timestamp="2023-11-14T22:13:20" hostname="prod" tests="1" \
failures="0" errors="0" skipped="1" time="0.000">
    <properties />
    <testcase name="freeze" classname="prod.not-run" time="0.000">
      <skipped />
    </testcase>
    <system-out />
    <system-err />
  </testsuite>
</testsuites>
"""
CHILDREN = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "properties": r"(property )*",
    "testcase": r"((skipped|error|failure) )?",
}
"""The order that Ant's JUnit.xsd prescribes."""
ATTRIBUTES = {
    "testsuites": set(),
    "testsuite": {
        "package", "id", "name", "timestamp", "hostname", "tests", "failures", "errors", "skipped", "time",
    },
    "property": {"name", "value"},
    "testcase": {"name", "classname", "time"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
}  # fmt: skip


def gate(outcome: Outcome) -> GateResult:
    return GateResult(gate=f"a.{outcome}", subject="x", outcome=outcome, expected="0", got="1")


def test_the_whole_text() -> None:
    verdict = Verdict(
        run="r",
        scenario="kill",
        outcome="fail",
        findings=tuple(gate(outcome) for outcome in ("pass", "fail", "unknown", "skipped")),
        messages=MessageCounts(),
        continuity=Continuity(),
        effects=Effects(),
    )
    scenario = ScenarioReport(
        name="kill",
        title="Kill it.",
        began=1_700_000_000,
        verdict=verdict,
        timeline=Timeline(start=-1, end=7),
        history="r-kill.ndjson",
    )
    whole = Report(
        mqctl="1",
        topology="prod",
        run="r",
        outcome="fail",
        sentence="",
        reasons=(),
        scenarios=(scenario,),
        tested=(),
        untested=(Untested(name="freeze", title="t"),),
        commands=(),
    )
    assert junit(whole) == EXPECTED


def check(element: ElementTree.Element) -> None:
    children = "".join(f"{child.tag} " for child in element)
    assert re.fullmatch(CHILDREN.get(element.tag, ""), children), element.tag
    assert set(element.attrib) == ATTRIBUTES.get(element.tag, set())
    for child in element:
        check(child)


def test_the_schema_and_the_counts(tmp_path: Path) -> None:
    lossy = [e for e in clean() if not (isinstance(e, h.Delivered) and e.spans[0].seq == 7)]
    written = report(tmp_path / "h.ndjson", lossy)
    root = ElementTree.fromstring(junit(written))
    check(root)
    suite = root[0]
    assert (
        len(suite.findall("testcase"))
        == int(suite.attrib["tests"])
        == len(written.scenarios[0].verdict.findings)
    )
    for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert len(suite.findall(f"testcase/{tag}")) == int(suite.attrib[count])
    failed = [case.attrib["name"] for case in suite if case.find("failure") is not None]
    assert failed == ["messages.lost (clients)"]


def test_what_xml_cannot_carry_is_replaced(tmp_path: Path) -> None:
    hostile = renamed(clean(), scenario='a"]]><x>\x00\x1b\ufffe', topology="<&>")
    suite = ElementTree.fromstring(junit(report(tmp_path / "h.ndjson", hostile)))[0]
    assert (suite.attrib["name"], suite.attrib["package"]) == ('a"]]><x>\ufffd\ufffd\ufffd', "<&>")
