"""The picture of a history: buckets, bands, lanes, stalls and moments, against hand-written histories."""

from __future__ import annotations

import pytest

from mqctl.model import history as h
from mqctl.model.timeline import Band, Buckets, Spell, Stall
from mqctl.model.verdict import Gap
from mqctl.verdict import chart, continuity, lanes, timeline
from mqctl.verdict.axis import Axis
from tests.unit.failover.histories import clean, confirmed, delivered, event, published, whole


def build(*events: h.Event) -> timeline.Timeline:
    recorded = whole(list(events))
    return timeline.build(recorded, continuity.measure(recorded).gaps)


def test_buckets_count_and_take_latency_where_it_was_due() -> None:
    built = build(
        event(h.Phase, 10.0, name="load"),
        published(10.05, 1, count=2),
        published(10.1, 3),  # on the border: the later bucket
        confirmed(10.31, 1, 3),
        delivered(10.32, 1, 2),
        event(h.Phase, 10.39, name="finish"),
    )
    assert built.buckets == Buckets(
        start=0,
        width=0.1,
        published=(2, 1, 0, 0),
        confirmed=(0, 0, 0, 3),
        delivered=(0, 0, 0, 2),
        p50=(0.26, 0.21, None, None),
        p99=(0.26, 0.21, None, None),
    )


def test_what_comes_before_the_load_is_negative() -> None:
    built = build(published(9.95, 1), event(h.Phase, 10.0, name="load"), confirmed(10.05, 1))
    assert (built.start, built.buckets.start) == (-0.05, -0.1)
    assert (built.buckets.published, built.buckets.confirmed) == ((1, 0), (0, 1))


def test_an_empty_history_has_an_empty_picture() -> None:
    built = timeline.build(h.History(events=()), ())
    assert (built.start, built.end, built.buckets, built.lanes) == (0, 0, Buckets(), ())
    assert chart.picture(built).bands == ()


def injected(t: float, host: str, fault: str = "kill-broker") -> h.Event:
    return event(h.FaultInjected, t, fault=fault, host=host)


def healed(t: float, host: str, fault: str = "kill-broker") -> h.Event:
    return event(h.FaultHealed, t, fault=fault, host=host)


def heal(t: float) -> h.Event:
    return event(h.Phase, t, name="heal")


def recovered(t: float) -> h.Event:
    return event(h.Recovered, t, healthy=True)


BANDS = {
    "one fault, healed, recovered": (
        [injected(1, "mq1"), heal(5), healed(6, "mq1"), recovered(9)],
        [("fault", "kill-broker mq1", 1, 5), ("healing", "healing", 5, 9)],
    ),
    "without the phase, healing begins when it is done": (
        [injected(1, "mq1"), healed(6, "mq1"), recovered(9)],
        [("fault", "kill-broker mq1", 1, 6), ("healing", "healing", 6, 9)],
    ),
    "several hosts at once are one band": (
        [injected(1, "mq1"), injected(1, "mq2"), heal(5), healed(6, "mq1"), healed(7, "mq2"), recovered(9)],
        [("fault", "kill-broker mq1, mq2", 1, 5), ("healing", "healing", 5, 9)],
    ),
    "one after the other": (
        [injected(1, "mq1"), heal(2), injected(4, "mq2"), heal(5), recovered(6)],
        [
            ("fault", "kill-broker mq1", 1, 2),
            ("healing", "healing", 2, 4),
            ("fault", "kill-broker mq2", 4, 5),
            ("healing", "healing", 5, 6),
        ],
    ),
    "never healed": ([injected(1, "mq1"), event(h.Ended, 8)], [("fault", "kill-broker mq1", 1, 8)]),
    "never recovered": (
        [injected(1, "mq1"), heal(5), event(h.Ended, 8)],
        [("fault", "kill-broker mq1", 1, 5), ("healing", "healing", 5, 8)],
    ),
    "nothing broken": ([event(h.Ended, 8)], []),
}


@pytest.mark.parametrize("name", BANDS)
def test_bands(name: str) -> None:
    events, expected = BANDS[name]
    assert [(b.kind, b.label, b.start, b.end) for b in timeline.bands(events)] == expected


def gap(start: float, seconds: float, client: str = "p1") -> Gap:
    return Gap(client=client, start=start, seconds=seconds)


def test_overlapping_gaps_are_one_stall_with_the_longest_of_them() -> None:
    found = timeline.stalls([gap(8, 1), gap(3.1, 2, "p2"), gap(3, 1.5)])
    assert found == [Stall(start=3, end=5.1, longest=2), Stall(start=8, end=9, longest=1)]
    assert timeline.stalls([]) == []


def test_stalls_of_publishers_and_of_consumers_are_apart() -> None:
    built = timeline.build(whole(clean()), [gap(1, 2, "p1"), gap(4, 3, "c1")])
    assert built.publish_stalls == (Stall(start=1, end=3, longest=2),)
    assert built.delivery_stalls == (Stall(start=4, end=7, longest=3),)
    texts = {moment.at: moment.text for moment in built.moments if moment.weight == "gap"}
    assert texts == {1: "publishing interrupted for 2.00 s", 4: "delivery interrupted for 3.00 s"}


def rows(built: timeline.Timeline) -> dict[str, list[tuple[float, float, str, str]]]:
    return {lane.name: [(s.start, s.end, s.state, s.label) for s in lane.spells] for lane in built.lanes}


def test_lanes() -> None:
    found = rows(build(*clean()))
    assert found["VIP holder"] == [(-0.5, 5.5, "good", "lb1"), (5.5, 16.2, "moved", "lb2")]
    assert found["queue leader"] == [(-0.5, 5.4, "good", "mq1"), (5.4, 16.2, "moved", "mq2")]
    assert found["mirrors in sync"] == [(-0.5, 5.4, "good", "1 of 1"), (5.4, 16.2, "down", "0 of 1")]
    assert found["node mq1"] == [
        (-0.5, 5.3, "good", "running"),
        (5.3, 11.3, "down", "stopped"),
        (11.3, 16.2, "good", "running"),
    ]
    assert found["router lb1"] == [(-0.5, 5.5, "good", "answers"), (5.5, 16.2, "down", "no answer")]
    assert "blocked by alarm" not in found


def looks(*events: h.Event) -> dict[str, list[tuple[str, str]]]:
    found = lanes.all_of(events, 10)
    return {lane.name: [(spell.state, spell.label) for spell in lane.spells] for lane in found}


def test_two_holders_and_no_holder_are_told_apart() -> None:
    seen = [("lb1",), ("lb1", "lb2"), (), ("lb2",), ("lb2",)]
    events = [event(h.HoldersSeen, t, routers=("lb1", "lb2"), holders=who) for t, who in enumerate(seen)]
    assert looks(*events)["VIP holder"] == [
        ("good", "lb1"),
        ("conflict", "lb1 + lb2"),
        ("down", "nobody"),
        ("moved", "lb2"),
    ]


def test_clients_and_alarms() -> None:
    started = {"run": "r", "topology": "t", "scenario": "s", "queues": ("q",)}
    events = (
        event(h.Started, 0, publishers=("p1", "p2"), consumers=("c1",), **started),
        event(h.Connected, 1, client="p1", epoch=1, endpoint="a"),
        event(h.Connected, 2, client="p2", epoch=1, endpoint="a"),
        event(h.Blocked, 3, client="p1", blocked=True),
        event(h.Blocked, 4, client="p1", blocked=False),
        event(h.Disconnected, 5, client="p1", epoch=1, opened=True, reason="x"),
        event(h.Disconnected, 6, client="p2", epoch=1, opened=True, reason="x"),
        event(h.Finished, 7, client="p1"),
        event(h.Finished, 8, client="p2"),
    )
    found = looks(*events)
    assert found["publishers"] == [
        ("degraded", "1 of 2 connected"),
        ("good", "2 of 2 connected"),
        ("degraded", "1 of 2 connected"),
        ("down", "0 of 2 connected"),
        ("down", "0 of 1 connected"),
        ("unknown", "finished"),
    ]
    assert found["blocked by alarm"] == [("degraded", "1 blocked"), ("good", "not blocked")]


def test_a_queue_without_a_leader() -> None:
    queue = "mqctl.failover.r.s.2"
    events = (
        event(h.QueueSeen, 0, queue=queue, leader="mq1"),
        event(h.QueueSeen, 1, queue=queue, leader=None),
        event(h.QueueSeen, 2, queue=queue, leader="mq1"),
    )
    assert looks(*events) == {"queue leader": [("good", "mq1"), ("down", "no leader"), ("good", "mq1")]}


def test_merging_buckets_keeps_sums_and_the_worst_latency() -> None:
    size = 1200
    fine = Buckets(
        published=(1,) * size,
        confirmed=(1,) * size,
        delivered=(2,) * size,
        p50=(0.1, None) * (size // 2),
        p99=(None,) * size,
    )
    coarse = chart.merged(fine)
    assert (coarse.width, len(coarse.confirmed)) == (0.2, 600)
    assert (set(coarse.confirmed), set(coarse.delivered)) == ({2}, {4})
    assert (set(coarse.p50), set(coarse.p99)) == ({0.1}, {None})
    assert chart.merged(Buckets(confirmed=(1,) * 600)) == Buckets(confirmed=(1,) * 600)


def picture(**fields: object) -> chart.Picture:
    return chart.picture(timeline.Timeline(start=0, end=10, **fields))  # type: ignore[arg-type]


def test_marks_lie_where_their_times_are() -> None:
    drawn = picture(
        fault=2.5,
        bands=(Band(kind="fault", label="x", start=2.5, end=5),),
        publish_stalls=(Stall(start=3, end=4.5, longest=1.5),),
    )
    (band,) = drawn.bands
    assert (band.left, band.width, band.tip) == (25, 25, "x: 0.00 s to 2.50 s")
    (stall,) = drawn.charts[0].stalls
    assert (stall.left, stall.width, stall.label) == (30, 15, "no confirm for 1.50 s")
    assert [(tick.at, tick.label) for tick in drawn.ticks] == [
        (5, "−2 s"),
        (25, "0 s"),
        (45, "2 s"),
        (65, "4 s"),
        (85, "6 s"),
    ]


def test_curves_are_stairs() -> None:
    buckets = Buckets(
        start=0, width=5, confirmed=(10, 0), delivered=(0, 0), p50=(0.01, None), p99=(0.1, None)
    )
    confirmed_, _, latency = picture(buckets=buckets).charts
    assert [path.d for path in confirmed_.paths] == ["M0 100V33.3H500V100H1000V100Z"]
    assert [path.d for path in latency.paths] == ["M0 50V0H500V50Z", "M0 50H500"]
    assert [mark.label for mark in confirmed_.grid] == ["3/s", "2/s"]


def test_what_lies_outside_the_picture_is_cut() -> None:
    axis = Axis(0, 10, 0)
    box = axis.box(Spell(start=-5, end=20, state="good", label="x"))
    assert (box.left, box.width) == (0, 100)
