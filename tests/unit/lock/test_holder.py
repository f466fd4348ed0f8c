"""The script that holds the lock on a host, as a process of its own, on files of the test's own."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mqctl.lock import holder
from mqctl.lock.holder import MARK
from mqctl.model.claim import read, untouched

CLAIM = {
    "what": "deploy",
    "who": "ops@build1",
    "pid": 4711,
    "directory": "/srv/prod",
    "since": "2026-12-01T01:20:00Z",
    "token": "aa",
}
OTHER = {**CLAIM, "what": "heal", "token": "bb"}


class Host:
    """Where the locks of one host are."""

    def __init__(self, directory: Path) -> None:
        self.lock = directory / "lock"
        self.busy = directory / "busy"

    @contextmanager
    def holder(
        self, claim: object = CLAIM, silence: float = 60
    ) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
        asked = {"lock": str(self.lock), "busy": str(self.busy), "claim": claim, "silence": silence}
        process = subprocess.Popen(
            [sys.executable, "-c", Path(holder.__file__).read_text()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        with process:
            process.stdin.write(json.dumps(asked) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line.startswith(MARK)
            yield process, json.loads(line.removeprefix(MARK))
            process.kill()

    def free(self) -> bool:
        with self.lock.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_second_one_is_told_who_is_first(host: Host) -> None:
    with host.holder() as (_, first):
        assert first == {"found": ""}
        assert not host.free()
        with host.holder(OTHER) as (process, second):
            assert str(read(second["holder"])) == (
                "mqctl deploy by ops@build1, process 4711, from /srv/prod, since 2026-12-01T01:20:00+00:00"
            )
            process.wait(10)


def test_the_end_of_its_input_frees_the_lock_and_is_written_down(host: Host) -> None:
    with host.holder() as (process, _):
        assert process.stdin
        process.stdin.close()
        assert process.wait(10) == 0
        assert host.free()
    text = host.lock.read_text()
    assert (last := read(text))
    assert last.ended
    assert untouched(text, text)
    with host.holder(OTHER) as (_, answer):
        assert answer == {"found": text}


def test_a_killed_holder_holds_nothing_and_leaves_a_doubt(host: Host) -> None:
    with host.holder() as (process, _):
        process.kill()
        process.wait(10)
        assert host.free()
    text = host.lock.read_text()
    assert not untouched(text, text)


def test_silence_frees_the_lock_and_signs_of_life_keep_it(host: Host) -> None:
    with host.holder(silence=2) as (process, _):
        assert process.stdin
        for _ in range(5):
            process.stdin.write("\n")
            process.stdin.flush()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.6)
        process.wait(10)
        assert host.free()


def test_a_module_that_still_works_is_waited_for(host: Host) -> None:
    with host.busy.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        with host.holder() as (process, answer):
            assert answer == {"busy": ""}
            process.wait(10)
    with host.holder() as (_, answer):
        assert answer == {"found": ""}


def test_a_link_in_the_place_of_the_lock_is_not_followed(host: Host, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    host.lock.symlink_to(victim)
    with host.holder() as (process, answer):
        assert answer["error"].startswith(f"{host.lock}: ")
        process.wait(10)
    assert victim.read_text() == "precious"


def test_the_file_is_its_owners(host: Host) -> None:
    with host.holder():
        assert host.lock.stat().st_mode & 0o777 == 0o600


ENDED = json.dumps({**CLAIM, "ended": True})


@pytest.mark.parametrize(
    ("seen", "found", "same"),
    [
        ("", "", True),
        (ENDED, ENDED, True),
        ("", ENDED, False),
        (None, "", False),
        (None, ENDED, False),
        (json.dumps(CLAIM), json.dumps(CLAIM), False),
        (json.dumps(CLAIM), ENDED, False),
        (ENDED, "", False),
        ("junk", "junk", False),
        (ENDED, json.dumps({**OTHER, "ended": True}), False),
    ],
)
def test_whether_anybody_was_there_in_between(seen: str | None, found: str, same: bool) -> None:
    assert untouched(seen, found) is same
