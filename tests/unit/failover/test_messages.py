"""Hand-written histories with exact counts, and random ones against an oracle that shares no code."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.model import history as h
from mqctl.model.verdict import MessageCounts, Reordered
from mqctl.verdict.messages import count
from tests.unit.failover.histories import QUEUE, confirmed, delivered, event, published, whole

OTHER = "mqctl.failover.r.2"


def started(routes: dict[str, tuple[str, ...]]) -> h.Event:
    return event(
        h.Started, 0, run="r", topology="t", scenario="s", publishers=("p1", "p2"), consumers=("c1",),
        queues=(QUEUE, OTHER), routes=routes,
    )  # fmt: skip


BOTH = started({"p1": (QUEUE, OTHER)})
DRAINED = event(h.Drained, 99, complete=True, left=0)
STUCK = event(h.Drained, 99, complete=False, left=3)


def nacked(t: float, tag: int) -> h.Event:
    return event(h.Nacked, t, client="p1", epoch=1, first=tag, last=tag)


def unknown(t: float, tag: int, epoch: int = 1) -> h.Event:
    return event(h.Unknown, t, client="p1", epoch=epoch, first=tag, last=tag, reason="gone")


def returned(t: float, tag: int) -> h.Event:
    return event(h.Returned, t, client="p1", epoch=1, tag=tag, reason="312 NO_ROUTE")


CASES = {
    "nothing": ([DRAINED], {}),
    "one message": (
        [published(1, 1), confirmed(2, 1), delivered(3, 1), DRAINED],
        {"sent": 1, "confirmed": 1, "delivered": 1},
    ),
    "lost after the drain": (
        [published(1, 1, 5), confirmed(2, 1, 5), delivered(3, 1), delivered(4, 5), DRAINED],
        {
            "sent": 5, "confirmed": 5, "delivered": 2, "lost": 3, "missing": 3,
            "lost_ids": ("p1/2-4",),
        },
    ),
    "missing, and the drain did not end": (
        [published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 1), STUCK],
        {"sent": 2, "confirmed": 2, "delivered": 1, "lost": 0, "missing": 1, "lost_ids": ("p1/2",)},
    ),
    "missing, and nobody drained": (
        [published(1, 1), confirmed(2, 1)],
        {"sent": 1, "confirmed": 1, "lost": 0, "missing": 1, "lost_ids": ("p1/1",)},
    ),
    "delivered twice before its confirm, flagged": (
        [
            published(1, 1), delivered(2, 1), delivered(3, 1, again=True, subscription=2), confirmed(4, 1),
            DRAINED,
        ],
        {"sent": 1, "confirmed": 1, "delivered": 1, "duplicated": 1, "repeats_flagged": 1},
    ),
    "delivered twice, silently": (
        [published(1, 1), delivered(2, 1), delivered(3, 1), confirmed(4, 1), DRAINED],
        {"sent": 1, "confirmed": 1, "delivered": 1, "duplicated": 1, "repeats_silent": 1},
    ),
    "unknown, sent again, both stored": (
        [
            published(1, 1), unknown(2, 1), published(3, 1, tag=1, epoch=2), confirmed(4, 1, epoch=2),
            delivered(5, 1), delivered(6, 1, tag=1, epoch=2), DRAINED,
        ],
        {
            "sent": 1, "resent": 1, "confirmed": 1, "delivered": 1, "duplicated": 1, "repeats_resent": 1,
            "unknown": 1, "unknown_stored": 1,
        },
    ),
    "unknown, sent again, only the second stored": (
        [
            published(1, 1), unknown(2, 1), published(3, 1, tag=1, epoch=2), confirmed(4, 1, epoch=2),
            delivered(6, 1, tag=1, epoch=2), DRAINED,
        ],
        {"sent": 1, "resent": 1, "confirmed": 1, "delivered": 1, "unknown": 1},
    ),
    "unknown and never heard of again is not lost": (
        [published(1, 1), unknown(2, 1), DRAINED],
        {"sent": 1, "unknown": 1},
    ),
    "no outcome at all is unknown": ([published(1, 1), DRAINED], {"sent": 1, "unknown": 1}),
    "returned, then confirmed: not stored, not lost": (
        [published(1, 1), returned(2, 1), confirmed(3, 1), DRAINED],
        {"sent": 1, "returned": 1},
    ),
    "confirmed, then returned: the same": (
        [published(1, 1), confirmed(2, 1), returned(3, 1), DRAINED],
        {"sent": 1, "returned": 1},
    ),
    "nacked but stored is legal": (
        [published(1, 1), nacked(2, 1), delivered(3, 1), DRAINED],
        {"sent": 1, "nacked": 1, "nacked_stored": 1, "delivered": 1},
    ),
    "swapped on one channel": (
        [published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 2), delivered(4, 1), DRAINED],
        {
            "sent": 2, "confirmed": 2, "delivered": 2, "reordered": 1,
            "reordered_by": (Reordered(publisher="p1", queue=QUEUE, messages=1),),
        },
    ),
    "behind, but flagged as redelivered": (
        [published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 2), delivered(4, 1, again=True), DRAINED],
        {"sent": 2, "confirmed": 2, "delivered": 2},
    ),
    "behind, but on another subscription": (
        [published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 2), delivered(4, 1, subscription=2), DRAINED],
        {"sent": 2, "confirmed": 2, "delivered": 2},
    ),
    "a late copy of a dead channel is no reordering": (
        [
            published(1, 1), unknown(2, 1), published(3, 2, tag=1, epoch=2), confirmed(4, 1, epoch=2),
            delivered(5, 2, tag=1, epoch=2), delivered(6, 1), DRAINED,
        ],
        {"sent": 2, "confirmed": 1, "delivered": 2, "unknown": 1, "unknown_stored": 1},
    ),
    "delivered, never published": (
        [published(1, 1), confirmed(2, 1), delivered(3, 1, 2), DRAINED],
        {"sent": 1, "confirmed": 1, "delivered": 1, "unexpected": 1},
    ),
    "a copy with another message's number": (
        [published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 1), delivered(4, 7, tag=2), DRAINED],
        {
            "sent": 2, "confirmed": 2, "delivered": 1, "unexpected": 1, "lost": 1, "missing": 1,
            "lost_ids": ("p1/2",),
        },
    ),
    "in both queues of a fanout: once each": (
        [BOTH, published(1, 1), confirmed(2, 1), delivered(3, 1), delivered(3, 1, queue=OTHER), DRAINED],
        {"sent": 1, "confirmed": 1, "delivered": 1},
    ),
    "in one queue of two: lost": (
        [
            BOTH, published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 1, 2), delivered(4, 2, queue=OTHER),
            DRAINED,
        ],
        {"sent": 2, "confirmed": 2, "delivered": 2, "lost": 1, "missing": 1, "lost_ids": ("p1/1",)},
    ),
    "twice in one queue of two": (
        [
            BOTH, published(1, 1), confirmed(2, 1), delivered(3, 1, queue=OTHER), delivered(3.5, 1),
            delivered(4, 1, queue=OTHER, again=True), DRAINED,
        ],
        {"sent": 1, "confirmed": 1, "delivered": 1, "duplicated": 1, "repeats_flagged": 1},
    ),
    "in a queue that it was never routed to": (
        [BOTH, published(1, 1), confirmed(2, 1), delivered(3, 1, queue="elsewhere"), DRAINED],
        {
            "sent": 1, "confirmed": 1, "unexpected": 1, "lost": 1, "missing": 1, "lost_ids": ("p1/1",),
        },
    ),
    "swapped in one queue, straight in the other": (
        [
            BOTH, published(1, 1, 2), confirmed(2, 1, 2), delivered(3, 1, 2), delivered(4, 2, queue=OTHER),
            delivered(5, 1, queue=OTHER), DRAINED,
        ],
        {
            "sent": 2, "confirmed": 2, "delivered": 2, "reordered": 1,
            "reordered_by": (Reordered(publisher="p1", queue=OTHER, messages=1),),
        },
    ),
    "foreign": (
        [event(h.Unexpected, 1, client="c1", epoch=1, queue=QUEUE, reason="damaged"), DRAINED],
        {"unexpected": 1},
    ),
    "confirmed, never published": (
        [confirmed(1, 1), DRAINED],
        {"contradictions": ("copy p1/1/1 is confirmed, but was never published",)},
    ),
    "confirmed and nacked": (
        [published(1, 1), confirmed(2, 1), nacked(3, 1), delivered(4, 1), DRAINED],
        {
            "sent": 1, "confirmed": 1, "delivered": 1,
            "contradictions": ("copy p1/1/1 is both confirmed and nacked",),
        },
    ),
    "one tag published twice": (
        [published(1, 1), published(2, 2, tag=1), DRAINED],
        {"sent": 1, "unknown": 1, "contradictions": ("copy p1/1/1 was published twice",)},
    ),
    "a delivery whose clock is before its publish counts": (
        [delivered(0.5, 1), published(1, 1), confirmed(2, 1), DRAINED],
        {"sent": 1, "confirmed": 1, "delivered": 1},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_counts(name: str) -> None:
    events, expected = CASES[name]
    assert count(whole(events)) == MessageCounts(**expected)


Step = tuple[str, int, bool]


@st.composite
def runs(draw: st.DrawFn) -> list[h.Event]:
    """What two publishers and a consumer may live through, broker bugs included; time is the order."""
    routes = st.sampled_from(((QUEUE,), (OTHER,), (QUEUE, OTHER)))
    events: list[h.Event] = [started(draw(st.dictionaries(st.sampled_from(("p1", "p2")), routes)))]
    copies: list[tuple[str, int, int, int]] = []
    tags: dict[tuple[str, int], int] = defaultdict(int)
    for t in range(draw(st.integers(0, 25))):
        publisher, epoch = draw(st.sampled_from(("p1", "p2"))), draw(st.integers(1, 2))
        kind = draw(st.sampled_from(("publish", "settle", "deliver", "deliver", "foreign")))
        if kind == "publish":
            length, seq = draw(st.integers(1, 3)), draw(st.integers(1, 5))
            tag = tags[publisher, epoch] + 1
            tags[publisher, epoch] += length
            copies += [(publisher, epoch, tag + n, seq + n) for n in range(length)]
            events.append(
                event(h.Published, t, client=publisher, epoch=epoch, seq=seq, tag=tag, count=length)
            )
        elif kind == "settle" and tags[publisher, epoch]:
            first = draw(st.integers(1, tags[publisher, epoch]))
            last = draw(st.integers(first, tags[publisher, epoch]))
            how = draw(st.sampled_from((h.Confirmed, h.Nacked, h.Unknown, h.Returned)))
            fields = {"tag": first} if how is h.Returned else {"first": first, "last": last}
            events.append(event(how, t, client=publisher, epoch=epoch, **fields))
        elif kind == "deliver" and copies:
            name, its_epoch, tag, seq = draw(st.sampled_from(copies))
            span = h.Span(name, its_epoch, seq, tag, draw(st.integers(1, 3)), draw(st.booleans()))
            subscription = draw(st.integers(1, 2))
            queue = draw(st.sampled_from((QUEUE, OTHER)))
            events.append(event(h.Delivered, t, client="c1", epoch=subscription, queue=queue, spans=(span,)))
        elif kind == "foreign":
            events.append(event(h.Unexpected, t, client="c1", epoch=1, queue=QUEUE, reason="?"))
    if draw(st.booleans()):
        events.append(event(h.Drained, 1000, complete=draw(st.booleans()), left=0))
    return events


def oracle(events: list[h.Event]) -> dict[str, int]:
    """By brute force over lists, from the definitions: every question scans everything."""
    copies = [
        (e.client, e.epoch, e.tag + n, e.seq + n)
        for e in events
        if isinstance(e, h.Published)
        for n in range(e.count)
    ]

    def said(kind: type, copy: tuple[str, int, int, int]) -> list[float]:
        return [
            e.t
            for e in events
            if isinstance(e, kind)
            and (e.client, e.epoch) == copy[:2]
            and (e.tag == copy[2] if isinstance(e, h.Returned) else e.first <= copy[2] <= e.last)
        ]

    def fate(copy: tuple[str, int, int, int]) -> str:
        if said(h.Returned, copy):
            return "returned"
        certain = sorted(
            [(t, "confirmed") for t in said(h.Confirmed, copy)]
            + [(t, "nacked") for t in said(h.Nacked, copy)]
        )
        return certain[0][1] if certain else "unknown"

    routes = next((e.routes for e in events if isinstance(e, h.Started)), {})
    got = [
        (e.epoch, e.queue, (s.publisher, s.epoch, s.tag + n, s.seq + n), s.redelivered)
        for e in events
        if isinstance(e, h.Delivered)
        for s in e.spans
        for n in range(s.length)
    ]
    real = [item for item in got if item[2] in copies and item[1] in routes.get(item[2][0], [item[1]])]
    ids = {(c[0], c[3]) for c in copies}

    def times(message: tuple[str, int], queue: str | None) -> int:
        return sum((c[0], c[3]) == message and queue in (None, q) for _, q, c, _ in real)

    def most(message: tuple[str, int]) -> int:
        return max(times(message, queue) for queue in routes.get(message[0], [None]))

    confirmed_ids = {(c[0], c[3]) for c in copies if fate(c) == "confirmed"}
    missing = {m for m in confirmed_ids if not all(times(m, q) for q in routes.get(m[0], [None]))}
    drained = [e.complete for e in events if isinstance(e, h.Drained)]
    repeats = {"flagged": 0, "silent": 0, "resent": 0}
    reordered: dict[tuple[str, str], int] = defaultdict(int)
    for i, (subscription, queue, copy, flag) in enumerate(real):
        earlier = [item for item in real[:i] if item[1] == queue or copy[0] not in routes]
        same_message = [c for _, _, c, _ in earlier if (c[0], c[3]) == (copy[0], copy[3])]
        if copy in same_message:
            repeats["flagged" if flag else "silent"] += 1
        elif same_message:
            repeats["resent"] += 1
        channel = [c for s, q, c, _ in earlier if (s, q) == (subscription, queue) and c[:2] == copy[:2]]
        if not flag and copy not in channel and any(c[2] > copy[2] for c in channel):
            reordered[copy[0], queue] += 1
    return {
        "sent": len(ids),
        "resent": len(copies) - len(ids),
        "confirmed": len(confirmed_ids),
        "missing": len(missing),
        "lost": len(missing) if drained == [True] else 0,
        "delivered": sum(most(message) > 0 for message in ids),
        "duplicated": sum(most(message) > 1 for message in ids),
        "repeats_flagged": repeats["flagged"],
        "repeats_silent": repeats["silent"],
        "repeats_resent": repeats["resent"],
        "reordered": sum(reordered.values()),
        "reordered_by": tuple(
            {"publisher": publisher, "queue": queue, "messages": number}
            for (publisher, queue), number in sorted(reordered.items())
        ),
        "unknown": sum(fate(c) == "unknown" for c in copies),
        "unknown_stored": sum(fate(c) == "unknown" for c in {c for _, _, c, _ in real}),
        "nacked": sum(fate(c) == "nacked" for c in copies),
        "nacked_stored": sum(fate(c) == "nacked" for c in {c for _, _, c, _ in real}),
        "returned": sum(fate(c) == "returned" for c in copies),
        "unexpected": len(got) - len(real) + sum(isinstance(e, h.Unexpected) for e in events),
    }


@given(runs())
def test_random_histories_agree_with_the_oracle(events: list[h.Event]) -> None:
    counts = count(whole(events)).model_dump(exclude={"lost_ids", "contradictions"})
    assert counts == oracle(events)


def test_names_of_the_missing_are_bounded() -> None:
    events = [published(1, 1, 100), confirmed(2, 1, 100), *(delivered(3, seq) for seq in range(2, 101, 2))]
    counts = count(whole([*events, DRAINED]))
    assert counts.lost == 50
    assert len(counts.lost_ids) == 20
    assert counts.lost_ids[:2] == ("p1/1", "p1/3")
