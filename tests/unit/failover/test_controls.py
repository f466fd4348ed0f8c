"""Controls: in order only when they fail, and for their own reason."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from mqctl.cli.failover_test import failover_test
from mqctl.errors import UsageError
from mqctl.faults import scenarios
from mqctl.faults.scenarios import Choice
from mqctl.model import history as h
from mqctl.model.scenario import Expectation
from mqctl.model.workload import WorkloadSettings
from mqctl.verdict import limits
from mqctl.verdict.judge import judge, total
from mqctl.workload.journal import Journal
from tests.unit.failover.histories import clean, event, published, whole

CONTROLS = [scenario for scenario in scenarios.bundled() if scenario.name.startswith("control-")]
LOSES = Expectation(verdict="fail", because=("messages.lost",))
APP = typer.Typer()
APP.command()(failover_test)


def lossy(expect: Expectation) -> list[h.Event]:
    return [e for e in clean(expect) if not (isinstance(e, h.Delivered) and e.spans[0].seq == 70)]


CASES = {
    "failed as it must": (lossy(LOSES), "fail", "pass"),
    "did not fail": (clean(LOSES), "pass", "fail"),
    "failed for another reason": (
        lossy(Expectation(verdict="fail", because=("fault.moves",), moves="queue-leader")), "fail", "fail",
    ),
    "failed for one of two reasons": (
        lossy(Expectation(verdict="fail", because=("messages.lost", "vip.holders"))), "fail", "fail",
    ),
    "could not tell": (
        [e for e in clean(LOSES) if not isinstance(e, h.Drained)], "unknown", "unknown",
    ),
    "no control": (lossy(Expectation()), "fail", "fail"),
}  # fmt: skip
CODES = {"pass": 0, "fail": 1, "unknown": 3}


@pytest.mark.parametrize("name", CASES)
def test_a_control_is_judged_by_how_it_failed(name: str, tmp_path: Path) -> None:
    events, outcome, as_expected = CASES[name]
    verdict = judge(whole(events))
    assert (verdict.outcome, verdict.as_expected, total([verdict])) == (outcome, as_expected, as_expected)
    path = tmp_path / "h"
    journal = Journal(path)
    journal.write(*events)
    journal.close()
    done = CliRunner().invoke(APP, ["--replay", str(path)])
    assert done.exit_code == CODES[as_expected]


def test_the_command_says_that_a_control_failed_as_it_must(tmp_path: Path) -> None:
    path = tmp_path / "h"
    journal = Journal(path)
    journal.write(*lossy(LOSES))
    journal.close()
    said = CliRunner().invoke(APP, ["--replay", str(path)]).stdout
    assert "fail, as it must" in said
    assert "FAILED" not in said.splitlines()[-1]


def test_a_control_among_others_hides_no_failure() -> None:
    control, bad, good = judge(whole(lossy(LOSES))), judge(whole(lossy(Expectation()))), judge(whole(clean()))
    assert total([control, good]) == "pass"
    assert total([control, bad]) == "fail"


def test_the_bundled_controls_expect_to_fail_and_say_where() -> None:
    known = {finding.gate for finding in judge(whole(clean(Expectation(moves="queue-leader")))).findings}
    assert len(CONTROLS) == 7
    for control in CONTROLS:
        assert control.expect.verdict == "fail"
        assert control.expect.because
        assert set(control.expect.because) <= known | set(limits.GATES.values())
        assert control.run == "by-name"
    assert not [
        item for item in scenarios.choose(Choice(breadth="with-all")) if item.name.startswith("control-")
    ]


def test_a_scenario_says_what_it_needs_of_the_clients() -> None:
    (control,) = scenarios.choose(Choice(("control-transient-messages",)))
    settings = control.settings(WorkloadSettings(size=1024))
    assert (settings.delivery, settings.consume, settings.size) == ("transient", "after-healing", 1024)


@pytest.mark.parametrize("workload", ["{colour: red}", "{queues: 0}", "{delivery: by-hand}"])
def test_a_workload_that_makes_no_sense(workload: str) -> None:
    text = f"title: t\nfault: kill-broker\ntarget: queue-leader\nworkload: {workload}\n"
    with pytest.raises(UsageError, match=r"own\.yaml: workload"):
        scenarios.parse(text, "own.yaml")


def test_a_plain_queue_is_one_that_no_mirroring_policy_matches() -> None:
    assert WorkloadSettings().queue_policy is None
    assert WorkloadSettings(queue_type="plain").queue_policy == {"expires": 3_600_000}
    assert WorkloadSettings(policy={"ha-mode": "all"}).queue_policy == {"ha-mode": "all"}


def test_there_is_a_publisher_for_each_queue() -> None:
    assert WorkloadSettings(publishers=2, queues=3).names == ("p1", "p2", "p3")
    assert WorkloadSettings(publishers=3, queues=2).names == ("p1", "p2", "p3")


def test_a_returned_message_ends_no_gap() -> None:
    """A plain queue that is down: its messages come back, and are confirmed at once."""
    events = clean(Expectation(publish_gap=2))
    back = [
        event(h.Returned, e.t, client="p1", epoch=1, tag=e.first)
        for e in events
        if isinstance(e, h.Confirmed) and 6.05 < e.t < 11.05
    ]
    tags = {e.tag for e in back if isinstance(e, h.Returned)}
    kept = [e for e in events if not (isinstance(e, h.Delivered) and e.spans[0].tag in tags)]
    verdict = judge(whole([*back, *kept]))
    assert (verdict.messages.returned, verdict.messages.lost) == (50, 0)
    assert verdict.continuity.publish_gap == pytest.approx(5.1)
    assert {f.gate for f in verdict.findings if f.outcome == "fail"} == {"continuity.publish"}


def test_the_first_publish_of_a_message_counts() -> None:
    """Sent again under the same id, its latency runs from the first time."""
    again = published(9, 3, tag=1, epoch=2)
    found = judge(whole([*clean(), again, event(h.Confirmed, 9.5, client="p1", epoch=2, first=1, last=1)]))
    assert found.messages.resent == 1
    assert found.continuity.latency["max"] == pytest.approx(0.01)
