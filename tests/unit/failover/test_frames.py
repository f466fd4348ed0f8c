"""What goes out in one piece is frame for frame what pika's own basic_publish would have sent."""

from __future__ import annotations

import pytest
from pika import frame
from pika.spec import BasicProperties

from mqctl.workload.frames import Frames

LIMIT = 1000


def decoded(data: bytes) -> list[frame.Frame]:
    found = []
    while data:
        used, value = frame.decode_frame(data)
        assert value is not None
        found.append(value)
        data = data[used:]
    return found


@pytest.mark.parametrize(("size", "bodies"), [(1, 1), (LIMIT - 1, 1), (LIMIT, 1), (LIMIT + 1, 2), (2500, 3)])
@pytest.mark.parametrize("mode", [1, 2])
def test_a_message_is_a_publish_a_header_and_its_bodies(size: int, bodies: int, mode: int) -> None:
    frames = Frames(7, LIMIT, "exchange", "key", BasicProperties(delivery_mode=mode))
    body = bytes(number % 251 for number in range(size))
    for _ in range(2):
        method, header, *rest = decoded(frames.message(body))
        assert (method.channel_number, method.method.exchange, method.method.routing_key) == (
            7,
            "exchange",
            "key",
        )
        assert method.method.mandatory
        assert (header.body_size, header.properties.delivery_mode) == (size, mode)
        assert len(rest) == bodies
        assert b"".join(part.fragment for part in rest) == body


def test_messages_of_several_lengths_keep_their_own_headers() -> None:
    frames = Frames(1, LIMIT, "e", "k", BasicProperties())
    sizes = [10, 20, 10, 30]
    data = b"".join(frames.message(b"x" * size) for size in sizes)
    assert [part.body_size for part in decoded(data) if isinstance(part, frame.Header)] == sizes
