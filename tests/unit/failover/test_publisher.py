"""A publisher against a broker of our own on loopback, which says nothing for as long as the test likes."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pika import amqp_object, frame, spec
from pydantic import SecretStr

from mqctl.gates.wait import wait
from mqctl.model import history as h
from mqctl.model.workload import Account, ClientSpec, Endpoint, Patience, WorkloadSettings
from mqctl.verdict import messages
from mqctl.workload import journal
from mqctl.workload.crew import Crew
from mqctl.workload.journal import Journal

SHORT = 0.5
"""Seconds that this publisher waits for a confirm."""
RATE = 100.0
"""Messages per second."""
LONG = 30.0
"""Seconds that the slowest machine may take for anything."""
_CAPABILITIES = {"publisher_confirms": True, "basic.nack": True, "connection.blocked": True}
_ANSWERS: dict[type, list[amqp_object.Method]] = {
    spec.Connection.StartOk: [spec.Connection.Tune(channel_max=10, frame_max=131072, heartbeat=60)],
    spec.Connection.Open: [spec.Connection.OpenOk()],
    spec.Connection.Close: [spec.Connection.CloseOk()],
    spec.Channel.Open: [spec.Channel.OpenOk()],
    spec.Confirm.Select: [spec.Confirm.SelectOk()],
}
"""A broker's side of what comes before the first publish, and of the farewell (AMQP 0-9-1)."""


class Broker(socketserver.ThreadingTCPServer):
    """The first `silent` connections are taken, and what they publish is never confirmed."""

    daemon_threads = True

    def __init__(self, silent: int) -> None:
        super().__init__(("127.0.0.1", 0), Connection)
        self.lock = threading.Lock()
        self.silent = silent

    def mute(self) -> bool:
        """Whether the next connection is one of them."""
        with self.lock:
            self.silent -= 1
            return self.silent >= 0


class Connection(socketserver.BaseRequestHandler):
    """One client."""

    server: Broker

    def handle(self) -> None:
        mute, published = self.server.mute(), 0
        with suppress(ConnectionError):
            for received in self._frames():
                if isinstance(received, frame.ProtocolHeader):
                    self._say(0, spec.Connection.Start(server_properties={"capabilities": _CAPABILITIES}))
                elif isinstance(received, frame.Method):
                    for answer in _ANSWERS.get(type(received.method), []):
                        self._say(received.channel_number, answer)
                elif isinstance(received, frame.Body) and not mute:
                    published += 1
                    self._say(received.channel_number, spec.Basic.Ack(delivery_tag=published))

    def _say(self, channel: int, method: amqp_object.Method) -> None:
        self.request.sendall(frame.Method(channel, method).marshal())

    def _frames(self) -> Iterator[Any]:
        """What the client says, until it hangs up."""
        data = b""
        while received := self.request.recv(65536):
            data += received
            while (found := frame.decode_frame(data))[1] is not None:
                data = data[found[0] :]
                yield found[1]


@contextmanager
def broker(silent: int) -> Iterator[Endpoint]:
    with Broker(silent) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield Endpoint(host="127.0.0.1", port=server.server_address[1])
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def publishing(endpoint: Endpoint, path: Path, patience: float) -> Iterator[Crew]:
    """A publisher as in every test, a process of its own, which waits so many seconds for a confirm; `path`
    is its history."""
    Journal(path).close()
    crew, account = Crew(), Account(endpoints=(endpoint,), user="guest", password=SecretStr("guest"))
    client = ClientSpec(
        name="p1", run="r", account=account, journal=path, exchange="e", queue="q", routing_key="q",
        settings=WorkloadSettings(), rate=RATE, confirm_timeout=patience,
    )  # fmt: skip
    try:
        crew.start("publisher", client)
        yield crew
    finally:
        crew.stop()


def confirmed_to_the_end(crew: Crew, path: Path) -> h.History:
    """Until something is confirmed; then the publisher finishes what it began."""
    wait(lambda: any(isinstance(e, h.Confirmed) for e in journal.read(path).events), timeout=LONG)
    assert crew.finish(["p1"], LONG) == ()
    return journal.read(path)


def copies(events: tuple[h.Event, ...], epoch: int) -> dict[int, int]:
    """What was published on one channel: seq by tag."""
    sent = [e for e in events if isinstance(e, h.Published) and e.epoch == epoch]
    return {e.tag + offset: e.seq + offset for e in sent for offset in range(e.count)}


def tags(events: tuple[h.Event, ...], kind: type[h.Unknown | h.Confirmed], epoch: int) -> set[int]:
    found = [e for e in events if isinstance(e, kind) and e.epoch == epoch]
    return {tag for e in found for tag in range(e.first, e.last + 1)}


def epochs(events: tuple[h.Event, ...]) -> list[int]:
    return [e.epoch for e in events if isinstance(e, h.Connected)]


def test_what_a_silent_broker_does_not_confirm_is_unknown_and_sent_again(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with broker(silent=1) as endpoint, publishing(endpoint, path, SHORT) as crew:
        recorded = confirmed_to_the_end(crew, path)
    events = recorded.events
    first, second = epochs(events)[:2]
    unconfirmed, again = copies(events, first), copies(events, second)
    assert len(unconfirmed) > 1
    assert tags(events, h.Confirmed, first) == set()
    assert tags(events, h.Unknown, first) == {*unconfirmed}
    assert {e.reason for e in events if isinstance(e, h.Unknown)} == {f"no confirm within {SHORT:g} s"}
    sent = next(e.t for e in events if isinstance(e, h.Published))
    given_up = next(e.t for e in events if isinstance(e, h.Unknown))
    assert given_up - sent > SHORT
    assert {*unconfirmed.values()} <= {*again.values()}
    counts = messages.count(recorded)
    assert counts.unknown == counts.resent >= len(unconfirmed)
    assert counts.confirmed == counts.sent >= len(again)
    assert counts.contradictions == ()


def test_every_silence_ends_a_connection(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with broker(silent=2) as endpoint, publishing(endpoint, path, SHORT) as crew:
        events = confirmed_to_the_end(crew, path).events
    unknown = {e.epoch for e in events if isinstance(e, h.Unknown)}
    assert {*epochs(events)[:2]} <= unknown
    assert epochs(events)[-1] not in unknown


def test_a_broker_that_confirms_leaves_nothing_unknown(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with broker(silent=0) as endpoint, publishing(endpoint, path, LONG) as crew:
        events = confirmed_to_the_end(crew, path).events
    (epoch,) = epochs(events)
    assert tags(events, h.Confirmed, epoch) == {*copies(events, epoch)} != set()
    assert not [e for e in events if isinstance(e, h.Unknown)]


def test_a_careful_application_waits_five_seconds() -> None:
    """What docs/failover.md promises; the tests above are in a hurry."""
    assert ClientSpec.model_fields["confirm_timeout"].default == Patience().confirm_timeout == 5
