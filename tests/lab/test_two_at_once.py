"""Two runs from two directories on the same hosts: one works, the other is told who does."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl import cli
from mqctl.errors import ExitCode
from mqctl.gates.wait import wait
from mqctl.model.claim import LOCK, read
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.workflows.alone import alone, everywhere
from mqctl.workflows.deploy import CLUSTER, Wish, deploy
from mqctl.workflows.phase import HostState, Silent

pytestmark = pytest.mark.lab

SETTING = "rabbitmq_channel_max: {}\n"
"""Every broker restarts for it, one at a time: long enough for two to meet."""


@pytest.fixture
def first(deployed: Topology) -> Iterator[Path]:
    """The directory that the lab belongs to."""
    yield deployed.inventory
    (deployed.inventory / "group_vars" / "all" / "change.yml").unlink(missing_ok=True)
    assert deploy(Wish(str(deployed.inventory)), Silent()).outcome == "pass"


@pytest.fixture
def second(first: Path, tmp_path: Path) -> Path:
    """Another directory with the same inventory, as on another machine: its hosts are just hosts.

    Its name is the cluster's.
    """
    copy = tmp_path / "second" / first.name
    shutil.copytree(first, copy, ignore=shutil.ignore_patterns(".mqctl", "lab.yml"))
    connection = copy / "group_vars" / "all" / "connection.yml"
    connection.write_text(connection.read_text().replace("{{ inventory_dir }}", str(first)))
    return copy


def change(directory: Path, value: int) -> None:
    (directory / "group_vars" / "all" / "change.yml").write_text(SETTING.format(value))


def start(directory: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mqctl", "deploy", str(directory)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lock_files(topology: Topology) -> dict[str, str]:
    with Hosts.of(topology) as hosts:
        return {host.name: hosts.run(host.name, ["cat", LOCK]).stdout for host in topology.hosts}


def test_of_two_deploys_at_once_one_is_refused_and_told_by_whom(
    first: Path, second: Path, deployed: Topology
) -> None:
    change(first, 1500)
    change(second, 1500)
    runs = {directory: start(directory) for directory in (first, second)}
    said = {directory: run.communicate(timeout=300) for directory, run in runs.items()}
    by_code = {run.returncode: directory for directory, run in runs.items()}
    assert set(by_code) == {ExitCode.DONE, ExitCode.CANNOT_RUN}, said
    winner, loser = by_code[ExitCode.DONE], by_code[ExitCode.CANNOT_RUN]
    error, _, hint = said[loser][1].partition("error: ")[2].partition("\n\n")
    assert re.fullmatch(
        r"something else is changing these hosts: mqctl deploy by \S+@\S+, "
        rf"process {runs[winner].pid}, from {winner}, since 20\S+\+00:00 \(its lock is on mq1\)",
        error,
    )
    assert hint.startswith("hint: wait until it has ended: the lock goes with its process")
    for text in lock_files(deployed).values():
        claim = read(text)
        assert claim
        assert claim.ended
        assert claim.pid == runs[winner].pid
    again = start(loser)
    out, err = again.communicate(timeout=300)
    assert again.returncode == 0, err
    assert "nothing to change" in out


def test_the_others_are_refused_too_and_a_deploy_with_nothing_to_change_is_not(
    first: Path, second: Path, deployed: Topology, capsys: pytest.CaptureFixture[str]
) -> None:
    with alone(deployed.state_dir, "heal") as turn, everywhere(deployed, turn):
        for command in (
            ["queues", "sync", str(second)],
            ["heal", str(second)],
            ["failover-test", str(second), "--yes"],
            ["destroy", str(second), "--yes-destroy", second.name],
        ):
            assert cli.run(command) == ExitCode.CANNOT_RUN, command
            assert "something else is changing these hosts: mqctl heal by " in capsys.readouterr().err
        assert cli.run(["deploy", str(second)]) == ExitCode.DONE
        assert "nothing to change" in capsys.readouterr().out
        assert cli.run(["deploy", str(first)]) == ExitCode.CANNOT_RUN
        error = capsys.readouterr().err
        assert f"something else is changing this inventory's hosts: {turn.claim}\n" in error


class Between:
    """A Progress that does something after the look and before the lock."""

    def __init__(self, work: object) -> None:
        self.work = work
        self.lines: list[tuple[str, str]] = []

    def phase(self, number: int, total: int, title: str) -> None:
        if title == "Apply with Ansible" and callable(self.work):
            self.work()

    def host(self, host: str, message: str, state: HostState) -> None:
        self.lines.append((host, message))


@pytest.mark.matrix  # two minutes each
def test_a_plan_that_another_run_has_overtaken_is_made_again(first: Path, second: Path) -> None:
    change(first, 1400)
    change(second, 1400)
    told = Between(lambda: deploy(Wish(str(first)), Silent()))
    report = deploy(Wish(str(second)), told)
    assert report.plans == ()
    assert report.outcome == "pass"
    assert (CLUSTER, "another run has made it so in the meantime") in told.lines
    assert any("since the look: looking again" in message for _, message in told.lines)


@pytest.mark.matrix  # two minutes each
def test_what_a_killed_deploy_left_running_is_waited_for_and_then_finished(
    first: Path, second: Path, deployed: Topology
) -> None:
    change(first, 1300)
    change(second, 1300)
    run = start(first)
    assert run.stderr
    for line in run.stderr:
        if "Bring the broker up" in line or "Place the files" in line:
            break
    run.kill()
    run.communicate()
    codes: list[int] = []

    def finished() -> bool:
        again = start(second)
        _, err = again.communicate(timeout=300)
        codes.append(again.returncode)
        assert again.returncode == 0 or "a task of a run that was cut off" in err, err
        return again.returncode == 0

    wait(finished, timeout=300, interval=1, what="the end of what the killed run left")
    assert cli.run(["plan", str(first), "--exit-code"]) == ExitCode.DONE
    secrets = yaml.safe_load((first / "group_vars" / "all" / "secrets.yml").read_text())
    assert str(secrets["rabbitmq_erlang_cookie"]) not in "".join(lock_files(deployed).values())
