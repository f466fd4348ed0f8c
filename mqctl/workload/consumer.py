"""A consumer: a prefetch limit, and acknowledgements only after the history knows."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.spec import Basic

from mqctl.model.history import Acked, Delivered, Unexpected
from mqctl.model.workload import ClientSpec
from mqctl.workload import client, payload
from mqctl.workload.journal import Journal
from mqctl.workload.link import Link
from mqctl.workload.payload import Copy
from mqctl.workload.spans import spans


def main(spec: ClientSpec, wish: Connection) -> None:
    """The process."""
    client.run(spec, wish, Consumer)


class Consumer:
    """One subscription per epoch on one queue."""

    def __init__(self, loop: IOLoop, spec: ClientSpec, journal: Journal) -> None:
        self.link = Link(loop, spec, journal, self._on_open, lambda _: self._on_lost())
        self._loop = loop
        self._spec = spec
        self._journal = journal
        self._channel: Channel | None = None
        self._received: list[tuple[Copy, bool]] = []
        self._foreign: list[str] = []
        self._last = 0
        """The delivery tag of the last message received."""
        self._automatic = spec.settings.acknowledge == "automatic"

    def finish(self, done: Callable[[], None]) -> None:
        """Writes and acknowledges what arrived, asks for no more."""
        self._flush()
        self._channel = None
        done()

    def _on_open(self, channel: Channel) -> None:
        epoch = self.link.epoch
        self._channel, self._last = channel, 0
        channel.add_on_cancel_callback(lambda _: self.link.abort("cancelled by the broker"))
        channel.basic_qos(
            prefetch_count=self._spec.settings.prefetch, callback=lambda _: self._subscribe(epoch)
        )

    def _subscribe(self, epoch: int) -> None:
        if epoch == self.link.epoch and self._channel is not None:
            self._channel.basic_consume(
                self._spec.queue, self._on_message, auto_ack=self._automatic, consumer_tag=self._spec.name
            )

    def _on_message(
        self, channel: Channel, method: Basic.Deliver, _: pika.BasicProperties, body: bytes
    ) -> None:
        if channel is not self._channel:
            return
        if not self._received and not self._foreign:
            self._loop.call_later(0, self._flush)
        self._last = method.delivery_tag
        try:
            self._received.append((payload.unpack(self._spec.run, body), method.redelivered))
        except ValueError as error:
            self._foreign.append(str(error))

    def _flush(self) -> None:
        """What one read of the socket brought: written down, then acknowledged in one frame."""
        if not self._received and not self._foreign:
            return
        self._write()
        if self._channel is not None and self._channel.is_open and not self._automatic:
            self._channel.basic_ack(self._last, multiple=True)
            self._journal.write(Acked(client=self._spec.name, epoch=self.link.epoch, upto=self._last))

    def _write(self) -> None:
        name, epoch, queue = self._spec.name, self.link.epoch, self._spec.queue
        received, self._received = self._received, []
        foreign, self._foreign = self._foreign, []
        if received:
            self._journal.write(
                Delivered(client=name, epoch=epoch, queue=queue, spans=tuple(spans(received)))
            )
        self._journal.write(
            *(Unexpected(client=name, epoch=epoch, queue=queue, reason=reason) for reason in foreign)
        )

    def _on_lost(self) -> None:
        self._channel = None
        self._write()
