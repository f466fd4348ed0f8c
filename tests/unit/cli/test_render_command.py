"""`mqctl render` from the command line, on the bundled inventory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from mqctl import cli
from mqctl.errors import ExitCode
from tests import inventories


@pytest.fixture
def inventory(tmp_path: Path) -> str:
    copy = tmp_path / "mirrored-3node"
    inventories.copy("mirrored-3node", copy)
    return str(copy)


def secrets(inventory: str) -> list[str]:
    content = yaml.safe_load((Path(inventory) / "group_vars/all/secrets.yml").read_text())
    passwords = content.pop("rabbitmq_passwords")
    return [str(value) for value in (*content.values(), *passwords.values())]


def test_the_screen_and_json_show_no_secret(inventory: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["render", inventory]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "==> mq3:/etc/rabbitmq/rabbitmq.conf  root:rabbitmq 0640\n" in shown
    assert cli.run(["render", inventory, "--json", "--host", "lb1"]) == ExitCode.DONE
    document = capsys.readouterr().out
    assert list(json.loads(document)) == ["lb1"]
    assert "auth_pass ********" in document
    assert len(secrets(inventory)) >= 5
    assert not [secret for secret in secrets(inventory) if secret in shown + document]


def test_a_directory_gets_the_secrets_and_then_does_not_differ(
    inventory: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.run(["render", inventory, "--out", str(out), "--host", "mq1"]) == ExitCode.DONE
    assert (out / "mq1/var/lib/rabbitmq/.erlang.cookie").read_text() in secrets(inventory)
    capsys.readouterr()
    assert cli.run(["render", inventory, "--out", str(out), "--diff", "--host", "mq1"]) == ExitCode.DONE
    assert capsys.readouterr().out == ""
    assert cli.run(["render", inventory, "--out", str(out), "--diff", "--host", "mq2"]) == ExitCode.DONE
    assert "+++ mq2/etc/hosts" in capsys.readouterr().out
    assert not (out / "mq2").exists()


@pytest.mark.parametrize(
    "options", [["--host", ""], ["--host", "mq9"], ["--component", ""], ["--component", "x"], ["--diff"]]
)
def test_options_that_name_nothing_are_refused(
    inventory: str, options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["render", inventory, *options]) == ExitCode.REFUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: --")
