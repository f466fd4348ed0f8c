"""An unavailability that is expected must be there, must be told, and excuses no loss."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner

from mqctl.faults import scenarios
from mqctl.model import history as h
from mqctl.model.objectives import Objectives
from mqctl.model.scenario import Expectation
from mqctl.model.workload import Patience, WorkloadSettings
from mqctl.verdict.bounds import bounds
from mqctl.verdict.judge import judge
from mqctl.verdict.summary import reasons, sentence
from mqctl.workload.journal import Journal
from tests.topologies import mirrored_3node
from tests.unit.failover.histories import clean, confirmed, event, published, whole
from tests.unit.failover.test_command import APP

STOPS = Expectation(publishing="stops")
SEEN, HEALED = 6.1, 11.05
"""When the fault of the clean history shows, and when it is healed."""


def stopped(*more: h.Event) -> list[h.Event]:
    """Nothing is confirmed while the fault lasts; all of it is right after."""
    late = [
        e.model_copy(update={"t": 11.5 + e.t / 100})
        if isinstance(e, h.Confirmed | h.Delivered) and SEEN <= e.t < HEALED
        else e
        for e in clean(STOPS)
    ]
    return [*late, *more]


def found(events: list[h.Event]) -> tuple[str, str]:
    (finding,) = [one for one in judge(whole(events)).findings if one.gate == "fault.stops"]
    return finding.outcome, finding.got


def test_nothing_stored_until_it_is_healed_is_what_was_expected() -> None:
    gone = event(h.Disconnected, 7, client="p1", epoch=1, opened=True, reason="reset")
    assert found(stopped(gone)) == ("pass", "nothing for 5.0 s; clients saw 1 connections end or fail")
    verdict = judge(whole(stopped(gone)))
    assert verdict.outcome == "pass"
    assert sentence([verdict]).endswith("(150 confirmed, 1 fault, 1 of which stopped publishing as expected)")
    told = "s: publishing stopped as expected of this topology: nothing for 5.0 s; clients saw 1"
    assert any(reason.startswith(told) for reason in reasons("pass", [verdict]))


def test_publishing_that_goes_on_is_not_what_was_expected() -> None:
    assert found(clean(STOPS)) == ("fail", "50 confirmed")
    assert judge(whole(clean(STOPS))).outcome == "fail"


def test_a_returned_message_is_confirmed_and_stored_nowhere() -> None:
    copy = [published(7, 900, tag=900), confirmed(7.2, 900)]
    back = event(h.Returned, 7.1, client="p1", epoch=1, tag=900, reason="NO_ROUTE")
    assert found(stopped(*copy, back)) == ("pass", "nothing for 5.0 s; clients saw 1 messages come back")
    assert found(stopped(*copy)) == ("fail", "1 confirmed")


def test_refusals_count_and_silence_is_told() -> None:
    refused = event(h.Nacked, 7, client="p1", epoch=1, first=60, last=64)
    assert found(stopped(refused)) == ("pass", "nothing for 5.0 s; clients saw 5 messages refused")
    assert found(stopped()) == ("pass", "nothing for 5.0 s; clients saw nothing at all")


def test_a_fault_that_nobody_saw_proves_nothing() -> None:
    unseen = [e for e in stopped() if not isinstance(e, h.FaultObserved)]
    assert found(unseen) == ("unknown", "nobody saw it from its beginning to its end")
    endless = [e for e in stopped() if not isinstance(e, h.FaultHealed)]
    assert found(endless)[0] == "unknown"


def test_a_loss_is_a_loss_all_the_same() -> None:
    lost = [e for e in stopped() if not (isinstance(e, h.Delivered) and e.spans[0].seq == 60)]
    assert judge(whole(lost)).outcome == "fail"


def test_its_gaps_have_no_limit_not_even_one_of_the_inventory() -> None:
    scenario = next(one for one in scenarios.bundled() if one.name == "lose-queue-node")
    topology = mirrored_3node().model_copy(update={"objectives": Objectives(publish_gap=5, node_back=60)})
    settings = scenario.settings(WorkloadSettings())
    assert [one.metric for one in bounds(topology, scenario, settings, Patience())] == ["node_back"]


def test_the_terminal_says_so(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "h")
    journal.write(*stopped())
    journal.close()
    done = CliRunner().invoke(APP, ["--replay", str(tmp_path / "h")])
    assert done.exit_code == 0
    assert (
        "expected s: publishing stops with its broker: nothing for 5.0 s; clients saw nothing" in done.stdout
    )
