"""What is broken is on the list before, and off it after; nothing that goes wrong in between changes that."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mqctl.errors import MqctlError
from mqctl.faults.broken import Broken
from mqctl.ssh.failure import SshError
from mqctl.workflows import damage as module
from mqctl.workflows.damage import Damage, at_once, enter, stubborn
from mqctl.workload.journal import Journal


@dataclass
class Recorder:
    """A fault that notes what the list on disc said at each moment."""

    broken: Broken
    wrong: dict[str, list[MqctlError]] = field(default_factory=dict)
    """Errors still to be raised, by moment."""
    noted: list[tuple[str, int]] = field(default_factory=list)
    shows: str | None = "seen"

    def _note(self, moment: str) -> None:
        self.noted.append((moment, len(self.broken.read())))
        if self.wrong.get(moment):
            raise self.wrong[moment].pop(0)

    def inject(self) -> None:
        self._note("inject")

    def evidence(self) -> str | None:
        self._note("evidence")
        return self.shows

    def heal(self) -> None:
        self._note("heal")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(tmp_path / "h.ndjson")
    yield made
    made.close()


def events(tmp_path: Path) -> list[str]:
    return [json.loads(line)["event"] for line in (tmp_path / "h.ndjson").read_text().splitlines()]


def test_the_list_comes_first_and_goes_last(tmp_path: Path, journal: Journal) -> None:
    broken = Broken(tmp_path)
    faults = {"mq1": Recorder(broken), "mq2": Recorder(broken)}
    damage = Damage("kill-broker", faults, broken, journal)
    damage.announce()
    damage.inject()
    assert all(damage.seen(host) for host in damage.hosts)
    assert [entry.host for entry in broken.read()] == ["mq1", "mq2"]
    damage.heal()
    assert broken.read() == ()
    assert [fault.noted[:2] for fault in faults.values()] == [[("inject", 2), ("evidence", 2)]] * 2
    assert all(count >= 1 for fault in faults.values() for _, count in fault.noted)
    assert events(tmp_path) == ["fault-injected"] * 2 + ["fault-observed"] * 2 + ["fault-healed"] * 2


def test_no_effect_and_no_answer_show_nothing(tmp_path: Path, journal: Journal) -> None:
    broken = Broken(tmp_path)
    fault = Recorder(broken, {"evidence": [MqctlError("no answer")]}, shows=None)
    damage = Damage("kill-broker", {"mq1": fault}, broken, journal)
    assert not damage.seen("mq1")
    assert not damage.seen("mq1")
    assert events(tmp_path) == []


def test_what_cannot_be_healed_stays_and_keeps_nothing_else(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "HEAL", 0)
    broken = Broken(tmp_path)
    bad = Recorder(broken, {"heal": [MqctlError("out of reach")] * 3})
    damage = Damage("power-off", {"mq1": bad, "mq2": Recorder(broken)}, broken, journal)
    damage.announce()
    with pytest.raises(MqctlError, match="out of reach"):
        damage.heal()
    assert [entry.host for entry in broken.read()] == ["mq1"]
    assert events(tmp_path)[2:] == ["fault-healed"]


def test_healing_is_stubborn(tmp_path: Path, journal: Journal) -> None:
    broken = Broken(tmp_path)
    fault = Recorder(broken, {"heal": [SshError("mq1", "lost", "the connection broke")]})
    damage = Damage("kill-broker", {"mq1": fault}, broken, journal)
    damage.announce()
    damage.heal()
    assert broken.read() == ()
    assert [moment for moment, _ in fault.noted] == ["heal", "heal"]


def test_a_host_that_let_nobody_in_is_asked_again() -> None:
    errors: list[MqctlError] = [SshError("mq1", "protocol", "it hung up")]
    done: list[str] = []

    def work() -> None:
        if errors:
            raise errors.pop()
        done.append("in")

    enter(work)
    assert done == ["in"]


@pytest.mark.parametrize("error", [SshError("mq1", "lost", "the connection broke"), MqctlError("no process")])
def test_what_may_have_been_done_is_not_done_again(error: MqctlError) -> None:
    asked: list[int] = []

    def work() -> None:
        asked.append(1)
        raise error

    with pytest.raises(MqctlError, match=error.message):
        enter(work)
    assert asked == [1]


def test_the_last_error_is_the_one_to_tell() -> None:
    errors = [MqctlError("second"), MqctlError("first")]

    def work() -> None:
        raise errors.pop() if len(errors) > 1 else errors[0]

    with pytest.raises(MqctlError, match="second"):
        stubborn(work, 1.5)


def test_all_are_done_although_one_fails() -> None:
    done: list[int] = []

    def bad() -> None:
        raise MqctlError("no")

    with pytest.raises(MqctlError, match="no"):
        at_once([bad, lambda: done.append(1)])
    assert done == [1]
