"""What `mqctl check` prints, asks and answers, from surveys by hand."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from rich.console import Console

from mqctl import cli
from mqctl.cli import check_view
from mqctl.errors import ExitCode
from mqctl.gates.preflight.judge import judge
from mqctl.model.preflight import Survey, Upgrades
from mqctl.model.topology import Topology
from mqctl.render.bundle import render
from mqctl.workflows import check as workflow
from mqctl.workflows.check import Checked, planned
from tests.topologies import mirrored_3node

from . import found as f

TOPOLOGY = mirrored_3node()
UNREACHED = f.exam("mq2", stopped_at="ssh", reason="no route", hint="is it up?", status=None, clock=None)
FULL = f.inside("mq1", "resources", disk_free=1)
MUTE = f.missing("mq1", "listeners")
NIGHTLY = f.facts("mq2", upgrades=Upgrades(installed=True, enabled=True))


def checked(*changes: f.Change) -> Checked:
    survey = f.both(*changes)(f.fresh(TOPOLOGY))
    return Checked(TOPOLOGY, survey, tuple(judge(TOPOLOGY, render(TOPOLOGY), survey)))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ((), ExitCode.DONE),
        ((NIGHTLY,), ExitCode.DONE),
        ((MUTE,), ExitCode.UNKNOWN),
        ((MUTE, FULL), ExitCode.FAILED),
        ((UNREACHED,), ExitCode.CANNOT_RUN),
        ((UNREACHED, FULL, MUTE), ExitCode.CANNOT_RUN),
        (
            (f.exam("mq2", stopped_at="sudo", reason="no", status=None, clock=None),),
            ExitCode.FAILED,
        ),
    ],
)
def test_exit_codes(changes: tuple[f.Change, ...], code: ExitCode) -> None:
    assert checked(*changes).exit_code == code


def printed(seen: Checked, every: bool = False) -> list[str]:
    out = io.StringIO()
    table = check_view.table(seen.results, len(seen.topology.hosts), every)
    Console(file=out, width=160, highlight=False).print(table)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_hosts_that_say_the_same_share_a_row() -> None:
    lines = printed(checked(FULL))
    assert lines[1] == "Host Check Result Message"
    assert "all 5 SSH pass reached" in lines
    assert "mq1, mq2, mq3 Erlang pass 25.2.3" in lines
    assert "mq2, mq3 disk pass 40.0 GiB free in /var/lib" in lines
    assert "all clocks pass at most 0.2 s apart" in lines
    assert any(line.startswith("mq1 disk fail expected more than") for line in lines)


def test_every_row_when_asked() -> None:
    lines = printed(checked(), every=True)
    assert "lb2 SSH pass reached" in lines
    assert not any(line.startswith("all 5") for line in lines)


def test_hints_once_and_the_count() -> None:
    seen = checked(FULL, f.inside("mq2", "resources", disk_free=1))
    assert check_view.hints(seen.results) == ["hint: disk: below it the broker blocks every publisher"]
    assert check_view.summary(seen.results).endswith(" passed, 2 failed")
    assert check_view.hints(checked().results) == []


def test_a_plan_that_a_deploy_would_refuse() -> None:
    bundles, fresh = render(TOPOLOGY), f.fresh(TOPOLOGY)
    assert planned(TOPOLOGY, bundles, fresh).outcome == "pass"
    assert planned(TOPOLOGY, bundles, fresh).message.startswith("a deploy can begin: ")
    silent = planned(TOPOLOGY, bundles, UNREACHED(fresh))
    assert (silent.outcome, silent.message) == ("unknown", "no plan without the answer of mq2")
    lacking = f.status("mq2", candidates={"rabbitmq-server": None})
    refused = planned(TOPOLOGY, bundles, lacking(fresh))
    assert (refused.outcome, refused.host) == ("fail", "all")
    assert refused.message.startswith("mq2: package rabbitmq-server is not installed and the host's package")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """The command over surveys by hand, one after the other; what was repaired is collected."""
    repaired: list[str] = []

    def of(*surveys: Survey) -> list[str]:
        left = list(surveys)

        def examine(topology: Topology, bundles: Any, pool: Any) -> Survey:
            return left.pop(0)

        monkeypatch.setattr(workflow, "examine", examine)
        return repaired

    @contextmanager
    def hosts(topology: Topology) -> Iterator[None]:
        yield None

    monkeypatch.setattr(workflow, "read", lambda *_: TOPOLOGY)
    monkeypatch.setattr(workflow.Hosts, "of", hosts)
    monkeypatch.setattr(
        "mqctl.workflows.check_fix.repair",
        lambda topology, wanted: repaired.extend(str(one) for one in wanted),
    )
    return of


def test_a_table_and_an_exit_code(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked(f.both(FULL, UNREACHED)(f.fresh(TOPOLOGY)))
    assert cli.run(["check", "prod"]) == ExitCode.CANNOT_RUN
    told = capsys.readouterr()
    assert "no route" in told.out
    assert "\nhint: SSH: is it up?\n" in told.out
    assert told.err == ""


def test_no_host_at_all_is_an_error(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = [
        f.exam(host.name, stopped_at="ssh", reason="no route", hint="is the lab up?", status=None)
        for host in TOPOLOGY.hosts
    ]
    asked(f.both(*nobody)(f.fresh(TOPOLOGY)))
    assert cli.run(["check", "prod"]) == ExitCode.CANNOT_RUN
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: no host could be asked:\n  - mq1: no route\n")
    assert told.err.endswith("\n\nhint: is the lab up?\n")


def test_json(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked(FULL(f.fresh(TOPOLOGY)))
    assert cli.run(["check", "prod", "--json"]) == ExitCode.FAILED
    said = json.loads(capsys.readouterr().out)
    assert (said["topology"], said["outcome"], said["repaired"]) == ("mirrored-3node", "fail", [])
    (failed,) = [one for one in said["results"] if one["outcome"] == "fail"]
    assert (failed["host"], failed["check"]) == ("mq1", "disk")
    assert failed["hint"] == "below it the broker blocks every publisher"


def test_nothing_to_fix(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    repaired = asked(FULL(f.fresh(TOPOLOGY)))
    assert cli.run(["check", "prod", "--fix"]) == ExitCode.FAILED
    assert "nothing of this is for --fix to put right" in capsys.readouterr().err
    assert repaired == []


def test_without_fix_nothing_is_put_right(asked: Any) -> None:
    repaired = asked(NIGHTLY(f.fresh(TOPOLOGY)))
    assert cli.run(["check", "prod"]) == ExitCode.DONE
    assert repaired == []


@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_a_fix_that_was_not_confirmed(
    asked: Any, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    repaired = asked(NIGHTLY(f.fresh(TOPOLOGY)))
    monkeypatch.setattr("sys.stdin", io.StringIO(said))
    assert cli.run(["check", "prod", "--fix"]) == ExitCode.REFUSED
    assert repaired == []
    assert "fix: mq2: write /etc/apt/apt.conf.d/" in capsys.readouterr().err


def test_a_fix_shows_the_table_again(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    repaired = asked(NIGHTLY(f.fresh(TOPOLOGY)), f.fresh(TOPOLOGY))
    assert cli.run(["check", "prod", "--fix", "--yes"]) == ExitCode.DONE
    before, after = capsys.readouterr().out.split("1 warned", 1)
    assert "would upgrade and restart erlang-base, rabbitmq-server by itself" in before
    assert "unattended-upgrades" in after
    assert "would upgrade" not in after
    assert len(repaired) == 1


def test_a_fix_with_json_prints_one_document(asked: Any, capsys: pytest.CaptureFixture[str]) -> None:
    asked(NIGHTLY(f.fresh(TOPOLOGY)), f.fresh(TOPOLOGY))
    assert cli.run(["check", "prod", "--fix", "--yes", "--json"]) == ExitCode.DONE
    told = capsys.readouterr()
    assert json.loads(told.out)["repaired"] == [{"host": "mq2", "fix": "keep-packages"}]
    assert "would upgrade" in told.err
