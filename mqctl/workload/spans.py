"""Many numbers as few ranges, so that the history keeps up with fast clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mqctl.model.history import Span
from mqctl.workload.payload import Copy


def ranges(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """(first, last) of each run of consecutive numbers, in the order given."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = last = number
        elif number == last + 1:
            last = number
        else:
            yield first, last
            first = last = number
    if first is not None and last is not None:
        yield first, last


def spans(deliveries: Iterable[tuple[Copy, bool]]) -> Iterator[Span]:
    """Consecutive copies of one channel as one span each, in the order of arrival."""
    span: Span | None = None
    for copy, redelivered in deliveries:
        if span is not None and _continues(span, copy, redelivered):
            span = span._replace(length=span.length + 1)
            continue
        if span is not None:
            yield span
        span = Span(copy.publisher, copy.epoch, copy.seq, copy.tag, 1, redelivered)
    if span is not None:
        yield span


def _continues(span: Span, copy: Copy, redelivered: bool) -> bool:
    return (
        copy.publisher == span.publisher
        and copy.epoch == span.epoch
        and copy.seq == span.seq + span.length
        and copy.tag == span.tag + span.length
        and redelivered is span.redelivered
    )
