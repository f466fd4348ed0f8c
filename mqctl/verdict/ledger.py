"""A history as books: each copy with its fate, each message with its deliveries. A few bytes per message."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from mqctl.model import history
from mqctl.model.history import Span
from mqctl.model.sparse import Sparse

ANYWHERE = ""
"""The destination of messages whose route is not known: any queue will do."""
_SHOWN = 20
"""Contradictions that are kept."""


class Fate(IntEnum):
    """How an operation ended, as its publisher knows it."""

    UNKNOWN = 1
    CONFIRMED = 2
    NACKED = 3
    RETURNED = 4


_FATES = {"confirmed": Fate.CONFIRMED, "nacked": Fate.NACKED, "unknown": Fate.UNKNOWN}
_ONCE, _TWICE = 1, 2


@dataclass
class Channel:
    """What one publisher sent over one channel, by tag."""

    seqs: Sparse = field(default_factory=lambda: Sparse("q"))
    fates: Sparse = field(default_factory=lambda: Sparse("b"))
    arrived: dict[str, Sparse] = field(default_factory=dict)
    """By destination: 1 for each copy that was delivered from there."""

    def anywhere(self, tag: int) -> bool:
        """Whether the copy was delivered at all."""
        return any(marks[tag] for marks in self.arrived.values())


@dataclass
class Stream:
    """One channel's copies as one subscription received them: their order means something."""

    highest: int = 0
    reordered: int = 0
    seen: Sparse = field(default_factory=lambda: Sparse("b"))

    def take(self, tag: int, redelivered: bool) -> None:
        """RabbitMQ keeps a channel's order on a queue unless it redelivers (guide "Queues", ordering)."""
        if not redelivered and tag < self.highest and not self.seen[tag]:
            self.reordered += 1
        self.seen[tag] = 1
        self.highest = max(self.highest, tag)


StreamKey = tuple[str, int, str, str, int]
"""(consumer, its epoch, queue, publisher, its epoch)"""


@dataclass
class Ledger:
    """Everything that the events say about messages; time plays no part."""

    routes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    channels: dict[tuple[str, int], Channel] = field(default_factory=dict)
    arrivals: dict[tuple[str, str], Sparse] = field(default_factory=dict)
    """By publisher and destination: 1 for each message that arrived once, 2 for more often."""
    streams: dict[StreamKey, Stream] = field(default_factory=dict)
    flagged: int = 0
    silent: int = 0
    resent: int = 0
    """Repeated deliveries: of a copy with the redelivered flag, of one without, and of a further copy."""
    unexpected: int = 0
    contradictions: list[str] = field(default_factory=list)
    drained: history.Drained | None = None

    def copies(self) -> Iterator[tuple[str, Channel, int, int]]:
        """(publisher, channel, tag, seq) of every copy."""
        for (publisher, _), channel in self.channels.items():
            for tag, seq in channel.seqs.items():
                yield publisher, channel, tag, seq

    def destinations(self, publisher: str) -> tuple[str, ...]:
        """Where its messages must arrive."""
        return self.routes.get(publisher) or (ANYWHERE,)

    def contradict(self, what: str) -> None:
        """Notes where the history is at odds with itself."""
        if len(self.contradictions) < _SHOWN:
            self.contradictions.append(what)


def keep(events: tuple[history.Event, ...]) -> Ledger:
    """Publishes first, whatever their times say: a delivery cannot precede the publish that caused it."""
    ledger = Ledger()
    for event in events:
        if isinstance(event, history.Published):
            _publish(ledger, event)
        elif isinstance(event, history.Started):
            ledger.routes = event.routes
    for event in events:
        match event:
            case history.Confirmed() | history.Nacked() | history.Unknown():
                for tag in range(event.first, event.last + 1):
                    _settle(ledger, event.client, event.epoch, tag, _FATES[event.event])
            case history.Returned():
                _settle(ledger, event.client, event.epoch, event.tag, Fate.RETURNED)
            case history.Delivered():
                for span in event.spans:
                    _deliver(ledger, event, span)
            case history.Unexpected():
                ledger.unexpected += 1
            case history.Drained():
                ledger.drained = event
    return ledger


def _publish(ledger: Ledger, event: history.Published) -> None:
    channel = ledger.channels.setdefault((event.client, event.epoch), Channel())
    for offset in range(event.count):
        tag = event.tag + offset
        if channel.fates[tag]:
            ledger.contradict(f"copy {event.client}/{event.epoch}/{tag} was published twice")
        channel.seqs[tag] = event.seq + offset
        channel.fates[tag] = Fate.UNKNOWN


def _settle(ledger: Ledger, publisher: str, epoch: int, tag: int, fate: Fate) -> None:
    """A return outlives the confirm that follows it; anything certain outlives unknown."""
    channel = ledger.channels.get((publisher, epoch))
    known = channel.fates[tag] if channel else 0
    if channel is None or not known:
        ledger.contradict(f"copy {publisher}/{epoch}/{tag} is {fate.name.lower()}, but was never published")
    elif {known, fate} == {Fate.CONFIRMED, Fate.NACKED}:
        ledger.contradict(f"copy {publisher}/{epoch}/{tag} is both confirmed and nacked")
    elif known == Fate.UNKNOWN or fate is Fate.RETURNED:
        channel.fates[tag] = fate


def _deliver(ledger: Ledger, event: history.Delivered, span: Span) -> None:
    channel = ledger.channels.get((span.publisher, span.epoch))
    destination = _destination(ledger, span.publisher, event.queue)
    if channel is None or destination is None:
        ledger.unexpected += span.length
        return
    key = (event.client, event.epoch, event.queue, span.publisher, span.epoch)
    stream = ledger.streams.setdefault(key, Stream())
    arrived = channel.arrived.setdefault(destination, Sparse("b"))
    messages = ledger.arrivals.setdefault((span.publisher, destination), Sparse("b"))
    for tag, seq in zip(
        range(span.tag, span.tag + span.length), range(span.seq, span.seq + span.length), strict=True
    ):
        if channel.seqs[tag] != seq or not seq:
            ledger.unexpected += 1
            continue
        _count_repeat(ledger, bool(arrived[tag]), bool(messages[seq]), span.redelivered)
        arrived[tag] = 1
        messages[seq] = _TWICE if messages[seq] else _ONCE
        stream.take(tag, span.redelivered)


def _destination(ledger: Ledger, publisher: str, queue: str) -> str | None:
    """None: the queue is none of those that this publisher's messages go to."""
    wanted = ledger.destinations(publisher)
    if wanted == (ANYWHERE,):
        return ANYWHERE
    return queue if queue in wanted else None


def _count_repeat(ledger: Ledger, same_copy: bool, same_message: bool, redelivered: bool) -> None:
    if same_copy and redelivered:
        ledger.flagged += 1
    elif same_copy:
        ledger.silent += 1
    elif same_message:
        ledger.resent += 1
