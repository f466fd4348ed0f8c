"""The entrance's gates, and the measurement against real sockets that answer strangely."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from mqctl.gates.entrance import judge, message_passes, speaks_amqp
from mqctl.model.entrance import Entrance, Greeting, RoundTrip
from mqctl.probe import entrance as measured
from tests.topologies import mirrored_3node, standalone

START = b"\x01\x00\x00\x00\x00\x01\xf4\x00\x0a\x00\x0a\x00\x09"


@pytest.mark.parametrize(
    ("answer", "detail", "outcome", "got"),
    [
        ("start", "", "pass", "AMQP"),
        ("other", "closed at once", "fail", "something that is not AMQP 0-9-1: closed at once"),
        ("silence", "for 3 s", "fail", "connected, no answer: for 3 s"),
        ("refused", "", "fail", "connection refused"),
        ("unreachable", "No route to host", "unknown", "not reachable from here: No route to host"),
    ],
)
def test_greeting(answer: str, detail: str, outcome: str, got: str) -> None:
    greeting = Greeting.model_validate({"endpoint": "v:5672", "answer": answer, "detail": detail})
    result = speaks_amqp(greeting)
    assert (result.gate, result.subject, result.expected) == ("entrance", "v:5672", "AMQP")
    assert (result.outcome, result.got) == (outcome, got)


@pytest.mark.parametrize(
    ("attempted", "confirmed", "received", "detail", "outcome", "got"),
    [
        (True, True, True, "", "pass", "confirmed and received"),
        (True, True, False, "", "fail", "confirmed, not received"),
        (True, False, False, "NackError", "fail", "not confirmed: NackError"),
        (True, False, False, "user app was not let in", "fail", "not confirmed: user app was not let in"),
        (False, False, False, "the password is not known", "unknown", "the password is not known"),
        (False, False, False, "", "unknown", "not tried"),
    ],
)
def test_round_trip(
    attempted: bool, confirmed: bool, received: bool, detail: str, outcome: str, got: str
) -> None:
    trip = RoundTrip(
        endpoint="v:5672", attempted=attempted, confirmed=confirmed, received=received, detail=detail
    )
    result = message_passes(trip)
    assert (result.gate, result.expected) == ("round trip", "confirmed and received")
    assert (result.outcome, result.got) == (outcome, got)


def test_both_are_judged() -> None:
    seen = Entrance(
        greeting=Greeting(endpoint="v:1", answer="start"),
        round_trip=RoundTrip(endpoint="v:1", attempted=False),
    )
    assert [result.outcome for result in judge(seen)] == ["pass", "unknown"]


@contextlib.contextmanager
def answering(said: bytes | None) -> Iterator[int]:
    """A server that says this to one connection and hangs up; None: it says nothing and waits."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(8)
                if said is None:
                    done.wait(20)
                else:
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            done.set()
            thread.join()


@pytest.mark.parametrize(
    ("said", "answer", "detail"),
    [
        (START, "start", ""),
        (b"AMQP\x00\x01\x00\x00", "other", ""),
        (b"HTTP/1.1 400 Bad Request\r\n", "other", ""),
        (b"", "other", "closed at once"),
    ],
)
def test_what_answers(said: bytes, answer: str, detail: str) -> None:
    with answering(said) as port:
        greeting = measured.greet("127.0.0.1", port)
    assert (greeting.answer, greeting.detail) == (answer, detail)


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "CONNECT", 0.2)
    with answering(None) as port:
        greeting = measured.greet("127.0.0.1", port)
    assert (greeting.answer, greeting.detail) == ("silence", "for 0.2 s")


def test_a_closed_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert measured.greet("127.0.0.1", port).answer == "refused"


def test_an_address_that_is_nowhere() -> None:
    greeting = measured.greet("256.0.0.1", 5672)
    assert greeting.answer == "unreachable"
    assert greeting.detail


def test_where_the_entrance_is() -> None:
    assert measured.endpoint(mirrored_3node(haproxy={"amqp_port": 5673})) == ("10.93.17.100", 5673)
    assert measured.endpoint(standalone()) is None
    assert measured.measure(standalone()) is None
