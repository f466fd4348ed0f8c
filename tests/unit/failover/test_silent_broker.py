"""A broker that takes connections and says nothing, as a frozen or overloaded one does."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from mqctl.model.objects import User
from mqctl.model.workload import Account, Endpoint
from mqctl.probe import entrance
from mqctl.workload import queues


@pytest.fixture
def silent() -> Iterator[int]:
    """Its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_a_question_to_it_ends_with_an_error_of_mqctls_own(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues, "_TIMEOUT", 1)
    account = Account(
        endpoints=(Endpoint(host="127.0.0.1", port=silent),), user="app", password=SecretStr("a"), vhost="/"
    )
    with pytest.raises(queues.BrokerUnreachableError) as caught, queues.channel(account):
        pass
    said = f"no answer over AMQP from 127.0.0.1:{silent} as user app: AMQPConnectorStackTimeout"
    assert caught.value.message.startswith(said)


def test_a_message_that_it_never_takes_is_no_round_trip(silent: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "CONNECT", 0.5)
    trip = entrance._Trip("127.0.0.1", silent, User(name="app", password=SecretStr("a")))
    trip.run()
    assert (trip.confirmed, trip.received) == (False, False)
    assert trip.detail == "AMQPConnectorStackTimeout"
