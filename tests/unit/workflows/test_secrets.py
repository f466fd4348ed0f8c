"""`mqctl secrets`: made once, shown masked, edited in a place of its own and under the inventory's rules."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
import yaml

from mqctl.cli import run
from mqctl.errors import ExitCode, UsageError
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions, load, vault
from mqctl.workflows import secrets

NAMES = ["rabbitmq_erlang_cookie", "rabbitmq_passwords.admin", "rabbitmq_passwords.app"]


@pytest.fixture
def inventory(one_broker: Path) -> Path:
    return one_broker


@pytest.fixture
def locked(options: VaultOptions) -> VaultOptions:
    return options


def file_of(inventory: Path) -> Path:
    return inventory / "group_vars" / "all" / "secrets.yml"


def typing(change: Callable[[str], str], seen: list[Path] | None = None) -> Callable[[Sequence[str]], int]:
    """An editor that makes this of the text, and notes where it worked."""

    def editor(argv: Sequence[str]) -> int:
        copy = Path(argv[-1])
        if seen is not None:
            seen.append(copy)
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert stat.S_IMODE(copy.parent.stat().st_mode) == 0o700
        copy.write_text(change(copy.read_text()))
        return 0

    return editor


def test_init_makes_what_is_missing_once(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["secrets", "init", str(inventory)]) == ExitCode.DONE
    assert capsys.readouterr().out == f"generated {', '.join(NAMES)} in {file_of(inventory)}\n"
    text = file_of(inventory).read_text()
    assert run(["secrets", "init", str(inventory)]) == ExitCode.DONE
    assert capsys.readouterr().out == "nothing is missing\n"
    assert file_of(inventory).read_text() == text


def test_show_masks_and_says_where(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (inventory / "group_vars" / "rabbitmq.yml").write_text(
        "rabbitmq_users: [{name: billing, password: from-the-list}]\nrabbitmq_erlang_cookie: null\n"
    )
    secrets.init(str(inventory), VaultOptions())
    made = yaml.safe_load(file_of(inventory).read_text())
    rows = {row.name: row for row in secrets.show(str(inventory), VaultOptions())}
    assert list(rows) == [*NAMES, "rabbitmq_passwords.billing"]
    assert rows["rabbitmq_passwords.billing"].defined == (inventory / "group_vars" / "rabbitmq.yml",)
    assert {rows[name].defined for name in NAMES} == {(file_of(inventory),)}
    for arguments in ([], ["--json"]):
        assert run(["secrets", "show", str(inventory), *arguments]) == ExitCode.DONE
        said = capsys.readouterr()
        for value in (made["rabbitmq_erlang_cookie"], *made["rabbitmq_passwords"].values(), "from-the-list"):
            assert value not in said.out + said.err


def test_what_is_missing_is_shown_as_missing(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = secrets.show(str(inventory), VaultOptions())
    assert [(row.name, row.missing, row.defined) for row in rows] == [(name, True, ()) for name in NAMES]
    assert run(["secrets", "show", str(inventory)]) == ExitCode.DONE
    assert "nowhere yet" in capsys.readouterr().out


def test_one_is_revealed_alone(inventory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secrets.init(str(inventory), VaultOptions())
    made = yaml.safe_load(file_of(inventory).read_text())
    assert run(["secrets", "show", str(inventory), "--reveal", "rabbitmq_passwords.app"]) == ExitCode.DONE
    assert capsys.readouterr().out == made["rabbitmq_passwords"]["app"] + "\n"


def test_what_sites_do_not_share_is_told_apart(inventory: Path) -> None:
    (inventory / "hosts.yml").write_text(
        "rabbitmq:\n  hosts:\n"
        "    mq1: {ansible_host: 192.0.2.11, mqctl_site: east, rabbitmq_erlang_cookie: EASTEASTEAST}\n"
        "    mq2: {ansible_host: 192.0.2.12, mqctl_site: west, rabbitmq_erlang_cookie: WESTWESTWEST}\n"
    )
    secrets.init(str(inventory), VaultOptions())
    names = [row.name for row in secrets.show(str(inventory), VaultOptions())]
    assert names[:2] == ["rabbitmq_erlang_cookie@east", "rabbitmq_erlang_cookie@west"]
    assert secrets.value(str(inventory), "rabbitmq_erlang_cookie@west", VaultOptions()) == "WESTWESTWEST"
    shown = secrets.show(str(inventory), VaultOptions())[0]
    assert shown.defined == (inventory / "hosts.yml",)


@pytest.mark.parametrize(
    ("name", "made", "message"),
    [
        ("rabbitmq_passwords.nobody", True, "there is no secret rabbitmq_passwords.nobody"),
        ("rabbitmq_passwords.app", False, "rabbitmq_passwords.app does not exist yet"),
    ],
)
def test_what_is_not_there_is_not_revealed(inventory: Path, name: str, made: bool, message: str) -> None:
    if made:
        secrets.init(str(inventory), VaultOptions())
    with pytest.raises(UsageError, match=message):
        secrets.value(str(inventory), name, VaultOptions())


def test_an_edit_replaces_the_file_and_leaves_nothing(inventory: Path) -> None:
    secrets.init(str(inventory), VaultOptions())
    seen: list[Path] = []
    editor = typing(lambda text: text + "rabbitmq_admin_user: root\n", seen)
    assert secrets.edit(str(inventory), VaultOptions(), editor) == (file_of(inventory), True)
    assert file_of(inventory).read_text().endswith("rabbitmq_admin_user: root\n")
    assert stat.S_IMODE(file_of(inventory).stat().st_mode) == 0o600
    assert not seen[0].parent.exists()
    assert [path.name for path in file_of(inventory).parent.iterdir()] == ["secrets.yml"]


def test_a_vault_stays_a_vault_and_its_text_off_the_disk(inventory: Path, locked: VaultOptions) -> None:
    secrets.init(str(inventory), locked)
    assert file_of(inventory).read_text().startswith(vault.HEADER)
    seen: list[Path] = []
    editor = typing(lambda text: text.replace("rabbitmq_erlang_cookie: ", "rabbitmq_erlang_cookie: X"), seen)
    assert secrets.edit(str(inventory), locked, editor) == (file_of(inventory), True)
    assert file_of(inventory).read_text().startswith(vault.HEADER)
    assert load(inventory, locked).erlang_cookie.get_secret_value().startswith("X")
    kind = subprocess.run(["stat", "-f", "-c", "%T", seen[0].parent.parent], capture_output=True, text=True)
    assert kind.stdout.strip() == "tmpfs"


def test_an_unchanged_text_writes_nothing(inventory: Path, locked: VaultOptions) -> None:
    secrets.init(str(inventory), locked)
    text = file_of(inventory).read_text()
    assert secrets.edit(str(inventory), locked, typing(lambda same: same)) == (file_of(inventory), False)
    assert file_of(inventory).read_text() == text


@pytest.mark.parametrize(
    ("edited", "message"),
    [
        ("rabbitmq_erlang_cookie: short-1\n", "rabbitmq_erlang_cookie: must have at least 8 character"),
        ("rabbitmq_erlang_cooky: ABCDEFGHIJ\n", "is not a known variable"),
        ("- a list\n", "is not a YAML mapping"),
        ("a: b: c\n", "is not a YAML mapping"),
        ("rabbitmq_passwords: hunter2hunter2\n", "is not a mapping"),
    ],
)
def test_what_the_rules_refuse_does_not_replace_the_file(inventory: Path, edited: str, message: str) -> None:
    secrets.init(str(inventory), VaultOptions())
    text = file_of(inventory).read_text()
    with pytest.raises(UsageError, match=message) as refused:
        secrets.edit(str(inventory), VaultOptions(), typing(lambda old: edited))
    assert file_of(inventory).read_text() == text
    assert "hunter2" not in refused.value.message
    assert "short-1" not in refused.value.message
    assert "/mqctl-" not in refused.value.message


def test_an_editor_that_fails_changes_nothing(inventory: Path) -> None:
    secrets.init(str(inventory), VaultOptions())
    with pytest.raises(UsageError, match="ended with exit code 1: nothing was changed"):
        secrets.edit(str(inventory), VaultOptions(), lambda argv: 1)


def test_without_a_file_there_is_nothing_to_edit(inventory: Path) -> None:
    with pytest.raises(UsageError, match=r"secrets\.yml does not exist"):
        secrets.edit(str(inventory), VaultOptions(), lambda argv: 0)


@pytest.fixture
def heard() -> Iterator[None]:
    """What runs under nohup ignores SIGHUP, and so would the programs that it starts."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(
    inventory: Path, tmp_path: Path, number: signal.Signals, heard: None
) -> None:
    """The editor is ended, the text in the clear is gone, the file is as it was."""
    secrets.init(str(inventory), VaultOptions())
    text = file_of(inventory).read_text()
    editor, note = tmp_path / "editor", tmp_path / "note"
    editor.write_text(f'#!/bin/sh\necho "$$ $1" > {note}.new; mv {note}.new {note}; exec sleep 60\n')
    editor.chmod(0o755)
    argv = [sys.executable, "-m", "mqctl", "secrets", "edit", str(inventory)]
    with subprocess.Popen(
        argv, env={**os.environ, "VISUAL": str(editor)}, stderr=subprocess.DEVNULL
    ) as mqctl:
        wait(note.exists, timeout=60, interval=0.1, what="the editor")
        process, copy = note.read_text().split()
        assert Path(copy).exists()
        mqctl.send_signal(number)
        assert mqctl.wait(30) == 128 + number
    assert not Path(copy).parent.exists()
    assert not Path("/proc", process).exists()
    assert file_of(inventory).read_text() == text
