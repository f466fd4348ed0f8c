"""Measures the entrance from here, as a client would: the greeting, then one message there and back."""

from __future__ import annotations

import errno
import logging
import socket
import ssl
import threading
import time
import uuid
from typing import Any

from mqctl import trust
from mqctl.model.base import reveal
from mqctl.model.entrance import Entrance, Greeting, RoundTrip
from mqctl.model.objects import User
from mqctl.model.topology import Topology

logging.getLogger("pika").addHandler(logging.NullHandler())
"""Without a handler Python prints pika's own error messages on stderr."""

HEADER = b"AMQP\x00\x00\x09\x01"
_START = (b"\x01\x00\x00", b"\x00\x0a\x00\x0a")
"""A method frame on channel 0, and after its length the method Connection.Start (10, 10)."""
_CLUSTER_NAME = b"\x0ccluster_nameS"
CONNECT = 3.0
"""Seconds until the connection must stand and the broker must have answered."""
PASSAGE = 15.0
"""Seconds for the whole round trip: a confirm waits for every mirror's disc."""
_EXPIRES = 60_000
"""Milliseconds after which the broker itself removes the queue, should we not come to it."""


def measure_all(topology: Topology) -> dict[str, Entrance]:
    """The entrances of all sites that have one, by site."""
    measured = {site.site.name: measure(site) for site in topology.sites}
    return {site: entrance for site, entrance in measured.items() if entrance}


def measure(topology: Topology) -> Entrance | None:
    """Greeting and round trip at a site's virtual IP; None where it has none. Never raises."""
    where = endpoint(topology)
    if where is None:
        return None
    greeting = greet(*where, topology.trusted)
    if greeting.answer != "start":
        why = "the entrance does not answer AMQP"
        return Entrance(
            greeting=greeting, round_trip=RoundTrip(endpoint=greeting.endpoint, attempted=False, detail=why)
        )
    return Entrance(greeting=greeting, round_trip=round_trip(topology, *where))


def endpoint(topology: Topology) -> tuple[str, int] | None:
    """The virtual IP and HAProxy's AMQP port: the one with TLS where plain AMQP is closed."""
    ports = [topology.amqp(host.haproxy.amqp_port) for host in topology.balancers if host.haproxy]
    address = topology.virtual_address
    return (str(address), ports[0]) if address and ports else None


def greet(address: str, port: int, authorities: str = "") -> Greeting:
    """Send the AMQP header and read what comes; over TLS when given whom to trust (PEM)."""
    where = _named(address, port)
    try:
        with _connected(address, port, authorities) as connection:
            return _read_greeting(connection, where)
    except ConnectionRefusedError:
        return Greeting(endpoint=where, answer="refused")
    except (ssl.SSLError, ConnectionResetError) as error:
        return Greeting(endpoint=where, answer="other", detail=_why(error))
    except OSError as error:
        return Greeting(endpoint=where, answer="unreachable", detail=_why(error))


def _connected(address: str, port: int, authorities: str) -> socket.socket:
    plain = socket.create_connection((address, port), CONNECT)
    return trust.context(authorities).wrap_socket(plain, server_hostname=address) if authorities else plain


def cluster_behind(address: str, port: int, authorities: str = "") -> str | None:
    """The name of the cluster whose broker greets there; None when nobody does. Never raises."""
    try:
        with _connected(address, port, authorities) as connection:
            connection.sendall(HEADER)
            return _cluster_name(_frame(connection))
    except (OSError, ValueError):
        return None


def _frame(connection: socket.socket) -> bytes:
    """The first frame's payload: type, channel, size, payload, end (AMQP 0-9-1, section 2.3.5)."""
    said = b""
    while len(said) < 7 or len(said) < 8 + int.from_bytes(said[3:7], "big"):
        piece = connection.recv(4096)
        if not piece:
            raise ValueError("closed within a frame")
        said += piece
    return said[7:-1]


def _cluster_name(start: bytes) -> str:
    """Of Connection.Start's server-properties, a table of short names and, here, a long string."""
    _, found, rest = start.partition(_CLUSTER_NAME)
    if not found:
        raise ValueError("no cluster name")
    return rest[4 : 4 + int.from_bytes(rest[:4], "big")].decode()


def _read_greeting(connection: socket.socket, where: str) -> Greeting:
    said = b""
    try:
        connection.sendall(HEADER)
        while len(said) < 11 and (piece := connection.recv(4096)):
            said += piece
    except TimeoutError:
        return Greeting(endpoint=where, answer="silence", detail=f"for {CONNECT:g} s")
    except OSError as error:
        return Greeting(endpoint=where, answer="other", detail=_why(error))
    if said[:3] == _START[0] and said[7:11] == _START[1]:
        return Greeting(endpoint=where, answer="start")
    return Greeting(endpoint=where, answer="other", detail="" if said else "closed at once")


def round_trip(topology: Topology, address: str, port: int) -> RoundTrip:
    """Publish one message as the client user and fetch it back, through a queue that lives just as long."""
    where = _named(address, port)
    user = _client(topology)
    if user is None or user.password is None:
        return RoundTrip(endpoint=where, attempted=False, detail="the client user's password is not known")
    trip = _Trip(address, port, user, topology.trusted)
    thread = threading.Thread(target=trip.run, daemon=True)
    started = time.monotonic()
    thread.start()
    thread.join(PASSAGE)
    detail = f"nothing for {PASSAGE:g} s" if thread.is_alive() else trip.detail
    return RoundTrip(
        endpoint=where,
        attempted=trip.attempted,
        confirmed=trip.confirmed,
        received=trip.received,
        seconds=round(time.monotonic() - started, 3),
        detail=detail,
    )


class _Trip:
    """The message's way; its thread is left behind when the broker falls silent in the middle."""

    def __init__(self, address: str, port: int, user: User, authorities: str = "") -> None:
        self._authorities = authorities
        self._address = address
        self._port = port
        self._user = user
        self.attempted = True
        self.confirmed = False
        self.received = False
        self.detail = ""

    def run(self) -> None:
        """All steps; what goes wrong becomes `detail`."""
        from pika.adapters.utils.connection_workflow import AMQPConnectorException
        from pika.exceptions import AMQPError, ChannelClosedByBroker, ProbableAuthenticationError

        try:
            self._travel()
        except ProbableAuthenticationError:
            self.detail = f"user {self._user.name} was not let in"
        except ChannelClosedByBroker as error:
            self.attempted = error.reply_code != 403
            self.detail = str(error.reply_text)
        except (AMQPError, AMQPConnectorException, OSError) as error:
            self.detail = type(error).__name__

    def _travel(self) -> None:
        import pika

        assert self._user.password is not None
        connection = pika.BlockingConnection(
            pika.ConnectionParameters(
                host=self._address,
                port=self._port,
                ssl_options=trust.for_pika(self._authorities, self._address),
                virtual_host=self._user.permissions[0].vhost if self._user.permissions else "/",
                credentials=pika.PlainCredentials(self._user.name, reveal(self._user.password)),
                socket_timeout=CONNECT,
                stack_timeout=2 * CONNECT,
                blocked_connection_timeout=PASSAGE,
                heartbeat=10,
            )
        )
        try:
            self._through(connection.channel())
        finally:
            if connection.is_open:
                connection.close()

    def _through(self, channel: Any) -> None:
        import pika

        name, body = f"mqctl.roundtrip.{uuid.uuid4().hex}", uuid.uuid4().hex.encode()
        channel.queue_declare(name, durable=True, arguments={"x-expires": _EXPIRES})
        try:
            channel.confirm_delivery()
            persistent = pika.BasicProperties(delivery_mode=2)  # type: ignore[no-untyped-call]
            channel.basic_publish("", name, body, persistent, mandatory=True)
            self.confirmed = True
            for method, _, received in channel.consume(name, inactivity_timeout=CONNECT):
                if method is not None:
                    channel.basic_ack(method.delivery_tag)
                    self.received = received == body
                break
            channel.cancel()
        finally:
            if channel.is_open:
                channel.queue_delete(name)


def _client(topology: Topology) -> User | None:
    names = {host.broker.settings.client_user for host in topology.brokers if host.broker}
    return next((user for user in topology.objects.users if user.name in names), None)


def _named(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _why(error: OSError) -> str:
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return f"no answer in {CONNECT:g} s"
    return error.strerror or type(error).__name__
