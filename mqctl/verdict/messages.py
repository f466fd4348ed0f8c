"""What became of the messages: lost, duplicated, reordered, unknown, returned, unexpected."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from mqctl.model.history import History
from mqctl.model.sparse import Sparse
from mqctl.model.verdict import MessageCounts, Reordered
from mqctl.verdict.ledger import Fate, Ledger, keep

_SHOWN = 20
"""Ranges of missing ids that a verdict names."""
_SENT, _CONFIRMED = 1, 2


def count(history: History) -> MessageCounts:
    """The numbers; nothing is called lost before the queues were drained."""
    ledger = keep(history.events)
    fates: Counter[int] = Counter()
    stored: Counter[int] = Counter()
    messages: dict[str, Sparse] = {}
    for publisher, channel, tag, seq in ledger.copies():
        fate = channel.fates[tag]
        fates[fate] += 1
        stored[fate] += channel.anywhere(tag)
        known = messages.setdefault(publisher, Sparse("b"))
        known[seq] = max(known[seq], _CONFIRMED if fate == Fate.CONFIRMED else _SENT)
    missing = sum(1 for _ in _missing(ledger, messages))
    delivered, duplicated = _arrived(ledger, messages)
    sent = Counter(value for known in messages.values() for _, value in known.items())
    drained = ledger.drained is not None and ledger.drained.complete
    return MessageCounts(
        sent=sent.total(),
        resent=fates.total() - sent.total(),
        confirmed=sent[_CONFIRMED],
        lost=missing if drained else 0,
        missing=missing,
        lost_ids=tuple(_names(_missing(ledger, messages))),
        delivered=delivered,
        duplicated=duplicated,
        repeats_flagged=ledger.flagged,
        repeats_silent=ledger.silent,
        repeats_resent=ledger.resent,
        reordered=sum(stream.reordered for stream in ledger.streams.values()),
        reordered_by=tuple(_reordered(ledger)),
        unknown=fates[Fate.UNKNOWN],
        unknown_stored=stored[Fate.UNKNOWN],
        returned=fates[Fate.RETURNED],
        nacked=fates[Fate.NACKED],
        nacked_stored=stored[Fate.NACKED],
        unexpected=ledger.unexpected,
        contradictions=tuple(ledger.contradictions),
    )


def _missing(ledger: Ledger, messages: dict[str, Sparse]) -> Iterator[tuple[str, int]]:
    """(publisher, seq) of what was confirmed and is not in every queue that it was routed to."""
    for publisher in sorted(messages):
        wanted = ledger.destinations(publisher)
        for seq, known in messages[publisher].items():
            if known == _CONFIRMED and not all(_times(ledger, publisher, queue, seq) for queue in wanted):
                yield publisher, seq


def _arrived(ledger: Ledger, messages: dict[str, Sparse]) -> tuple[int, int]:
    """Messages that arrived in any queue, and those that arrived more than once in one."""
    delivered = duplicated = 0
    for publisher, known in messages.items():
        wanted = ledger.destinations(publisher)
        for seq, _ in known.items():
            most = max(_times(ledger, publisher, queue, seq) for queue in wanted)
            delivered += most > 0
            duplicated += most > 1
    return delivered, duplicated


def _times(ledger: Ledger, publisher: str, queue: str, seq: int) -> int:
    marks = ledger.arrivals.get((publisher, queue))
    return marks[seq] if marks else 0


def _reordered(ledger: Ledger) -> Iterator[Reordered]:
    found: Counter[tuple[str, str]] = Counter()
    for (_, _, queue, publisher, _), stream in ledger.streams.items():
        found[publisher, queue] += stream.reordered
    for (publisher, queue), number in sorted(found.items()):
        if number:
            yield Reordered(publisher=publisher, queue=queue, messages=number)


def _names(missing: Iterator[tuple[str, int]]) -> list[str]:
    names: list[list[int | str]] = []
    for publisher, seq in missing:
        if names and names[-1][0] == publisher and names[-1][2] == seq - 1:
            names[-1][2] = seq
        elif len(names) == _SHOWN:
            break
        else:
            names.append([publisher, seq, seq])
    return [f"{name}/{first}" if first == last else f"{name}/{first}-{last}" for name, first, last in names]
