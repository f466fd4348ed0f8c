"""The exit codes of the code and of the documentation are one table."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mqctl import cli
from mqctl.errors import ExitCode, GateError, InconclusiveError, MqctlError, UsageError

DOCUMENT = Path(__file__).parents[3] / "docs" / "exit-codes.md"


def test_document_has_every_code_and_no_other() -> None:
    rows = re.findall(r"^\| (\d+) \| ([a-z ]+) \|", DOCUMENT.read_text(), re.MULTILINE)
    assert {int(code): name.replace(" ", "_").upper() for code, name in rows} == {
        code.value: code.name for code in ExitCode
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [(MqctlError("a"), 4), (UsageError("a"), 2), (GateError("a"), 1), (InconclusiveError("a"), 3)],
)
def test_each_error_has_its_code(error: MqctlError, code: int) -> None:
    assert error.exit_code == code


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nonsense"], "error: no such command 'nonsense'"),
        (["deploy", "--nonsense"], "error: no such option: --nonsense"),
        (["render"], "error: missing argument"),
    ],
)
def test_usage_errors_are_refused_in_two_lines(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == ExitCode.REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.lower().startswith(said)
    assert "\n\nhint: " in told.err
    assert "Traceback" not in told.err


def test_a_defect_is_told_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr("mqctl.cli.main.build", lambda: lambda **_: broken())
    monkeypatch.delenv("MQCTL_DEBUG", raising=False)
    assert cli.run([]) == ExitCode.CANNOT_RUN
    told = capsys.readouterr().err
    assert told.startswith("error: mqctl itself failed: ZeroDivisionError")
    assert "secret detail" not in told
    assert "Traceback" not in told


def test_an_error_is_told_with_its_hint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(**_: object) -> int:
        raise UsageError("no such thing", "ask for another")

    monkeypatch.setattr("mqctl.cli.main.build", lambda: refuse)
    assert cli.run([]) == 2
    assert capsys.readouterr().err == "error: no such thing\n\nhint: ask for another\n"


def test_interrupt_says_that_it_can_be_run_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(**_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("mqctl.cli.main.build", lambda: interrupt)
    assert cli.run([]) == cli.INTERRUPTED
    assert "can be run again" in capsys.readouterr().err


def test_interrupt_of_a_command_that_typer_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("mqctl.workflows.lab.list_labs", interrupt)
    assert cli.run(["lab", "list"]) == cli.INTERRUPTED
    assert capsys.readouterr().err == "interrupted: the same command can be run again\n"


@pytest.mark.parametrize("arguments", [[], ["lab"]])
def test_a_bare_command_shows_its_help_and_no_empty_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == ExitCode.REFUSED
    told = capsys.readouterr()
    assert "Usage: " in told.out
    assert told.err == ""
