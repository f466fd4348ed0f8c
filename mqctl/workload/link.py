"""A client's connection, made anew whenever it dies: one epoch per connection and channel."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import pika
from pika.adapters.select_connection import IOLoop
from pika.channel import Channel
from pika.exceptions import AMQPConnectionError

from mqctl import trust
from mqctl.model.base import reveal
from mqctl.model.history import Connected, Disconnected
from mqctl.model.workload import ClientSpec, Endpoint
from mqctl.workload.journal import Journal

_FAREWELL = 1.0
"""Seconds that a graceful close may take; it hangs on a dead peer (seen with pika 1.4.4)."""


class _Socket(pika.SelectConnection):
    def emit(self, data: bytes) -> None:
        """Hands whole frames to the socket in one piece."""
        self._output_marshaled_frames([data])

    def body_limit(self) -> int:
        """Bytes of a body that fit into one frame, as agreed with the broker."""
        return int(self._body_max_length)

    def abort(self) -> None:
        """Drops the socket without asking the peer: a graceful close waits for a dead one."""
        self._terminate_stream(AMQPConnectionError("aborted by the client"))


class Link:
    """Keeps one channel open. `on_lost` follows each `on_open`; late calls of old epochs are ignored."""

    def __init__(
        self,
        loop: IOLoop,
        spec: ClientSpec,
        journal: Journal,
        on_open: Callable[[Channel], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.epoch = 0
        self._loop = loop
        self._spec = spec
        self._journal = journal
        self._on_open = on_open
        self._on_lost = on_lost
        self._random = random.Random()  # noqa: S311
        self._socket: _Socket | None = None
        self._open = False
        self._closing = False

    def connect(self) -> None:
        """Begins a new epoch."""
        self.epoch += 1
        epoch = self.epoch
        endpoint = self._random.choice(self._spec.account.endpoints)
        self._socket = _Socket(
            self._parameters(endpoint),
            on_open_callback=partial(self._connected, epoch, endpoint),
            on_open_error_callback=lambda _, error: self._lost(epoch, repr(error)),
            on_close_callback=lambda _, error: self._lost(epoch, repr(error)),
            custom_ioloop=self._loop,
        )

    def abort(self, reason: str) -> None:
        """Gives the connection up at once and makes a new one after a random wait."""
        socket = self._socket
        self._lost(self.epoch, reason)
        if socket is not None and not socket.is_closed:
            socket.abort()

    def emit(self, data: bytes) -> None:
        """Sends frames over the open channel; after its end they go nowhere."""
        if self._socket is not None:
            self._socket.emit(data)

    def body_limit(self) -> int:
        """Bytes of a body that fit into one frame of the open connection."""
        assert self._socket is not None
        return self._socket.body_limit()

    def close(self, done: Callable[[], None]) -> None:
        """Ends gracefully, in bounded time."""
        self._closing = True
        socket = self._socket
        if socket is None or not socket.is_open:
            done()
            return
        socket.add_on_close_callback(lambda *_: done())
        with suppress(AMQPConnectionError):
            socket.close()
        self._loop.call_later(_FAREWELL, done)

    def _connected(self, epoch: int, endpoint: Endpoint, connection: pika.SelectConnection) -> None:
        if epoch == self.epoch:
            connection.channel(on_open_callback=partial(self._opened, epoch, endpoint))

    def _opened(self, epoch: int, endpoint: Endpoint, channel: Channel) -> None:
        if epoch != self.epoch or self._socket is None:
            return
        channel.add_on_close_callback(lambda _, error: self._channel_closed(epoch, repr(error)))
        self._open = True
        self._journal.write(Connected(client=self._spec.name, epoch=epoch, endpoint=str(endpoint)))
        self._on_open(channel)

    def _channel_closed(self, epoch: int, reason: str) -> None:
        if epoch == self.epoch and not self._closing:
            self.abort(reason)

    def _lost(self, epoch: int, reason: str) -> None:
        if epoch != self.epoch or self._socket is None or self._closing:
            return
        self._socket = None
        was_open, self._open = self._open, False
        self._journal.write(
            Disconnected(client=self._spec.name, epoch=epoch, opened=was_open, reason=reason[:200])
        )
        if was_open:
            self._on_lost(reason)
        self._loop.call_later(self._random.uniform(*self._spec.reconnect), self.connect)

    def _parameters(self, endpoint: Endpoint) -> pika.ConnectionParameters:
        account, spec = self._spec.account, self._spec
        return pika.ConnectionParameters(
            host=endpoint.host,
            port=endpoint.port,
            ssl_options=trust.for_pika(account.authorities, endpoint.host),
            virtual_host=account.vhost,
            credentials=pika.PlainCredentials(account.user, reveal(account.password)),
            heartbeat=self._spec.heartbeat,
            socket_timeout=spec.connect_timeout,
            stack_timeout=spec.handshake_timeout,
            connection_attempts=1,
            tcp_options=_socket_options(spec.silence),
            client_properties={"connection_name": f"mqctl {self._spec.run} {self._spec.name}"},
        )


def _socket_options(silence: float) -> dict[str, int]:
    """Milliseconds for TCP_USER_TIMEOUT, whole seconds for keepalive (tcp(7))."""
    probe = max(1, round(silence))
    return {
        "TCP_USER_TIMEOUT": round(silence * 1000),
        "TCP_KEEPIDLE": probe,
        "TCP_KEEPINTVL": probe,
        "TCP_KEEPCNT": 1,
    }
