"""A clean history passes; every rule says no to one spoiled in its own way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mqctl.model import history as h
from mqctl.model.gate import Outcome
from mqctl.model.history import History
from mqctl.model.scenario import Expectation
from mqctl.model.verdict import Verdict
from mqctl.verdict.judge import judge, total
from tests.unit.failover.histories import QUEUE, at, clean, delivered, event, published, whole

STRICT = Expectation(publish_gap=1, delivery_gap=1, moves="queue-leader")
Events = list[h.Event]


def without(*kinds: type, **fields: object) -> Callable[[Events], Events]:
    """Drops events of a kind that have these fields."""

    def spoil(events: Events) -> Events:
        return [
            e
            for e in events
            if not (isinstance(e, kinds) and all(getattr(e, name) == value for name, value in fields.items()))
        ]

    return spoil


def plus(*more: h.Event) -> Callable[[Events], Events]:
    return lambda events: [*events, *more]


def replaced(kind: type, **fields: object) -> Callable[[Events], Events]:
    return lambda events: [e.model_copy(update=fields) if isinstance(e, kind) else e for e in events]


def outage(begin: float, end: float, *kinds: type) -> Callable[[Events], Events]:
    """Nothing of these kinds between two moments; what would have been comes right after."""
    return lambda events: [
        e.model_copy(update={"t": end}) if isinstance(e, kinds) and begin < e.t < end else e for e in events
    ]


def lose(seq: int) -> Callable[[Events], Events]:
    return lambda events: [e for e in events if not (isinstance(e, h.Delivered) and e.spans[0].seq == seq)]


def before(t: float, *kinds: type) -> Callable[[Events], Events]:
    return lambda events: [e for e in events if not (isinstance(e, kinds) and e.t < t)]


def after(t: float, *kinds: type) -> Callable[[Events], Events]:
    return lambda events: [e for e in events if not (isinstance(e, kinds) and e.t > t)]


CASES: dict[str, tuple[Callable[[Events], Events], Outcome, dict[str, Outcome]]] = {
    "clean": (plus(), "pass", {}),
    "one delivery dropped": (lose(70), "fail", {"messages.lost": "fail"}),
    "one delivery dropped, drain cut": (
        lambda e: replaced(h.Drained, complete=False)(lose(70)(e)),
        "unknown",
        {"messages.lost": "unknown", "messages.drained": "unknown"},
    ),
    "drain cut, nothing missing": (
        replaced(h.Drained, complete=False, left=None), "unknown", {"messages.drained": "unknown"},
    ),
    "never drained": (without(h.Drained), "unknown", {"messages.drained": "unknown"}),
    "a confirm dropped: less is claimed": (without(h.Confirmed, first=70), "pass", {}),
    "delivered twice": (plus(delivered(14, 70), delivered(15, 71, again=True)), "pass", {}),
    "a message of nobody": (
        plus(event(h.Unexpected, 9, client="c1", epoch=1, queue=QUEUE, reason="another run")),
        "fail",
        {"messages.unexpected": "fail"},
    ),
    "nothing confirmed": (
        without(h.Confirmed),
        "fail",
        {"messages.lost": "unknown", "fault.load": "unknown", "continuity.publish": "fail"},
    ),
    "nothing delivered": (
        without(h.Delivered),
        "fail",
        {"messages.lost": "fail", "messages.unexpected": "unknown", "continuity.delivery": "unknown"},
    ),
    "no end": (without(h.Ended), "unknown", {"record.complete": "unknown"}),
    "no beginning": (without(h.Started), "unknown", {"record.complete": "unknown"}),
    "a client that did not finish": (
        without(h.Finished, client="c1"), "unknown", {"record.complete": "unknown"},
    ),
    "a contradiction": (
        plus(event(h.Nacked, 9, client="p1", epoch=1, first=3, last=3)),
        "unknown",
        {"record.complete": "unknown"},
    ),
    "a clock that steps back": (
        plus(published(0.2, 151)), "unknown", {"record.complete": "unknown"},
    ),
    "a fault without effect": (without(h.FaultObserved), "unknown", {"fault.effect": "unknown"}),
    "no fault at all": (
        without(h.FaultInjected, h.FaultObserved, h.FaultHealed),
        "unknown",
        {"fault.effect": "unknown", "fault.load": "unknown", "fault.moves": "unknown"},
    ),
    "nothing worked before the fault": (
        before(5, h.Confirmed), "fail", {"fault.load": "unknown", "continuity.publish": "fail"},
    ),
    "nothing was tried during the fault": (
        without(h.FaultHealed), "unknown", {"fault.load": "unknown"},
    ),
    "nothing worked after healing": (
        after(11, h.Confirmed), "fail", {"fault.load": "unknown", "continuity.publish": "fail"},
    ),
    "the leader stayed": (without(h.QueueSeen, leader="mq2"), "fail", {"fault.moves": "fail"}),
    "nobody saw the leader": (without(h.QueueSeen), "unknown", {"fault.moves": "unknown"}),
    "publishers stalled": (outage(7, 8.5, h.Confirmed), "fail", {"continuity.publish": "fail"}),
    "consumers stalled": (outage(7, 8.5, h.Delivered), "fail", {"continuity.delivery": "fail"}),
    "did not recover": (
        replaced(h.Recovered, healthy=False, detail="mirrors"), "fail", {"cluster.recovered": "fail"},
    ),
    "nobody looked whether it recovered": (without(h.Recovered), "unknown", {"cluster.recovered": "unknown"}),
    "two VIP holders": (
        plus(
            event(h.HoldersSeen, 13, routers=("lb1", "lb2"), holders=("lb1", "lb2")),
            event(h.HoldersSeen, 14.5, routers=("lb1", "lb2"), holders=("lb2",)),
        ),
        "fail",
        {"vip.holders": "fail"},
    ),
    "two VIP holders in one look only": (
        plus(
            event(h.HoldersSeen, 13, routers=("lb1", "lb2"), holders=("lb1", "lb2")),
            event(h.HoldersSeen, 13.3, routers=("lb1", "lb2"), holders=("lb2",)),
        ),
        "pass",
        {},
    ),
    "the wall clock steps back by an hour": (
        lambda events: [e.model_copy(update={"w": e.w - 3600}) if e.t > 8 else e for e in events], "pass", {},
    ),
    "the wall clock steps forward by a day": (
        lambda events: [e.model_copy(update={"w": e.w + 1e5}) if e.t > 8 else e for e in events], "pass", {},
    ),
    "two runs in one file": (
        lambda events: [*events, *(e.model_copy(update={"t": e.t + 20}) for e in events)],
        "unknown",
        {"record.complete": "unknown"},
    ),
    "a confirm for a publisher that nobody knows": (
        plus(event(h.Confirmed, 9, client="p9", epoch=1, first=1, last=3)),
        "unknown",
        {"record.complete": "unknown"},
    ),
    "delivered before it was confirmed, twice": (
        lambda events: [
            e.model_copy(update={"t": e.t + 0.05}) if isinstance(e, h.Confirmed) else e
            for e in [*events, *(delivered(e.t, e.spans[0].seq, again=True) for e in events
                                 if isinstance(e, h.Delivered))]
        ],
        "pass",
        {},
    ),
    "unknown, never confirmed, stored after all": (
        lambda events: [
            event(h.Unknown, e.t, client="p1", epoch=1, first=70, last=70, reason="gone")
            if isinstance(e, h.Confirmed) and e.first == 70 else e
            for e in events
        ],
        "pass",
        {},
    ),
    "everything came back": (
        lambda events: [
            *(event(h.Returned, e.t, client="p1", epoch=1, tag=e.first) for e in events
              if isinstance(e, h.Confirmed)),
            *(e for e in events if not isinstance(e, h.Delivered)),
        ],
        "fail",
        {
            "messages.lost": "unknown", "messages.unexpected": "unknown", "continuity.publish": "fail",
            "continuity.delivery": "unknown",
        },
    ),
    "empty": (lambda _: [], "unknown", {}),
}  # fmt: skip


def differing(verdict: Verdict) -> dict[str, Outcome]:
    return {f.gate: f.outcome for f in verdict.findings if f.outcome != "pass"}


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    spoil, outcome, findings = CASES[name]
    verdict = judge(whole(spoil(clean(STRICT))))
    assert verdict.outcome == outcome
    if findings or outcome == "pass":
        assert differing(verdict) == findings


def test_a_tool_that_died_right_after_the_fault_saw_nothing_fail() -> None:
    verdict = judge(whole([e for e in clean(STRICT) if e.t < 6.2], truncated=True))
    assert verdict.outcome == "unknown"
    assert differing(verdict)["fault.moves"] == "unknown"


def test_every_rule_has_said_no() -> None:
    gates = {f.gate for f in judge(whole(clean(STRICT))).findings}
    assert gates == {gate for _, _, findings in CASES.values() for gate in findings}


@pytest.mark.parametrize(
    ("where", "last", "outcome"),
    [
        ("returns", ("lb1",), "pass"),
        ("returns", ("lb2",), "fail"),
        ("returns", (), "unknown"),
        ("stays", ("lb2",), "pass"),
        ("stays", ("lb1",), "fail"),
        ("stays", ("lb1", "lb2"), "fail"),
    ],
)
def test_where_the_vip_is_in_the_end(where: str, last: tuple[str, ...], outcome: str) -> None:
    """lb1 had it before the fault."""
    expect = Expectation.model_validate({"vip_after": where})
    look = event(h.HoldersSeen, 13.5, routers=("lb1", "lb2"), holders=last)
    found = {f.gate: f.outcome for f in judge(whole([*clean(expect), look])).findings}
    assert found["vip.settled"] == outcome


def test_a_vip_that_nobody_saw_before_settles_nothing() -> None:
    expect = Expectation(vip_after="returns")
    late = [e for e in clean(expect) if not (isinstance(e, h.HoldersSeen) and e.t < 6)]
    found = {f.gate: f.outcome for f in judge(whole(late)).findings}
    assert found["vip.settled"] == "unknown"


def test_a_vip_that_does_not_move_fails() -> None:
    expect = Expectation(moves="vip-holder")
    assert judge(whole(at("lb1", clean(expect)))).outcome == "pass"
    stayed = without(h.HoldersSeen, holders=("lb2",))(at("lb1", clean(expect)))
    assert differing(judge(whole(stayed))) == {"fault.moves": "fail"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"damage": ("line 3: not JSON",)}, "line 3: not JSON"),
        ({"truncated": True}, "the last line is cut off"),
    ],
)
def test_a_record_with_holes_proves_nothing(fields: dict[str, object], said: str) -> None:
    verdict = judge(whole(clean(STRICT), **fields))
    assert differing(verdict) == {"record.complete": "unknown"}
    assert said in verdict.findings[0].got


def test_a_loss_that_may_be_a_hole_in_the_record_is_unknown() -> None:
    verdict = judge(whole(lose(70)(clean(STRICT)), damage=("line 3: not JSON",)))
    assert verdict.outcome == "unknown"
    assert verdict.messages.missing == 1


def test_the_loss_is_named() -> None:
    verdict = judge(whole(lose(70)(lose(71)(clean(STRICT)))))
    assert next(f for f in verdict.findings if f.gate == "messages.lost").got == "2 of 150 lost (p1/70-71)"


def test_the_worst_of_several_counts() -> None:
    good, bad = judge(whole(clean())), judge(whole(lose(70)(clean())))
    blind = judge(History(events=()))
    assert (total([good, good]), total([good, blind]), total([good, blind, bad])) == (
        "pass",
        "unknown",
        "fail",
    )
    assert total([]) == "unknown"


def test_a_look_that_the_fault_interrupted_says_nothing_of_before() -> None:
    """It was asked right before the fault, and its answer is that of a router that was dying."""
    expect = Expectation(moves="vip-holder", vip_after="stays")
    cut = event(h.HoldersSeen, 6.04, routers=("lb1", "lb2"), holders=(), silent=("lb1",))
    found = {f.gate: f.outcome for f in judge(whole([*at("lb1", clean(expect)), cut])).findings}
    assert (found["fault.moves"], found["vip.settled"]) == ("pass", "pass")
