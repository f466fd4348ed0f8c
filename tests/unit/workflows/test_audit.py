"""The audit log: one whole line for every run, whatever became of it and whoever else writes."""

from __future__ import annotations

import json
import multiprocessing
import signal
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqctl import cli
from mqctl.cli.audit import words
from mqctl.errors import ExitCode, GateError, InconclusiveError, MqctlError, UsageError
from mqctl.model.audit import MOST, Changed, Entry, bounded, together
from mqctl.workflows.alone import alone, who
from mqctl.workflows.audit import FILE, append, audited, log


def entry(command: str = "deploy", **more: object) -> Entry:
    fields = {
        "at": datetime(2026, 12, 1, 1, 2, 3, tzinfo=UTC),
        "seconds": 12.3,
        "who": "ops@build1",
        "pid": 7,
        "directory": "/srv/prod",
        "version": "0.1.0",
        "outcome": "done",
        "exit_code": 0,
    }
    return Entry.model_validate({"command": command, **fields, **more})


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text("{}")
    return tmp_path


def lines(home: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (home / ".mqctl" / FILE).read_text().splitlines()]


def test_a_run_that_ended_well(home: Path) -> None:
    with audited("deploy", ["--limit", "mq1"]) as account:
        account.open(home / ".mqctl")
        account.changed = Changed(files={"mq1": ("/etc/rabbitmq/rabbitmq.conf",)})
    (found,) = log(str(home)).entries
    assert (found.who, found.command, found.options) == (who(), "deploy", ("--limit", "mq1"))
    assert (found.outcome, found.exit_code, found.error) == ("done", 0, "")
    assert found.directory == str(home)
    assert found.changed.hosts == ("mq1",)
    assert not found.not_done
    assert stat.S_IMODE((home / ".mqctl" / FILE).stat().st_mode) == 0o600


def _end(home: Path, error: BaseException) -> None:
    with audited("deploy") as account:
        account.open(home / ".mqctl")
        account.not_done = Changed(objects=("create policy ha in /",))
        raise error


@pytest.mark.parametrize(
    ("error", "outcome", "code", "said"),
    [
        (MqctlError("mq1: no\nmore"), "cannot run", 4, "mq1: no"),
        (GateError("no"), "failed", 1, "no"),
        (UsageError("no"), "refused", 2, "no"),
        (InconclusiveError("no"), "unknown", 3, "no"),
        (KeyboardInterrupt(), "interrupted", 130, ""),
        (KeyboardInterrupt(signal.SIGTERM), "interrupted", 143, ""),
        (ZeroDivisionError("s3cret"), "mqctl failed", 4, "mqctl itself failed: ZeroDivisionError"),
    ],
)
def test_a_run_that_ended_badly(home: Path, error: BaseException, outcome: str, code: int, said: str) -> None:
    with pytest.raises(type(error)):
        _end(home, error)
    (found,) = log(str(home)).entries
    assert (found.outcome, found.exit_code, found.error) == (outcome, code, said)
    assert found.not_done.objects == ("create policy ha in /",)


def test_gates_that_do_not_pass_are_no_done(home: Path) -> None:
    with audited("deploy") as account:
        account.open(home / ".mqctl")
        account.exit_code = ExitCode.UNKNOWN
    assert log(str(home)).entries[0].outcome == "unknown"


def test_an_inventory_that_was_refused_gets_no_directory(home: Path) -> None:
    with pytest.raises(UsageError), audited("deploy"):
        raise UsageError("the inventory has 1 problem")
    assert not (home / ".mqctl").exists()


def test_a_killed_run_is_written_down_by_the_next_one(home: Path) -> None:
    state = home / ".mqctl"
    with alone(state, "deploy"):
        signed = (state / "lock").read_bytes()
    (state / "lock").write_bytes(signed.replace(b'"ended":true', b'"ended":false'))
    for _ in range(2):
        with audited("heal") as account:
            account.open(state)
            with alone(state, "heal") as turn:
                account.succeeds(turn)
    killed, *others = log(str(home)).entries
    assert (killed.command, killed.outcome, killed.exit_code, killed.seconds) == (
        "deploy",
        "killed",
        None,
        None,
    )
    assert [other.command for other in others] == ["heal", "heal"]


def test_nothing_is_done_when_it_cannot_be_written_down(home: Path) -> None:
    (home / ".mqctl" / FILE).mkdir(parents=True)
    with pytest.raises(MqctlError, match="cannot be written: Is a directory"):
        _end(home, ZeroDivisionError("it went on"))


def test_half_a_line_spoils_no_other(home: Path) -> None:
    path = home / ".mqctl" / FILE
    path.parent.mkdir()
    append(path, [entry("one")])
    with path.open("ab") as file:
        file.write(entry("half").model_dump_json().encode()[:70])
    append(path, [entry("two")])
    found = log(str(home))
    assert [one.command for one in found.entries] == ["one", "two"]
    assert found.unreadable == 1


def _write(path: Path, name: str) -> None:
    for number in range(50):
        append(path, [entry(f"{name}-{number}", changed=Changed(objects=("x" * 5000,)))])


def test_many_writers_at_once(home: Path) -> None:
    path = home / ".mqctl" / FILE
    path.parent.mkdir()
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(path, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found = log(str(home))
    assert found.unreadable == 0
    assert sorted(one.command for one in found.entries) == sorted(
        f"{n}-{i}" for n in "abc" for i in range(50)
    )


def test_a_link_is_not_followed(home: Path, tmp_path: Path) -> None:
    (home / ".mqctl").mkdir()
    (home / ".mqctl" / FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(MqctlError, match="cannot be written"):
        append(home / ".mqctl" / FILE, [entry()])
    assert not (tmp_path / "elsewhere").exists()


def test_an_entry_stays_readable() -> None:
    names = tuple(str(number) for number in range(MOST + 5))
    cut = bounded(Changed(objects=names, files={"mq1": names}))
    assert cut.objects[-1] == "and 5 more"
    assert len(cut.files["mq1"]) == MOST + 1
    assert together([cut, cut]) == cut


def test_the_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["audit", str(home)]) == 0
    assert capsys.readouterr().out == f"no run is written down in {home}/.mqctl/{FILE}\n"
    (home / ".mqctl").mkdir()
    changed = Changed(
        files={"mq1": ("/a", "/b"), "mq2": ("/a",)},
        objects=("create queue a in /",),
        services={"lb1": ("x",)},
    )
    append(
        home / ".mqctl" / FILE,
        [
            entry(changed=changed, options=("--limit", "mq1")),
            entry("heal", outcome="killed", exit_code=None, seconds=None, error="it was killed"),
        ],
    )
    assert cli.run(["audit", str(home)]) == 0
    out = capsys.readouterr().out
    head, _, first, *_ = [line for line in out.splitlines() if line.strip()]
    assert head.split() == ["When", "Who", "Command", "Seconds", "Outcome", "Exit", "Changed", "Not", "done"]
    assert first.split()[:3] == ["2026-12-01", "01:02:03Z", "ops@build1"]
    assert "deploy --limit mq1" in first
    assert "lb1, mq1, mq2: 3 files, 1 service action" in first
    assert "killed" in out
    assert words(changed) == "lb1, mq1, mq2: 3 files, 1 service action; create queue a in /"
    assert words(Changed(other=tuple("abcde"))) == "a, b, c and 2 more"
    assert cli.run(["audit", str(home), "--json", "--last", "1"]) == 0
    (only,) = json.loads(capsys.readouterr().out)
    assert only["command"] == "heal"


def test_what_cannot_be_read_is_counted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / ".mqctl").mkdir()
    (home / ".mqctl" / FILE).write_text('{"at": 1}\nnonsense\n')
    assert cli.run(["audit", str(home)]) == 0
    assert capsys.readouterr().err == f"2 lines of {home}/.mqctl/{FILE} could not be read\n"


def test_an_unknown_inventory_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["audit", "nothing-like-it"]) == ExitCode.REFUSED
    assert "no inventory nothing-like-it" in capsys.readouterr().err
