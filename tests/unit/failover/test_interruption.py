"""What ends a failover test from outside: it heals, writes its report, and says how it ended."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from mqctl.faults.broken import Broken
from mqctl.gates.wait import wait
from mqctl.model.workload import Account, ClientSpec, Endpoint, WorkloadSettings
from mqctl.workload import journal
from mqctl.workload.crew import Crew
from tests.unit.failover.interrupted import NAMES, PATIENCE

ENDING = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """A test whose n-th scenario has broken something."""
    begun: list[subprocess.Popen[bytes]] = []

    def make(number: int, *ignored: str, **streams: object) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "tests.unit.failover.interrupted", str(tmp_path), str(number), *ignored]
        output = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        child = subprocess.Popen(argv, start_new_session=True, **output)  # type: ignore[call-overload]
        begun.append(child)
        return child  # type: ignore[no-any-return]

    yield make
    for child in begun:
        child.kill()
        child.communicate()


def until(child: subprocess.Popen[bytes], path: Path, meanwhile: Callable[[], None] = lambda: None) -> None:
    """The file is there."""

    def there() -> bool:
        meanwhile()
        assert child.poll() is None, child.communicate()
        return path.exists()

    wait(there, timeout=PATIENCE, interval=0.05, what=path.name)


def healed(here: Path) -> bool:
    """What the process broke, and its list."""
    return not (here / "broken").exists() and Broken(here / "state").read() == ()


@pytest.mark.parametrize("ending", ENDING)
def test_before_a_scenario_is_finished_it_heals_and_ends_by_the_signal(
    start: Start, tmp_path: Path, ending: int
) -> None:
    child = start(1)
    until(child, tmp_path / "broken")
    assert [one.fault for one in Broken(tmp_path / "state").read()] == ["kill-broker"]
    child.send_signal(ending)
    (tmp_path / "go").touch()
    _, errors = child.communicate(timeout=PATIENCE)
    assert child.returncode == 128 + ending
    assert errors.decode().endswith("interrupted: the same command can be run again\n")
    assert b"Traceback" not in errors
    assert healed(tmp_path)
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("ending", ENDING)
def test_later_it_reports_what_was_finished(start: Start, tmp_path: Path, ending: int) -> None:
    child = start(2)
    until(child, tmp_path / "broken")
    child.send_signal(ending)
    (tmp_path / "go").touch()
    output, _ = child.communicate(timeout=PATIENCE)
    assert child.returncode == 3
    assert healed(tmp_path)
    reported(tmp_path)
    assert b"aborted: interrupted\n" in output


def reported(here: Path) -> None:
    """One scenario with its verdict, one that was under way, and one that nobody came to."""
    made = json.loads((here / "report" / "report.json").read_text())
    parts = [(part["name"], part["verdict"]["outcome"]) for part in made["scenarios"]]
    assert parts == [(NAMES[0], "pass"), ("s", "unknown")]
    assert [untested["name"] for untested in made["untested"] if untested["aborted"]] == [NAMES[2]]
    (path,) = (here / "state" / "failover").glob(f"*-{NAMES[1]}.ndjson")
    assert [event.event for event in journal.read(path).events][-2:] == ["fault-healed", "aborted"]


@pytest.mark.parametrize("first", ENDING)
def test_a_second_cancellation_does_not_end_the_healing(start: Start, tmp_path: Path, first: int) -> None:
    """CI sends SIGINT and soon after SIGTERM; shells and the kernel both tell of a closed terminal."""
    child = start(2)
    until(child, tmp_path / "broken")
    child.send_signal(first)
    until(child, tmp_path / "healing")
    child.send_signal(signal.SIGTERM)
    child.send_signal(signal.SIGHUP)
    (tmp_path / "go").touch()
    child.communicate(timeout=PATIENCE)
    assert (child.returncode, healed(tmp_path)) == (3, True)
    reported(tmp_path)


def test_a_test_without_a_terminal_goes_on_when_one_is_closed(start: Start, tmp_path: Path) -> None:
    """As with nohup: what was ignored before stays so."""
    child = start(1, "SIGHUP")
    until(child, tmp_path / "broken")
    child.send_signal(signal.SIGHUP)
    child.send_signal(signal.SIGTERM)
    (tmp_path / "go").touch()
    child.communicate(timeout=PATIENCE)
    assert child.returncode == 128 + signal.SIGTERM


def test_a_terminal_that_is_closed_keeps_nothing_from_being_healed_and_reported(
    start: Start, tmp_path: Path
) -> None:
    """A real one: the kernel sends the signal, and nothing can be written to it any more."""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)

    def read() -> None:
        try:
            os.read(ours, 65536)
        except BlockingIOError:
            return

    child = start(
        2,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    until(child, tmp_path / "broken", read)
    os.close(ours)
    until(child, tmp_path / "healing")
    (tmp_path / "go").touch()
    assert child.wait(PATIENCE) == 3
    assert healed(tmp_path)
    reported(tmp_path)


def test_clients_leave_it_to_the_test_to_end_them(tmp_path: Path) -> None:
    """Signals come to the whole process group, and a client that dies by itself would be an error."""
    history, crew = tmp_path / "h.ndjson", Crew()

    def tries() -> int:
        return history.read_text().count('"disconnected"') if history.exists() else 0

    nobody = Account(endpoints=(Endpoint(host="127.0.0.1", port=1),), user="u", password=SecretStr("p"))
    spec = ClientSpec(
        name="p1",
        run="r",
        account=nobody,
        journal=history,
        exchange="e",
        queue="q",
        settings=WorkloadSettings(),
    )
    try:
        crew.start("publisher", spec)
        wait(lambda: tries() > 0, timeout=PATIENCE, what="the client's first attempt")
        (client,) = multiprocessing.active_children()
        assert client.pid is not None
        for ending in ENDING:
            os.kill(client.pid, ending)
        before = tries()
        wait(lambda: tries() > before + 1, timeout=10, what="further attempts")
        crew.check()
    finally:
        crew.stop()
