"""Publishes as bytes, so that many of them go out in one system call.

pika hands every frame to the socket by itself, three for each message: four fifths of a publisher's time.
"""

from __future__ import annotations

from pika import frame
from pika.spec import Basic, BasicProperties


class Frames:
    """What stays the same in all messages of one channel is encoded once (AMQP 0-9-1, section 4.2.6)."""

    def __init__(
        self, channel: int, limit: int, exchange: str, routing_key: str, properties: BasicProperties
    ) -> None:
        method = Basic.Publish(  # type: ignore[no-untyped-call]
            exchange=exchange, routing_key=routing_key, mandatory=True
        )
        self._channel = channel
        self._limit = limit
        """Bytes of a body that fit into one frame."""
        self._properties = properties
        self._method = frame.Method(channel, method).marshal()
        self._headers: dict[int, bytes] = {}
        """By length of the body; nearly all have the same."""

    def message(self, body: bytes) -> bytes:
        """Method, header and body."""
        start = self._headers.get(len(body)) or self._start(len(body))
        if len(body) <= self._limit:
            return start + frame.Body(self._channel, body).marshal()
        parts = (body[at : at + self._limit] for at in range(0, len(body), self._limit))
        return start + b"".join(frame.Body(self._channel, part).marshal() for part in parts)

    def _start(self, length: int) -> bytes:
        header = frame.Header(self._channel, length, self._properties).marshal()
        self._headers[length] = self._method + header
        return self._headers[length]
