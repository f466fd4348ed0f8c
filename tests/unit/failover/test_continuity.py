"""Gaps, latencies and moves with exact figures."""

from __future__ import annotations

import pytest

from mqctl.model import history as h
from mqctl.model.verdict import Continuity, Effects, Gap
from mqctl.verdict.continuity import measure, percentile
from mqctl.verdict.effects import see
from tests.unit.failover.histories import QUEUE, at, clean, confirmed, delivered, event, published, whole


def phase(t: float, name: str) -> h.Event:
    return event(h.Phase, t, name=name)


def steady(first: int, last: int) -> list[h.Event]:
    """A message each 100 ms, confirmed after 10, delivered after 20."""
    return [
        e
        for seq in range(first, last + 1)
        for e in (
            published(10 + seq / 10, seq),
            confirmed(10 + seq / 10 + 0.01, seq),
            delivered(10 + seq / 10 + 0.02, seq),
        )
    ]


def test_no_load_measures_nothing() -> None:
    assert measure(whole([])) == Continuity()
    assert measure(whole([published(1, 1), confirmed(2, 1)])) == Continuity()


def test_a_known_pause_is_found() -> None:
    fault = event(h.FaultInjected, 15.06, fault="kill-broker", host="mq1")
    events = [phase(10, "load"), *steady(1, 50), fault, *steady(73, 100), phase(20.1, "finish")]
    found = measure(whole(events))
    assert found.threshold == 0.5
    assert (found.publish_gap, found.publish_gap_total) == (2.3, 2.3)
    assert (found.delivery_gap, found.delivery_gap_total) == (2.3, 2.3)
    assert found.gaps == (
        Gap(client="p1", start=5.01, seconds=2.3),
        Gap(client="c1", start=5.02, seconds=2.3),
    )
    assert found.latency == {"p50": 0.01, "p95": 0.01, "p99": 0.01, "max": 0.01}
    assert found.rate == pytest.approx(78 / 10.1, abs=0.1)


def test_a_client_that_never_works_again_has_a_gap_until_the_end() -> None:
    events = [phase(10, "load"), *steady(1, 50), phase(25.01, "finish"), confirmed(27, 51), delivered(27, 51)]
    found = measure(whole(events))
    assert (found.publish_gap, found.delivery_gap) == (10.0, 9.99)


def test_one_publisher_of_two_stalls() -> None:
    """The other one's confirms must not hide it."""
    other = [e.model_copy(update={"client": "p2"}) for e in steady(1, 20) if not isinstance(e, h.Delivered)]
    found = measure(whole([phase(10, "load"), *steady(1, 100), *other, phase(20.1, "finish")]))
    assert found.publish_gap == pytest.approx(8.09)
    assert {gap.client for gap in found.gaps} == {"p2"}


def test_latency_counts_from_when_the_message_was_due_first() -> None:
    late = published(12, 1).model_copy(update={"late": 0.5})
    again = published(14, 1, tag=1, epoch=2)
    events = [phase(10, "load"), late, again, confirmed(15, 1, epoch=2), phase(16, "finish")]
    assert measure(whole(events)).latency["max"] == 3.5


@pytest.mark.parametrize(("q", "value"), [(1, 1), (50, 2), (75, 3), (76, 4), (99, 4), (100, 4)])
def test_percentile_is_nearest_rank(q: float, value: float) -> None:
    assert percentile([1, 2, 3, 4], q) == value


def test_effects_of_the_clean_history() -> None:
    assert see(whole(clean())) == Effects(
        fault="kill-broker",
        host="mq1",
        evidence="process 7 is gone",
        confirmed_before=50,
        published_during=50,
        confirmed_after=50,
        leader_moved=0.35,
        leader_confirmed=0.36,
        node_gone=0.25,
        node_back=6.25,
        holders=("lb2",),
    )


def test_a_vip_that_the_broken_host_had_not_moves_for_another_reason() -> None:
    assert see(whole(at("lb1", clean()))).holder_moved == 0.45
    assert [see(whole(at(host, clean()))).holder_moved for host in ("lb2", "mq1")] == [None, None]


def test_a_router_is_gone_when_it_is_silent() -> None:
    events = [
        event(h.HoldersSeen, 1, routers=("lb1", "lb2"), holders=("lb1",)),
        event(h.FaultInjected, 2, fault="power-off", host="lb1"),
        event(h.HoldersSeen, 3, routers=("lb1", "lb2"), holders=(), silent=("lb1",)),
        event(h.HoldersSeen, 5, routers=("lb1", "lb2"), holders=("lb2",), silent=("lb1",)),
        event(h.HoldersSeen, 9, routers=("lb1", "lb2"), holders=("lb2",)),
    ]
    seen = see(whole(events))
    assert (seen.node_gone, seen.holder_moved, seen.node_back) == (1, 3, 7)


def test_an_address_on_both_has_not_moved() -> None:
    events = [
        event(h.HoldersSeen, 1, routers=("lb1", "lb2"), holders=("lb1",)),
        event(h.FaultInjected, 2, fault="power-off", host="lb1"),
        event(h.HoldersSeen, 3, routers=("lb1", "lb2"), holders=("lb1", "lb2")),
    ]
    assert see(whole(events)).holder_moved is None
    assert see(whole([*events, event(h.Ended, 4)])).several_holders == 1


def test_two_queues_have_moved_when_both_have() -> None:
    def lives(t: float, queue: str, leader: str) -> h.Event:
        return event(h.QueueSeen, t, queue=queue, leader=leader)

    events = [
        lives(1, QUEUE, "mq1"),
        lives(1, "other", "mq1"),
        lives(1, "elsewhere", "mq3"),
        event(h.FaultInjected, 2, fault="kill-broker", host="mq1"),
        lives(3, QUEUE, "mq2"),
    ]
    assert see(whole(events)).leader_moved is None
    assert see(whole([*events, lives(4, "other", "mq3")])).leader_moved == 2


def lives(t: float, leader: str, *synchronised: str) -> h.Event:
    return event(h.QueueSeen, t, queue=QUEUE, leader=leader, mirrors=synchronised, synchronised=synchronised)


KILL = event(h.FaultInjected, 2, fault="kill-broker", host="mq1")


def test_mirrors_are_in_sync_again_when_there_are_as_many_copies_as_before() -> None:
    events = [lives(1, "mq1", "mq2", "mq3"), KILL, lives(3, "mq2", "mq3"), lives(9, "mq2", "mq1", "mq3")]
    assert see(whole(events[:3])).in_sync is None
    assert see(whole(events)).in_sync == 7


def test_mirrors_that_were_never_missed_have_no_return() -> None:
    assert see(whole([lives(1, "mq1", "mq2"), KILL, lives(3, "mq1", "mq2")])).in_sync is None


def test_the_new_leaders_first_confirm_is_of_something_published_to_it() -> None:
    """A confirm that was on its way when the leader moved is the old one's."""
    begin = [lives(1, "mq1", "mq2"), published(1.5, 1), KILL, lives(3, "mq2"), confirmed(3.2, 1)]
    assert see(whole(begin)).leader_confirmed is None
    assert see(whole([*begin, published(4, 2), confirmed(4.5, 2)])).leader_confirmed == 2.5


def in_turn(*times: tuple[float, str]) -> list[h.Event]:
    return [
        e
        for t, host in times
        for e in (
            event(h.FaultInjected, t, fault="kill-broker", host=host),
            event(h.FaultObserved, t + 0.1, fault="kill-broker", host=host, evidence=f"{host} is gone"),
            event(h.FaultHealed, t + 1, fault="kill-broker", host=host),
        )
    ]


def test_of_faults_in_turn_the_worst_counts() -> None:
    rounds = in_turn((10, "mq1"), (20, "mq2"))
    looks = [lives(1, "mq1", "mq2"), lives(10.5, "mq2"), lives(15, "mq2", "mq1"), lives(22, "mq1")]
    load = [published(t, n + 1) for n, t in enumerate((5, 10.5, 20.5))]
    seen = see(whole([*rounds, *looks, *load]))
    assert (seen.host, seen.evidence) == ("mq1, mq2", "mq1 is gone; mq2 is gone")
    assert (seen.leader_moved, seen.in_sync, seen.published_during) == (2, None, 1)


def test_one_of_the_faults_without_evidence_is_no_evidence() -> None:
    rounds = [
        e for e in in_turn((10, "mq1"), (20, "mq2")) if not (isinstance(e, h.FaultObserved) and e.t > 15)
    ]
    assert see(whole(rounds)).evidence is None


def test_a_leader_that_did_not_move_in_one_round_has_not_moved() -> None:
    rounds = in_turn((10, "mq1"), (20, "mq2"))
    looks = [lives(1, "mq1", "mq2"), lives(10.5, "mq2"), lives(15, "mq2", "mq1")]
    assert see(whole([*rounds, *looks])).leader_moved is None
