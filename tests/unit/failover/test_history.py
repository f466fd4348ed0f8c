"""The file: written by several, read after a crash; and what travels inside messages."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.errors import UsageError
from mqctl.model import history as h
from mqctl.verdict.judge import judge
from mqctl.workload import journal, payload
from mqctl.workload.journal import Journal, Tail
from mqctl.workload.payload import Copy
from mqctl.workload.spans import ranges, spans
from mqctl.workload.tally import Tally
from tests.unit.failover.histories import QUEUE, clean, confirmed, delivered, event, published, whole


def written(path: Path) -> list[str]:
    out = Journal(path)
    out.write(*clean())
    out.close()
    return path.read_text().splitlines(keepends=True)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    lines = written(tmp_path / "h")
    assert journal.read(tmp_path / "h") == whole(clean())
    assert len(lines) == len(clean())
    assert (tmp_path / "h").stat().st_mode & 0o777 == 0o600


def test_what_nobody_knows_is_written_and_read(tmp_path: Path) -> None:
    """A quorum queue that elects has no leader; what is None is left out of the line."""
    (started,) = (e for e in clean() if isinstance(e, h.Started))
    unknown = (
        started.model_copy(update={"rate": None}),
        event(h.QueueSeen, 1, queue=QUEUE, leader=None, mirrors=("mq1",), synchronised=()),
        event(h.Drained, 2, complete=False, left=None),
    )
    out = Journal(tmp_path / "h")
    out.write(*unknown)
    out.close()
    assert journal.read(tmp_path / "h").events == unknown


def test_a_cut_off_last_line_is_said_not_fatal(tmp_path: Path) -> None:
    lines = written(tmp_path / "h")
    (tmp_path / "h").write_text("".join(lines)[:-9])
    read = journal.read(tmp_path / "h")
    assert (read.truncated, read.damage, len(read.events)) == (True, (), len(lines) - 1)
    assert judge(read).outcome == "unknown"


def test_a_bad_line_inside_is_damage(tmp_path: Path) -> None:
    lines = written(tmp_path / "h")
    (tmp_path / "h").write_text("".join([*lines[:5], lines[5][:20] + lines[6], *lines[7:]]))
    read = journal.read(tmp_path / "h")
    assert (read.truncated, len(read.events)) == (False, len(lines) - 2)
    assert [text[:6] for text in read.damage] == ["line 6"]


@pytest.mark.parametrize(
    "line", ["{}", '{"event":"ended","t":1,"w":1,"more":1}', '{"event":"exploded"}', "\x00"]
)
def test_lines_that_are_no_events(line: str) -> None:
    assert len(h.parse([line + "\n"]).damage) == 1


@pytest.mark.parametrize(
    "line",
    [
        '{"event":"published","t":1,"w":1,"client":"p1","epoch":1,"seq":1,"tag":1,"count":1000000000000}',
        '{"event":"confirmed","t":1,"w":1,"client":"p1","epoch":1,"first":1,"last":1000000000000}',
        '{"event":"confirmed","t":1,"w":1,"client":"p1","epoch":1,"first":2,"last":1}',
        '{"event":"delivered","t":1,"w":1,"client":"c1","epoch":1,"queue":"q",'
        '"spans":[["p1",1,1,1,1000000000000,false]]}',
    ],
)
def test_a_line_that_would_keep_the_judge_busy_for_ever_is_damage(line: str) -> None:
    assert len(h.parse([line + "\n"]).damage) == 1


def test_no_file() -> None:
    with pytest.raises(UsageError) as caught:
        journal.read(Path("/nowhere/h.ndjson"))
    assert caught.value.message == "/nowhere/h.ndjson: No such file or directory"


def test_a_history_is_read_while_it_grows(tmp_path: Path) -> None:
    out = Journal(tmp_path / "h")
    tail = Tail(tmp_path / "h")
    assert tail.read() == []
    out.write(published(1, 1))
    assert tail.read() == [published(1, 1)]
    line = h.encode(confirmed(2, 1))
    with (tmp_path / "h").open("a") as file:
        file.write(line[:10])
        file.flush()
        assert tail.read() == []
        file.write(line[10:])
    assert tail.read() == [confirmed(2, 1)]
    tail.close()
    out.close()


NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=30)
NUMBERS = st.integers(1, 10**12)
COPIES = st.builds(Copy, NAMES, NUMBERS, NUMBERS, NUMBERS)


@given(NAMES, COPIES, st.integers(128, 400))
def test_a_body_says_what_it_is(run: str, copy: Copy, size: int) -> None:
    body = payload.pack(run, copy, size)
    assert payload.unpack(run, body) == copy
    assert len(body) == size


@given(COPIES, st.integers(0, 255), st.integers(1, 255))
def test_one_changed_byte_is_noticed(copy: Copy, place: int, flip: int) -> None:
    body = bytearray(payload.pack("r", copy, 256))
    body[place] ^= flip
    with pytest.raises(ValueError, match="damaged"):
        payload.unpack("r", bytes(body))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (payload.pack("other", Copy("p1", 1, 1, 1), 128), "a message of another run: other/p1/1/1/1"),
        (b"hello", "damaged body of 5 bytes"),
        (b"", "damaged body of 0 bytes"),
    ],
)
def test_what_is_not_ours(body: bytes, said: str) -> None:
    with pytest.raises(ValueError) as caught:
        payload.unpack("r", body)
    assert str(caught.value) == said


@given(st.lists(st.integers(1, 20)))
def test_ranges_lose_nothing(numbers: list[int]) -> None:
    assert [n for first, last in ranges(numbers) for n in range(first, last + 1)] == numbers


SMALL = st.builds(
    Copy, st.sampled_from(("p1", "p2")), st.integers(1, 4), st.integers(1, 2), st.integers(1, 4)
)


@given(st.lists(st.tuples(SMALL, st.booleans())))
def test_spans_lose_nothing(deliveries: list[tuple[Copy, bool]]) -> None:
    unfolded = [
        (Copy(s.publisher, s.seq + n, s.epoch, s.tag + n), s.redelivered)
        for s in spans(deliveries)
        for n in range(s.length)
    ]
    assert unfolded == deliveries


def test_consecutive_copies_become_one_span() -> None:
    copies = [(Copy("p1", 10 + n, 1, 5 + n), False) for n in range(100)]
    assert list(spans(copies)) == [h.Span("p1", 1, 10, 5, 100, False)]


def test_the_tally_knows_what_is_on_its_way() -> None:
    tally = Tally()
    tally.feed([published(1, 1, 3), confirmed(2, 1, 2), delivered(3, 1), delivered(3, 3)])
    assert tally.on_their_way == 1
    tally.feed([confirmed(4, 3), delivered(5, 2)])
    assert (tally.on_their_way, tally.confirmed, tally.delivered) == (0, 3, 3)


def test_the_tally_knows_who_was_in() -> None:
    tally = Tally()
    tally.feed([event(h.Connected, 1, client="c1", epoch=1, endpoint="vip:5672")])
    tally.feed([event(h.Disconnected, 2, client="c1", epoch=1, opened=True, reason="reset")])
    tally.feed([event(h.Disconnected, 2, client="c2", epoch=1, opened=False, reason="refused")])
    assert tally.connected == {"c1"}


def test_the_tally_waits_for_nothing_that_was_returned() -> None:
    tally = Tally()
    tally.feed([published(1, 1), event(h.Returned, 2, client="p1", epoch=1, tag=1), confirmed(3, 1)])
    assert tally.on_their_way == 0


def test_the_tally_waits_for_every_queue_of_a_fanout() -> None:
    tally = Tally()
    begin = whole(clean()).events[0].model_copy(update={"routes": {"p1": (QUEUE, "other")}})
    tally.feed([begin, published(1, 1), confirmed(2, 1), delivered(3, 1)])
    assert tally.on_their_way == 1
    tally.feed([delivered(4, 1), delivered(5, 1, queue="other")])
    assert tally.on_their_way == 0
