"""A publisher: confirms, mandatory, persistent; what it cannot know it sends again under the same id."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.spec import Basic, BasicProperties

from mqctl.model.history import Blocked, Confirmed, Nacked, Published, Returned, Unknown
from mqctl.model.workload import ClientSpec
from mqctl.workload import client, payload
from mqctl.workload.frames import Frames
from mqctl.workload.journal import Journal
from mqctl.workload.link import Link
from mqctl.workload.payload import Copy
from mqctl.workload.spans import ranges

_TICK = 0.01
"""Seconds between two looks at the schedule."""
_MODES = {"transient": 1, "persistent": 2}
"""AMQP 0-9-1, basic.properties, delivery-mode."""
_CHUNK = 64 * 1024
"""Bytes handed to the socket at once."""
_BATCH = 200
"""Messages written before the socket is read again."""


def main(spec: ClientSpec, wish: Connection) -> None:
    """The process."""
    client.run(spec, wish, Publisher)


class Publisher:
    """One channel's worth of unconfirmed copies, and the messages to send again."""

    def __init__(self, loop: IOLoop, spec: ClientSpec, journal: Journal) -> None:
        self.link = Link(loop, spec, journal, self._on_open, self._on_lost)
        self._loop = loop
        self._spec = spec
        self._journal = journal
        self._channel: Channel | None = None
        self._blocked = False
        self._tag = 0
        self._seq = 0
        self._unconfirmed: dict[int, tuple[int, float]] = {}
        """(seq, when sent) by tag, oldest first."""
        self._again: deque[int] = deque()
        self._answers: list[tuple[type[Confirmed | Nacked], int]] = []
        self._began: float | None = None
        self._done: Callable[[], None] | None = None
        self._frames: Frames | None = None

    def finish(self, done: Callable[[], None]) -> None:
        """Sends nothing new, waits until the fate of everything sent is known."""
        self._done = done
        self._finish_if_resolved()

    def _on_open(self, channel: Channel) -> None:
        self._channel, self._tag, self._blocked = channel, 0, False
        properties = BasicProperties(  # type: ignore[no-untyped-call]
            delivery_mode=_MODES[self._spec.settings.delivery]
        )
        self._frames = Frames(
            int(channel),
            self.link.body_limit(),
            self._spec.exchange,
            self._spec.routing_key,
            properties,
        )
        channel.connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(True))
        channel.connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(False))
        channel.add_on_return_callback(self._on_return)
        channel.confirm_delivery(self._on_answer, lambda _: self._ready(self.link.epoch))

    def _ready(self, epoch: int) -> None:
        if self._began is None:
            self._began = time.monotonic()
        self._tick(epoch)

    def _tick(self, epoch: int) -> None:
        """Runs as long as its epoch does."""
        if epoch != self.link.epoch or self._channel is None:
            return
        if self._overdue():
            self.link.abort(f"no confirm within {self._spec.confirm_timeout:g} s")
            return
        self._pump()
        self._loop.call_later(_TICK, lambda: self._tick(epoch))

    def _overdue(self) -> bool:
        if self._blocked or not self._unconfirmed:
            return False
        _, sent = next(iter(self._unconfirmed.values()))
        return time.monotonic() - sent > self._spec.confirm_timeout

    def _pump(self) -> None:
        if self._channel is None or self._blocked or not self._channel.is_open:
            return
        room = min(self._spec.settings.window - len(self._unconfirmed), _BATCH)
        again = [self._again.popleft() for _ in range(min(room, len(self._again)))]
        for first, last in ranges(again):
            self._send(first, last - first + 1, late=0.0)
        new = 0 if self._done else min(room - len(again), self._due())
        if new > 0:
            late = self._late()
            first, self._seq = self._seq + 1, self._seq + new
            self._send(first, new, late)

    def _due(self) -> int:
        if self._spec.rate is None or self._began is None:
            return _BATCH
        return int((time.monotonic() - self._began) * self._spec.rate) - self._seq

    def _late(self) -> float:
        if self._spec.rate is None or self._began is None:
            return 0.0
        return max(0.0, time.monotonic() - self._began - (self._seq + 1) / self._spec.rate)

    def _send(self, seq: int, count: int, late: float) -> None:
        """The history first, then the socket: what may be out there is always written down."""
        assert self._frames is not None
        epoch, name = self.link.epoch, self._spec.name
        self._journal.write(
            Published(client=name, epoch=epoch, seq=seq, tag=self._tag + 1, count=count, late=round(late, 6))
        )
        now, run, size = time.monotonic(), self._spec.run, self._spec.settings.size
        data = bytearray()
        for number in range(seq, seq + count):
            self._tag += 1
            self._unconfirmed[self._tag] = (number, now)
            data += self._frames.message(payload.pack(run, Copy(name, number, epoch, self._tag), size))
            if len(data) > _CHUNK:
                self.link.emit(bytes(data))
                data.clear()
        if data:
            self.link.emit(bytes(data))

    def _on_answer(self, frame: Any) -> None:
        """`frame`: a pika.frame.Method with Basic.Ack or Basic.Nack."""
        method = frame.method
        kind = Nacked if isinstance(method, Basic.Nack) else Confirmed
        tags = list(self._settled(method.delivery_tag, method.multiple))
        if tags and not self._answers:
            self._loop.call_later(0, self._flush)
        for tag in tags:
            del self._unconfirmed[tag]
            self._answers.append((kind, tag))

    def _settled(self, tag: int, multiple: bool) -> Iterator[int]:
        if multiple:
            for older in self._unconfirmed:
                if tag and older > tag:
                    return
                yield older
        elif tag in self._unconfirmed:
            yield tag

    def _flush(self) -> None:
        """What one read of the socket brought, as ranges; then room is used at once."""
        self._write_answers()
        if self._spec.rate is None or self._again:
            self._pump()
        self._finish_if_resolved()

    def _write_answers(self) -> None:
        answers, self._answers = self._answers, []
        for kind in (Confirmed, Nacked):
            tags = sorted(tag for answer, tag in answers if answer is kind)
            self._journal.write(
                *(
                    kind(client=self._spec.name, epoch=self.link.epoch, first=first, last=last)
                    for first, last in ranges(tags)
                )
            )

    def _on_return(self, _: Channel, method: Basic.Return, __: pika.BasicProperties, body: bytes) -> None:
        copy = payload.unpack(self._spec.run, body)
        reason = f"{method.reply_code} {method.reply_text}"
        self._journal.write(Returned(client=self._spec.name, epoch=copy.epoch, tag=copy.tag, reason=reason))

    def _on_lost(self, reason: str) -> None:
        self._channel = None
        self._write_answers()
        unknown, self._unconfirmed = self._unconfirmed, {}
        for first, last in ranges(unknown):
            self._journal.write(
                Unknown(
                    client=self._spec.name, epoch=self.link.epoch, first=first, last=last, reason=reason[:200]
                )
            )
        self._again = deque(sorted([*(seq for seq, _ in unknown.values()), *self._again]))

    def _set_blocked(self, blocked: bool) -> None:
        self._blocked = blocked
        self._journal.write(Blocked(client=self._spec.name, blocked=blocked))
        now = time.monotonic()
        self._unconfirmed = {tag: (seq, now) for tag, (seq, _) in self._unconfirmed.items()}

    def _finish_if_resolved(self) -> None:
        if self._done and not self._unconfirmed and not self._again and not self._answers:
            done, self._done = self._done, lambda: None
            self._channel = None
            done()
