"""Progress where there is no terminal: plain lines on stderr, nothing on stdout."""

from __future__ import annotations

import pytest

from mqctl.cli.progress import Printer


def test_phases_and_outcomes_are_lines_and_what_runs_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with Printer() as printer:
        printer.phase(3, 7, "Look at the hosts")
        printer.host("mq1", "Place the files", "running")
        printer.host("mq1", "Place the files", "changed")
        printer.host("lb1", "refused:\nline 3 [bold]is[/bold] wrong", "failed")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "(3/7) Look at the hosts",
        "  ~ mq1        Place the files",
        "  ! lb1        refused:",
        "               line 3 [bold]is[/bold] wrong",
    ]


def test_long_lines_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    with Printer() as printer:
        printer.host("mq1", "word " * 100, "ok")
    assert len(capsys.readouterr().err.splitlines()) == 1
