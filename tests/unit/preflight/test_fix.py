"""What --fix may do: two things, told before, in scripts that leave nothing half done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from mqctl.gates.preflight.evidence import Check
from mqctl.model.audit import Changed
from mqctl.ssh import SshError
from mqctl.ssh.session import Output
from mqctl.workflows import check_fix
from mqctl.workflows.check_fix import KEEP_FILE, Repair, blacklist, carry_out, repairs

LISTS = Repair("mq1", "read-package-lists")
KEEP = Repair("mq2", "keep-packages", ("erlang-base", "rabbitmq-server"))


def test_each_fix_is_offered_once_and_the_rest_never() -> None:
    check = Check("mq1", "packages")
    results = [
        check.unknown("no lists", fix="read-package-lists"),
        check.unknown("no lists", fix="read-package-lists"),
        check.fails("no disk"),
        check.passes("fine"),
    ]
    assert repairs(results) == (LISTS,)
    assert repairs(results[2:]) == ()


def test_what_is_said_before_it_is_done() -> None:
    assert str(LISTS) == "mq1: apt-get update, which reads the package lists and installs nothing"
    assert str(KEEP) == (
        f"mq2: write {KEEP_FILE}, which keeps unattended-upgrades away from erlang-base, rabbitmq-server; "
        "nothing that runs notices, and removing the file undoes it"
    )


def test_the_blacklist_names_packages_whole_and_all_of_erlang() -> None:
    lines = blacklist(("erlang-base", "g++", "rabbitmq-server")).splitlines()
    assert lines[0].startswith("// Written by mqctl check --fix")
    assert lines[1:] == [
        'Unattended-Upgrade::Package-Blacklist:: "^g..$";',
        'Unattended-Upgrade::Package-Blacklist:: "^rabbitmq-server$";',
        'Unattended-Upgrade::Package-Blacklist:: "^erlang-";',
    ]


@pytest.mark.parametrize(("code", "left"), [(0, True), (1, False)])
def test_the_file_is_placed_whole_or_not_at_all(
    code: int, left: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    apt_config = tmp_path / "bin" / "apt-config"
    apt_config.parent.mkdir()
    apt_config.write_text(f'#!/bin/sh\nprintf "%s " "$@" >{tmp_path}/asked\nexit {code}\n')
    apt_config.chmod(0o755)
    target = tmp_path / "it's 52"
    monkeypatch.setattr(check_fix, "KEEP_FILE", str(target))
    path = {"PATH": f"{apt_config.parent}:/usr/bin:/bin"}
    done = subprocess.run(["/bin/sh"], input=KEEP.script, text=True, env=path, timeout=30, check=False)
    assert (done.returncode == 0) is left
    assert (tmp_path / "asked").read_text() == f"-c {target}.mqctl-new dump "
    assert target.exists() is left
    assert not Path(f"{target}.mqctl-new").exists()
    if left:
        assert target.read_text() == blacklist(KEEP.packages)


class Pool:
    """Hosts of which mq1 refuses programs and mq3 is gone."""

    def each(self, hosts: Iterable[str], ask: Callable[[str], object]) -> dict[str, object]:
        return {host: self._one(host, ask) for host in hosts}

    def _one(self, host: str, ask: Callable[[str], object]) -> object:
        try:
            return ask(host)
        except SshError as error:
            return error

    def run(self, host: str, argv: list[str], stdin: str, timeout: float) -> Output:
        assert (argv, timeout > 0) == (["/bin/sh"], True)
        if host == "mq3":
            raise SshError(host, "lost", "the connection broke")
        return Output(100 if host == "mq1" else 0, "", "E: no mirror\n" if host == "mq1" else "")


def test_what_failed_is_named_with_its_reason() -> None:
    gone = Repair("mq3", "read-package-lists")
    failed = carry_out([LISTS, KEEP, gone], Pool())  # type: ignore[arg-type]
    assert failed == {LISTS: "E: no mirror", gone: "the connection broke"}
    assert carry_out([KEEP], Pool()) == {}  # type: ignore[arg-type]


def test_the_audit_log_names_what_was_done() -> None:
    assert check_fix.together_of([LISTS, KEEP]) == Changed(
        files={"mq2": (KEEP_FILE,)}, other=("read the package lists on mq1",)
    )
