"""Each broker's Erlang against what its RabbitMQ line is made for."""

from __future__ import annotations

import pytest

from mqctl.gates.rabbitmq import erlang_pair
from tests.topologies import mirrored_3node
from tests.unit.gates.healthy import bad, every_broker, healthy, part, silent

TOPOLOGY = mirrored_3node()
WANTED = "an Erlang that its RabbitMQ line is made for"


@pytest.mark.parametrize(
    ("version", "erlang"),
    [("3.8.9", "23.2.6"), ("3.10.8", "25.2.3"), ("4.0.5", "27.3.4.1"), ("4.3.6", "29.1.2"), ("3.13.7", "26")],
)
def test_debian_s_pairs_fit(version: str, erlang: str) -> None:
    status = every_broker(version=version, erlang=erlang)(healthy(TOPOLOGY))
    results = erlang_pair(TOPOLOGY, status)
    assert bad(results) == []
    assert len(results) == 3


@pytest.mark.parametrize(
    ("version", "erlang", "expected"),
    [
        ("3.8.9", "25.2.3", "Erlang 21 to 24 for RabbitMQ 3.8"),
        ("3.10.8", "22.3", "Erlang 23 to 25 for RabbitMQ 3.10"),
        ("3.13.7", "27.1", "Erlang 26 for RabbitMQ 3.13"),
        ("4.3.6", "26.2.5", "Erlang 27 to 29 for RabbitMQ 4.3"),
    ],
)
def test_another_one_fails(version: str, erlang: str, expected: str) -> None:
    status = part("mq2", "broker", version=version, erlang=erlang)(healthy(TOPOLOGY))
    assert bad(erlang_pair(TOPOLOGY, status)) == [("erlang", "rabbit@mq2", "fail", expected, erlang)]


@pytest.mark.parametrize("unknown", ["version", "erlang"])
def test_what_a_broker_does_not_tell_is_unknown(unknown: str) -> None:
    status = part("mq1", "broker", **{unknown: None})(healthy(TOPOLOGY))
    why = "the broker does not tell its versions"
    assert bad(erlang_pair(TOPOLOGY, status)) == [("erlang", "rabbit@mq1", "unknown", WANTED, why)]


def test_silence_is_unknown() -> None:
    (found,) = bad(erlang_pair(TOPOLOGY, silent("mq3")(healthy(TOPOLOGY))))
    assert found[:3] == ("erlang", "rabbit@mq3", "unknown")


def test_a_line_that_is_not_in_the_table_is_not_judged() -> None:
    status = every_broker(version="5.0.1", erlang="31")(healthy(TOPOLOGY))
    assert {(found[2], found[4]) for found in bad(erlang_pair(TOPOLOGY, status))} == {
        ("skipped", "nothing is known of RabbitMQ 5.0")
    }
