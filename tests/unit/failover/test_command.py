"""The command: exit codes, the last line, JSON, and what it refuses before it touches anything."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
from typer.testing import CliRunner

from mqctl import cli
from mqctl.cli.failover_test import failover_test
from mqctl.errors import InconclusiveError, MqctlError, UsageError
from mqctl.faults import scenarios
from mqctl.model import history as h
from mqctl.model.gate import GateResult, Outcome
from mqctl.model.scenario import Scenario
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.alone import alone
from mqctl.workflows.stage import Stage
from mqctl.workload.journal import Journal
from tests import inventories
from tests.topologies import mirrored_3node, standalone
from tests.unit.failover.histories import clean, event
from tests.unit.failover.reports import renamed

APP = typer.Typer()
APP.command()(failover_test)


def saved(path: Path, events: list[h.Event]) -> str:
    journal = Journal(path)
    journal.write(*events)
    journal.close()
    return str(path)


def but(*, lost: tuple[int, ...] = (), without: tuple[type, ...] = ()) -> list[h.Event]:
    return [
        e
        for e in clean()
        if not isinstance(e, without) and not (isinstance(e, h.Delivered) and e.spans[0].seq in lost)
    ]


CASES = {
    "pass": (clean(), 0, "0 confirmed messages lost (150 confirmed, 1 fault)"),
    "lost": (but(lost=(7, 8)), 1, "FAILED: 2 confirmed messages lost (150 confirmed, 1 fault)"),
    "cut": (
        but(lost=(7,), without=(h.Drained,)),
        3,
        "UNKNOWN: up to 1 confirmed messages lost (150 confirmed, 1 fault)",
    ),
    "did not recover": (
        [*but(without=(h.Recovered,)), h.Recovered(t=12, w=0, healthy=False, detail="mirrors")],
        1,
        "FAILED, although no confirmed message is known to be lost (150 confirmed, 1 fault)",
    ),
    "empty": ([], 3, "UNKNOWN: up to 0 confirmed messages lost (0 confirmed, 1 fault)"),
}


@pytest.mark.parametrize("name", CASES)
def test_replay(tmp_path: Path, name: str) -> None:
    events, code, last = CASES[name]
    done = CliRunner().invoke(APP, ["--replay", saved(tmp_path / "h", events)])
    assert (done.exit_code, done.stdout.splitlines()[-1]) == (code, last)


def test_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(APP, ["--json", "--replay", saved(tmp_path / "h", but(lost=(7,)))])
    report = json.loads(done.stdout)
    assert done.exit_code == 1
    assert (report["outcome"], report["verdicts"][0]["messages"]["lost"]) == ("fail", 1)


def test_findings_that_are_no_pass_are_told(tmp_path: Path) -> None:
    done = CliRunner().invoke(APP, ["--replay", saved(tmp_path / "h", but(lost=(7,)))])
    assert (
        "fail s: messages.lost: expected 0 confirmed messages lost, got 1 of 150 lost (p1/7)" in done.stdout
    )


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The bundled topology without its lab: real hosts."""
    site = tmp_path / "site"
    inventories.copy("mirrored-3node", site)
    for path in site.rglob("*.yml"):
        path.write_text(path.read_text().replace("mqctl_lab:", "x_lab:"))
    workflow.inventory.ensure(site)
    return site


def test_real_hosts_want_a_yes(site: Path) -> None:
    with pytest.raises(UsageError) as caught:
        workflow.load(str(site), None, yes=False)
    assert caught.value.message.startswith("site is not a lab: this test kills brokers")
    assert workflow.load(str(site), None, yes=True).lab is None


def test_scenarios_without_a_target(tmp_path: Path) -> None:
    chosen, skipped = workflow.applicable(standalone(), workflow.Choice())
    assert "kill-queue-leader" in [s.name for s in chosen]
    assert {"power-off-vip-holder", "kill-mirror"} <= set(skipped)
    with pytest.raises(UsageError, match="power-off-vip-holder needs a VIP, and standalone has none"):
        workflow.applicable(standalone(), workflow.Choice(("power-off-vip-holder",)))
    assert workflow.applicable(mirrored_3node(), workflow.Choice())[1] == []


def test_no_test_while_something_changes_the_hosts(tmp_path: Path) -> None:
    topology = mirrored_3node().model_copy(update={"state_dir": tmp_path})
    refused = pytest.raises(MqctlError, match=r"mqctl deploy by .+, process")
    with alone(tmp_path, "deploy"):
        with refused:
            workflow.failover_test(topology, WorkloadSettings(), workflow.Choice(), None, lambda _: None)
        with refused:
            workflow.heal_all(topology)


def test_list_explains_every_scenario_and_runs_none() -> None:
    result = CliRunner().invoke(APP, ["--list"])
    assert result.exit_code == 0
    for scenario in workflow.listed(workflow.Choice()):
        assert (
            f"{scenario.name}\n  {scenario.title}\n  fault {scenario.fault} on the {scenario.target}"
            in result.stdout
        )


def test_list_as_json_and_only_what_is_known() -> None:
    result = CliRunner().invoke(APP, ["--list", "--json", "-s", "kill-queue-leader"])
    assert [scenario["name"] for scenario in json.loads(result.stdout)] == ["kill-queue-leader"]
    assert isinstance(CliRunner().invoke(APP, ["--list", "-s", "nonsense"]).exception, UsageError)


class Halting:
    """Plays a hand-written history, and ends the test in the second one."""

    end: BaseException = KeyboardInterrupt()
    at = 2

    def __init__(self, stage: Stage, scenario: Scenario, *_: object) -> None:
        self.path = stage.histories / f"{scenario.name}.ndjson"
        self._name = scenario.name

    def play(self) -> Path:
        number = len(list(self.path.parent.glob("*.ndjson"))) + 1
        events = renamed(clean(), scenario=self._name)
        saved(self.path, events if number < self.at else events[:60])
        if number == self.at:
            raise self.end
        return self.path


NAMES = ("kill-mirror", "kill-queue-leader", "kill-keepalived", "lose-haproxy")


@pytest.fixture
def course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> workflow._Course:
    monkeypatch.setattr(workflow, "Run", Halting)
    one = mirrored_3node()
    chosen = scenarios.choose(workflow.Choice(NAMES))
    return workflow._Course([workflow.Act(scenario, one, scenario.name) for scenario in chosen])


def play(course: workflow._Course, path: Path) -> None:
    stage = Stage(mirrored_3node(), "r", path, Hosts({}), Hosts({}))
    course.play(stage, WorkloadSettings(), lambda _: None)


@pytest.mark.parametrize(
    ("end", "reason"),
    [(KeyboardInterrupt(), "interrupted"), (InconclusiveError("two leaders"), "two leaders")],
)
def test_an_aborted_test_reports_what_was_finished(
    course: workflow._Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: BaseException, reason: str
) -> None:
    monkeypatch.setattr(Halting, "end", end)
    play(course, tmp_path)
    assert [verdict.outcome for verdict in course.verdicts] == ["pass", "unknown"]
    again = workflow.replay(course.histories)
    assert (again.outcome, again.aborted, again.unplayed) == ("unknown", reason, NAMES[2:])
    assert course.aborted == reason
    whole = next(f for f in again.verdicts[1].findings if f.gate == "record.complete")
    assert whole.got.startswith(f"the run did not come to its end: {reason}; ")


def test_an_abort_before_anything_is_finished_goes_through(
    course: workflow._Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Halting, "at", 1)
    with pytest.raises(KeyboardInterrupt):
        play(course, tmp_path)


def test_an_aborted_test_tells_what_it_did_not_come_to(tmp_path: Path) -> None:
    """Even when each scenario that has a history passed."""
    whole = saved(tmp_path / "whole", [*clean(), h.Aborted(t=99, w=0, reason="interrupted", left=NAMES[2:])])
    done = CliRunner().invoke(APP, ["--replay", whole, "--report", str(tmp_path)])
    assert done.exit_code == 3
    assert done.stdout.splitlines()[-6:] == [
        "aborted: interrupted",
        "unknown kill-keepalived: the test was aborted before it",
        "unknown lose-haproxy: the test was aborted before it",
        f"history: {whole}",
        f"report: {tmp_path / 'report.html'}",
        "0 confirmed messages lost (150 confirmed, 1 fault); ABORTED, 2 not run",
    ]
    cases = ElementTree.parse(tmp_path / "junit.xml").iter("testcase")
    assert [case.get("name") for case in cases if case.find("error") is not None] == [*NAMES[2:]]


class Unrecovered:
    """The second scenario leaves a cluster whose gates do not pass again."""

    def __init__(self, stage: Stage, scenario: Scenario, *_: object) -> None:
        self.path = stage.histories / f"{scenario.name}.ndjson"
        self._name = scenario.name

    def play(self) -> Path:
        events = renamed(clean(), scenario=self._name)
        ill = event(h.Recovered, 12.5, healthy=False, detail="membership of mq1")
        first = not list(self.path.parent.glob("*.ndjson"))
        saved(self.path, events if first else [ill if isinstance(e, h.Recovered) else e for e in events])
        return self.path


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Topology:
    """Nothing is broken or left over in it."""
    topology = mirrored_3node().model_copy(update={"state_dir": tmp_path / "state"})
    monkeypatch.setattr(workflow, "load", lambda *_: topology)
    monkeypatch.setattr(workflow, "heal", lambda _: ())
    monkeypatch.setattr(workflow, "clean", lambda _: None)
    return topology


CHOSEN = [word for name in NAMES for word in ("-s", name)]


def test_what_comes_after_a_cluster_that_did_not_recover_is_not_run(
    lab: Topology, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workflow, "Run", Unrecovered)
    monkeypatch.setattr(Stage, "gates", lambda _: [gate("pass")])
    assert cli.run(["failover-test", *CHOSEN, "--json"]) == 1
    done = json.loads(capsys.readouterr().out)
    assert [verdict["outcome"] for verdict in done["verdicts"]] == ["pass", "fail"]
    assert (done["not_run"], done["unplayed"], done["aborted"]) == ([*NAMES[2:]], [], "")
    assert sorted(path.name for path in (lab.state_dir / "failover").glob("*.ndjson")) == sorted(
        f"{name}.ndjson" for name in NAMES[:2]
    )


def test_the_terminal_names_what_was_not_run(
    lab: Topology, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(workflow, "Run", Unrecovered)
    monkeypatch.setattr(Stage, "gates", lambda _: [gate("pass")])
    assert cli.run(["failover-test", *CHOSEN]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("not run: ")] == [f"not run: {n}" for n in NAMES[2:]]


def gate(outcome: Outcome) -> GateResult:
    return GateResult(gate="membership", subject="mq1", outcome=outcome, expected="3 nodes", got="silence")


@pytest.mark.parametrize(
    ("outcomes", "code"), [(("pass", "unknown"), 3), (("unknown", "fail"), 1), ((), 3)], ids=str
)
def test_nothing_is_broken_where_health_is_not_known(
    lab: Topology,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    outcomes: tuple[Outcome, ...],
    code: int,
) -> None:
    monkeypatch.setattr(Stage, "gates", lambda _: [gate(outcome) for outcome in outcomes])
    assert cli.run(["failover-test", *CHOSEN]) == code
    told = capsys.readouterr().err
    what = "membership of mq1: expected 3 nodes, got silence" if outcomes else "no gate"
    assert f"error: the cluster is not known to be healthy, nothing was broken: {what}\n" in told
    assert "hint: `mqctl verify` shows every gate" in told
    assert list((lab.state_dir / "failover").iterdir()) == []
