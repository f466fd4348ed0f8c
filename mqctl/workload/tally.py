"""What the clients have done so far, kept up while the history grows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mqctl.model import history
from mqctl.model.sparse import Sparse


def _marks() -> Sparse:
    return Sparse("b")


@dataclass
class Tally:
    """Counts for the live display, and how many confirmed messages are still on their way."""

    confirmed: int = 0
    delivered: int = 0
    unknown: int = 0
    returned: int = 0
    phase: str = ""
    leader: str = ""
    holders: tuple[str, ...] = ()
    connected: set[str] = field(default_factory=set)
    """Clients that were in at least once."""
    last_confirm: dict[str, float] = field(default_factory=dict)
    """By publisher."""
    last_delivery: float = 0
    on_their_way: int = 0
    """Messages confirmed, and not delivered from every queue that they go to."""
    _routes: history.Routes = field(default_factory=dict)
    _seqs: dict[tuple[str, int], Sparse] = field(default_factory=dict)
    _confirmed: dict[str, Sparse] = field(default_factory=dict)
    _arrived: dict[tuple[str, str], Sparse] = field(default_factory=dict)
    _places: dict[str, Sparse] = field(default_factory=dict)
    """In how many queues each message has arrived."""
    _returned: set[tuple[str, int, int]] = field(default_factory=set)

    def feed(self, events: Iterable[history.Event]) -> None:
        """New events, in file order."""
        for event in events:
            match event:
                case history.Started():
                    self._routes = event.routes
                case history.Connected():
                    self.connected.add(event.client)
                case history.Published():
                    seqs = self._seqs.setdefault((event.client, event.epoch), Sparse("q"))
                    for offset in range(event.count):
                        seqs[event.tag + offset] = event.seq + offset
                case history.Confirmed():
                    self._confirm(event)
                case history.Delivered():
                    self._deliver(event)
                case history.Unknown():
                    self.unknown += event.last - event.first + 1
                case history.Returned():
                    self.returned += 1
                    self._returned.add((event.client, event.epoch, event.tag))
                case history.Phase():
                    self.phase = event.name
                case history.QueueSeen():
                    self.leader = event.leader or ""
                case history.HoldersSeen():
                    self.holders = event.holders

    def _confirm(self, event: history.Confirmed) -> None:
        self.confirmed += event.last - event.first + 1
        self.last_confirm[event.client] = event.t
        seqs = self._seqs[event.client, event.epoch]
        known = self._confirmed.setdefault(event.client, _marks())
        places, needed = self._places.setdefault(event.client, _marks()), self._needed(event.client)
        for tag in range(event.first, event.last + 1):
            seq = seqs[tag]
            if known[seq] or (event.client, event.epoch, tag) in self._returned:
                continue
            known[seq] = 1
            self.on_their_way += places[seq] < needed

    def _deliver(self, event: history.Delivered) -> None:
        self.last_delivery = event.t
        for span in event.spans:
            self.delivered += span.length
            arrived = self._arrived.setdefault((span.publisher, event.queue), _marks())
            places = self._places.setdefault(span.publisher, _marks())
            known, needed = self._confirmed.get(span.publisher), self._needed(span.publisher)
            for seq in range(span.seq, span.seq + span.length):
                if not arrived[seq]:
                    arrived[seq] = 1
                    places[seq] += 1
                    self.on_their_way -= known is not None and known[seq] and places[seq] == needed

    def _needed(self, publisher: str) -> int:
        return len(self._routes.get(publisher, ())) or 1
