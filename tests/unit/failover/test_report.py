"""The report's files: the page keeps to itself, escapes everything, says no when it must, knows no secret."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from mqctl.cli.failover_test import failover_test
from mqctl.errors import MqctlError
from mqctl.model import history as h
from mqctl.model.history import Fact
from mqctl.model.objectives import Bound
from mqctl.model.scenario import Expectation
from mqctl.model.workload import WorkloadSettings
from mqctl.verdict import tested
from mqctl.verdict.html import html
from mqctl.verdict.junit import junit
from mqctl.workflows import failover_report
from tests.topologies import SECRETS, mirrored_3node, standalone
from tests.unit.failover.histories import clean, delivered
from tests.unit.failover.reports import renamed, report, saved

APP = typer.Typer()
APP.command()(failover_test)
EVIL = "</title><script>alert(1)</script><img src=x onerror=alert(2)>\"'&{{ 7*7 }}"
VOID = {"meta", "link", "br", "img"}


class Page(HTMLParser):
    """Checks that tags are balanced, and keeps what a page could do harm with, and its text by section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.rows: dict[str, list[tuple[str, str]]] = {}
        """Of the pictures: each row's boxes, with how they are coloured and what stands in them."""
        self.cells: list[list[str]] = []
        """Of the tables, row by row."""
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        kind, _, name = (dict(attrs).get("class") or "").partition(" ")
        if kind == "row":
            self.rows[name] = []
        elif kind == "spell":
            self.rows[[*self.rows][-1]].append((name.split()[0], ""))
        elif tag == "tr":
            self.cells.append([])
        elif tag in ("th", "td"):
            self.cells[-1].append("")
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += " ".join(data.split()) + " "
        if "tr" in self.open and data.strip():
            self.cells[-1][-1] += f" {data.strip()}" if self.cells[-1][-1] else data.strip()
        elif self.open[-1:] == ["div"] and self.rows and (boxes := self.rows[[*self.rows][-1]]):
            boxes[-1] = (boxes[-1][0], boxes[-1][1] + data.strip())


def lossy() -> list[h.Event]:
    return [e for e in clean() if not (isinstance(e, h.Delivered) and e.spans[0].seq in (7, 8))]


def test_the_page_loads_nothing_and_runs_nothing(tmp_path: Path) -> None:
    text = html(report(tmp_path / "h.ndjson", clean()))
    page = Page(text)
    assert not page.tags & {"script", "iframe", "object", "embed", "img", "base", "form"}
    links = [value for name, value in page.attributes if name in ("src", "href", "srcset", "action", "data")]
    assert [link for link in links if not link.startswith(("#", "data:,"))] == []
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not re.search(r"https?:|@import|@font-face|url\(", text)
    assert len(page.ids) == len(set(page.ids))
    pointed = {value[1:] for name, value in page.attributes if name == "href" and value.startswith("#")}
    pointed |= {
        part for name, value in page.attributes if name == "aria-labelledby" for part in value.split()
    }
    assert pointed <= set(page.ids)


def test_a_pass_says_what_was_shown(tmp_path: Path) -> None:
    text = Page(html(report(tmp_path / "h.ndjson", clean()))).text
    assert "0 confirmed messages lost ✓ pass" in text
    assert "every fault had an observed effect" in text
    for heading in ("Scenarios", "What was tested", "What was not tested", "How to repeat it"):
        assert heading in text
    assert "mqctl failover-test --replay h.ndjson --report DIR" in text


def test_a_failure_says_why(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", lossy())
    text = Page(html(made)).text
    assert made.reasons == (
        "s: messages.lost: expected 0 confirmed messages lost, got 2 of 150 lost (p1/7-8)",
    )
    assert "FAILED: 2 confirmed messages lost ✕ fail" in text
    assert made.reasons[0] in text


def test_an_empty_history_gives_a_page_that_does_not_know(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", [])
    assert made.outcome == "unknown"
    assert "? unknown" in Page(html(made)).text


def test_a_test_that_ends_anywhere_has_a_page(tmp_path: Path) -> None:
    """Even before its first phase."""
    events = clean()
    for count in range(40):
        end = h.Aborted(t=events[count].t, w=0, reason="interrupted")
        made = report(tmp_path / f"{count}.ndjson", [*events[:count], end])
        assert made.outcome == "unknown"
        assert "the run did not come to its end: interrupted" in Page(html(made)).text


def test_hostile_names_are_only_text(tmp_path: Path) -> None:
    events = renamed(
        clean(), scenario=EVIL, topology=EVIL, run=EVIL, title=EVIL, tested=(Fact(EVIL, EVIL, EVIL),)
    )
    events = [
        e.model_copy(update={"host": EVIL, "fault": EVIL})
        if isinstance(e, h.FaultInjected | h.FaultObserved | h.FaultHealed)
        else e.model_copy(update={"holders": (EVIL,), "routers": (EVIL,)})
        if isinstance(e, h.HoldersSeen)
        else e
        for e in events
    ]
    page = Page(html(report(tmp_path / "h.ndjson", events)))
    assert not page.tags & {"script", "img"}
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "{{ 7*7 }}" in page.text


def facts(**settings: object) -> tuple[Fact, ...]:
    workload = WorkloadSettings(**settings)  # type: ignore[arg-type]
    return tested.facts(
        mirrored_3node(), workload, {"RabbitMQ": {"mq1": "3.10.8", "mq2": "3.10.8", "mq3": "3.8.9"}}
    )


def test_the_configuration_is_told() -> None:
    told = {(fact.part, fact.name): fact.value for fact in facts(rate=None)}
    assert told["Cluster", "brokers"] == "mq1, mq2, mq3"
    assert told["Cluster", "RabbitMQ"] == "mq1 3.10.8, mq2 3.10.8, mq3 3.8.9"
    assert told["RabbitMQ", "partition handling"] == "pause_minority"
    assert told["Keepalived", "priority"] == "lb1 150, lb2 140"
    assert told["HAProxy", "rise, fall"] == "2, 3"
    assert told["Workload", "rate"] == "as fast as it goes"
    assert told["Workload", "prefetch"] == "500"
    assert [fact.name for fact in facts() if fact.part == "Policies"] == ["ha-all"]
    alone = tested.facts(standalone(), WorkloadSettings(), {})
    assert not {fact.part for fact in alone} & {"HAProxy", "Keepalived"}


def test_no_secret_is_in_any_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.ndjson", renamed(clean(), tested=facts()))
    files = failover_report.write([path], tmp_path / "out")
    for text in (file.read_text() for file in (path, *files)):
        assert "pause_minority" in text or text.startswith("<?xml")
        assert not [secret for secret in SECRETS if secret in text]


def test_a_replay_writes_the_same_report(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.ndjson", renamed(clean(), tested=facts()))
    first = failover_report.write([path], tmp_path / "first")
    done = CliRunner().invoke(APP, ["--replay", str(path), "--report", str(tmp_path / "again")])
    assert done.exit_code == 0
    assert f"report: {tmp_path / 'again' / 'report.html'}" in done.stdout
    for file in first:
        assert file.read_bytes() == (tmp_path / "again" / file.name).read_bytes()


def test_several_histories_are_one_report(tmp_path: Path) -> None:
    paths = [
        saved(tmp_path / "1.ndjson", renamed(clean(), scenario="one", tested=(Fact("a", "b", "1"),))),
        saved(tmp_path / "2.ndjson", renamed(lossy(), scenario="two", tested=(Fact("a", "b", "2"),))),
    ]
    arguments = [word for path in paths for word in ("--replay", str(path))]
    done = CliRunner().invoke(APP, [*arguments, "--json", "--report", str(tmp_path / "out")])
    assert done.exit_code == 1
    assert [verdict["outcome"] for verdict in json.loads(done.stdout)["verdicts"]] == ["pass", "fail"]
    written = json.loads((tmp_path / "out" / "report.json").read_text())
    assert [(s["name"], s["verdict"]["outcome"]) for s in written["scenarios"]] == [
        ("one", "pass"),
        ("two", "fail"),
    ]
    assert (written["outcome"], written["tested"]) == ("fail", [["a", "b", "1; 2"]])
    suites = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert [suite.attrib["name"] for suite in suites][:2] == ["one", "two"]


def test_a_replay_alone_writes_nothing(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.ndjson", clean())
    CliRunner().invoke(APP, ["--replay", str(path)])
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    path = saved(tmp_path / "h.ndjson", clean())
    with pytest.raises(MqctlError, match=r"the report could not be written to .*: Not a directory") as caught:
        failover_report.write([path], path / "out")
    assert caught.value.hint == "give another directory with --report"


def test_what_was_not_run_is_listed_but_controls_are_not(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", renamed(clean(), scenario="kill-queue-leader"))
    names = {scenario.name for scenario in made.untested}
    assert "power-off-vip-holder" in names
    assert "kill-queue-leader" not in names
    assert not [name for name in names if name.startswith("control-")]


def test_the_lanes_show_what_was_where(tmp_path: Path) -> None:
    rows = Page(html(report(tmp_path / "h.ndjson", clean()))).rows
    lanes = {name: boxes for name, boxes in rows.items() if name not in ("fault", "phase", "chart", "axis")}
    assert lanes == {
        "VIP holder": [("good", "lb1"), ("moved", "lb2")],
        "queue leader": [("good", "mq1"), ("moved", "mq2")],
        "mirrors in sync": [("good", "1 of 1"), ("down", "0 of 1")],
        "node mq1": [("good", "running"), ("down", "stopped"), ("good", "running")],
        "node mq2": [("good", "running")],
        "router lb1": [("good", "answers"), ("down", "no answer")],
        "router lb2": [("good", "answers")],
        "publishers": [("unknown", "finished")],
        "consumers": [("unknown", "finished")],
    }
    assert [state for state, _ in rows["fault"]] == ["fault", "healing"]


def test_the_numbers_are_all_there(tmp_path: Path) -> None:
    events = [e for e in lossy() if not (isinstance(e, h.Confirmed) and e.first in (120, 121))]
    events.append(h.Unknown(t=13.2, w=0, client="p1", epoch=1, first=120, last=121))
    events.append(delivered(4, 20, again=True))
    cells = Page(html(report(tmp_path / "h.ndjson", events))).cells
    numbers = cells[[row[0] for row in cells].index("sent and 0 sent again") :]
    assert numbers == [
        ["sent and 0 sent again", "150"],
        ["confirmed", "148"],
        ["lost p1/7-8", "2"],
        ["duplicated 1 flagged, 0 silent, 0 resent", "1"],
        ["reordered", "0"],
        ["unknown 2 of them stored after all", "2"],
        ["returned", "0"],
        ["refused", "0"],
        ["confirmed per second", "10"],
        ["longest publish gap 0.00 s in all", "300 ms"],
        ["longest delivery gap 0.00 s in all", "300 ms"],
        ["confirm latency p50; p95 10 ms, p99 10 ms, max 10 ms", "10 ms"],
        ["queue leader moved after", "350 ms"],
        ["new leader confirmed after", "360 ms"],
        ["host seen gone after", "250 ms"],
        ["host back after counted from the fault", "6.25 s"],
    ]


BOUND = Bound(metric="publish_gap", limit=0.05, formula="advert_int 3 x 1 + skew")


def test_measured_times_stand_beside_their_bounds(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", renamed(clean(), bounds=(BOUND,)))
    text = Page(html(made)).text
    assert "Measured beside its bound" in text
    assert re.search(r"longest publish gap \d+ ms 50 ms advert_int 3 x 1 \+ skew", text)
    assert 'class="num fail" data-name="measured"' in html(made)
    assert "Measured beside its bound" not in Page(html(report(tmp_path / "2.ndjson", clean()))).text


def control(*because: str) -> list[h.Event]:
    return renamed(lossy(), expect=Expectation(verdict="fail", because=because))


def test_a_control_that_fails_as_it_must_is_a_pass(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", control("messages.lost"))
    assert (made.outcome, made.sentence) == ("pass", "1 control failed as expected")
    assert made.reasons == ("the control s failed as it must: messages.lost",)
    assert "so a pass elsewhere means something" in Page(html(made)).text
    case = ElementTree.fromstring(junit(made))[0].find("testcase")
    assert case is not None
    assert (case.attrib["name"], len(case)) == ("control (verdict)", 0)


def test_a_control_that_fails_for_another_reason_is_a_failure(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", control("vip.holders"))
    assert (made.outcome, made.sentence) == ("fail", "1 of 1 control did not fail as expected")
    assert made.reasons == ("s: a control that must fail at vip.holders, and did not",)
    assert "do not trust a pass of this run" in Page(html(made)).text
    case = ElementTree.fromstring(junit(made))[0].find("testcase")
    assert case is not None
    assert [child.tag for child in case] == ["failure"]


def test_controls_do_not_spoil_the_sentence_of_the_others(tmp_path: Path) -> None:
    paths = [saved(tmp_path / "1", clean()), saved(tmp_path / "2", control("messages.lost"))]
    made = failover_report.document(paths)
    assert made.outcome == "pass"
    assert made.sentence == "0 confirmed messages lost (150 confirmed, 1 fault); 1 control failed as expected"
