"""Histories to judge: a clean one, and the pieces to spoil it with."""

from __future__ import annotations

from collections.abc import Sequence

from mqctl.model import history as h
from mqctl.model.scenario import Expectation

QUEUE = "mqctl.failover.r.1"


def event(kind: type, t: float, **fields: object) -> h.Event:
    """An event at a moment; wall time follows."""
    return kind(t=t, w=1_700_000_000 + t, **fields)  # type: ignore[no-any-return]


def published(t: float, seq: int, count: int = 1, tag: int | None = None, epoch: int = 1) -> h.Event:
    return event(
        h.Published, t, client="p1", epoch=epoch, seq=seq, tag=seq if tag is None else tag, count=count
    )


def confirmed(t: float, first: int, last: int | None = None, epoch: int = 1) -> h.Event:
    return event(h.Confirmed, t, client="p1", epoch=epoch, first=first, last=last or first)


def delivered(
    t: float,
    seq: int,
    count: int = 1,
    *,
    tag: int | None = None,
    epoch: int = 1,
    again: bool = False,
    subscription: int = 1,
    queue: str = QUEUE,
) -> h.Event:
    span = h.Span("p1", epoch, seq, seq if tag is None else tag, count, again)
    return event(h.Delivered, t, client="c1", epoch=subscription, queue=queue, spans=(span,))


def clean(expect: Expectation | None = None) -> list[h.Event]:
    """150 messages, 50 before the fault, 50 during it, 50 after; the VIP and the leader move; all is well."""
    events = [
        event(
            h.Started,
            0,
            run="r",
            topology="t",
            scenario="s",
            publishers=("p1",),
            consumers=("c1",),
            queues=(QUEUE,),
            rate=10.0,
            expect=expect or Expectation(),
        ),
        event(h.HoldersSeen, 0.5, routers=("lb1", "lb2"), holders=("lb1",)),
        event(h.QueueSeen, 0.5, queue=QUEUE, leader="mq1", mirrors=("mq2",), synchronised=("mq2",)),
        event(h.NodesSeen, 0.5, running=("mq1", "mq2")),
        event(h.Phase, 1, name="load"),
        event(h.FaultInjected, 6.05, fault="kill-broker", host="mq1"),
        event(h.FaultObserved, 6.1, fault="kill-broker", host="mq1", evidence="process 7 is gone"),
        event(h.NodesSeen, 6.3, running=("mq2",), stopped=("mq1",)),
        event(h.QueueSeen, 6.4, queue=QUEUE, leader="mq2"),
        event(h.HoldersSeen, 6.5, routers=("lb1", "lb2"), holders=("lb2",), silent=("lb1",)),
        event(h.FaultHealed, 11.05, fault="kill-broker", host="mq1"),
        event(h.NodesSeen, 12.3, running=("mq1", "mq2")),
        event(h.Recovered, 12.5, healthy=True),
        event(h.Phase, 16.2, name="finish"),
        event(h.Finished, 16.3, client="p1"),
        event(h.Finished, 17, client="c1"),
        event(h.Drained, 17.1, complete=True, left=0),
        event(h.Ended, 17.2),
    ]
    for seq in range(1, 151):
        t = 1 + seq / 10
        events += [published(t, seq), confirmed(t + 0.01, seq), delivered(t + 0.02, seq)]
    return sorted(events, key=lambda e: e.t)


def whole(events: list[h.Event], **fields: object) -> h.History:
    """As it would be read from a file."""
    return h.History(events=tuple(sorted(events, key=lambda e: e.t)), **fields)  # type: ignore[arg-type]


def at(host: str, events: Sequence[h.Event]) -> list[h.Event]:
    """The same history with its fault on another host."""
    faults = h.FaultInjected | h.FaultObserved | h.FaultHealed
    return [e.model_copy(update={"host": host}) if isinstance(e, faults) else e for e in events]
