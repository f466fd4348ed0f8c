"""What hosts and inventories call their things cannot act on the reader's terminal."""

from __future__ import annotations

import io
import json

import pytest
from rich.table import Table
from rich.text import Text

from mqctl.cli import tell
from mqctl.cli.console import SafeConsole
from mqctl.cli.say import say
from mqctl.errors import MqctlError
from mqctl.model.visible import visible

EVIL = "orders\x1b[2J\x1b]0;owned\x07\u202e\x9b1m"
SPELLED = "orders\\u001b[2J\\u001b]0;owned\\u0007\\u202e\\u009b1m"


def test_control_characters_are_spelled_out() -> None:
    assert visible(EVIL) == SPELLED
    assert visible("a\tb\nc", keep="\n\t") == "a\tb\nc"
    assert visible("a\rb\ud800") == "a\\u000db\\ud800"
    assert visible("日本 é \U0001f407") == "日本 é \U0001f407"


def test_plain_output_and_errors_are_safe(capsys: pytest.CaptureFixture[str]) -> None:
    say(EVIL)
    tell(MqctlError(f"no queue {EVIL}", f"declare {EVIL}"))
    said = capsys.readouterr()
    assert said.out == f"{SPELLED}\n"
    assert said.err == f"error: no queue {SPELLED}\n\nhint: declare {SPELLED}\n"


def test_json_stays_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    say(json.dumps({"name": EVIL}, ensure_ascii=False))
    assert json.loads(capsys.readouterr().out) == {"name": EVIL}


def test_tables_are_safe_on_a_terminal_and_keep_their_colours() -> None:
    screen = io.StringIO()
    console = SafeConsole(file=screen, force_terminal=True, color_system="standard", width=100)
    table = Table("Queue")
    table.add_row(Text(EVIL, style="red"))
    table.add_row("[bold]not markup[/bold]")
    console.print(table)
    printed = screen.getvalue()
    assert "orders\\u001b[2J" in printed
    assert "\x1b[2J" not in printed
    assert "\x07" not in printed
    assert "\x1b[31m" in printed
    assert "[bold]not markup[/bold]" in printed


def test_columns_are_as_wide_as_what_is_shown() -> None:
    screen = io.StringIO()
    table = Table("Queue")
    table.add_row(EVIL)
    SafeConsole(file=screen, width=100).print(table)
    assert len({len(line) for line in screen.getvalue().splitlines()}) == 1
