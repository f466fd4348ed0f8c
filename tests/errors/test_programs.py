"""Refusals of whole inventories, read by Ansible's own program, word for word."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mqctl import cli
from mqctl.errors import ExitCode, MqctlError
from mqctl.inventory import load

INVENTORIES = sorted(path for path in (Path(__file__).parent / "inventories").iterdir() if path.is_dir())


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)
def test_refusal(inventory: Path) -> None:
    with pytest.raises(MqctlError) as raised:
        load(inventory)
    said = f"{raised.value.message}\n\n{raised.value.hint}".strip() + "\n"
    assert said.replace(str(inventory), "DIR") == (inventory / "message.txt").read_text()
    assert raised.value.exit_code == 2


@pytest.mark.parametrize("command", ["deploy", "failover-test"])
@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.name)
def test_no_command_goes_on_or_leaves_anything(
    inventory: Path, command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even the secrets that it lacks are generated."""
    copy = tmp_path / "site"
    shutil.copytree(inventory, copy)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert cli.run([command, str(copy)]) == ExitCode.REFUSED
    told = capsys.readouterr()
    message = (inventory / "message.txt").read_text().partition("\n\n")[0].rstrip()
    assert f"error: {message}".replace("DIR", str(copy)) in told.err
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
