"""When a host counts as up, and how one that will never be is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import ready

STARTING = """starting
12 rabbitmq-server.service start running
1 multi-user.target        start waiting
--
"""


@pytest.mark.parametrize(
    ("text", "finished"),
    [
        ("running\n--\n", True),
        ("degraded\n--\nhaproxy.service loaded failed failed HAProxy\n", True),
        (STARTING, True),
        (STARTING.replace("--", "3 systemd-update-utmp-runlevel.service start waiting\n--"), True),
        (STARTING.replace("--", "3 ssh.service start waiting\n--"), False),
        (STARTING.replace("rabbitmq-server", "ssh"), False),
        ("starting\nNo jobs running.\n--\n", False),
        ("initializing\n--\n", False),
        ("stopping\n--\n", False),
        ("Failed to connect to bus: No such file or directory\n--\n", False),
        ("", False),
    ],
)
def test_finished(text: str, finished: bool) -> None:
    assert ready.parse_boot(text).finished is finished


def test_failed_units_are_named() -> None:
    boot = ready.parse_boot(
        "degraded\n--\nhaproxy.service loaded failed failed x\nfoo.mount loaded failed failed y\n"
    )
    assert boot.failed - ready.SERVICES == {"foo.mount"}


@pytest.mark.parametrize(
    ("last", "hint"),
    [
        (
            b"umount: /etc/hosts: must be superuser\r\n",
            "its last lines:\numount: /etc/hosts: must be superuser",
        ),
        (
            b"\x1b[0;1;31mFailed to allocate manager object: Too many open files\x1b[0m\r\r\n\r\n",
            "many lab hosts at once need more inotify instances, about 5 each: "
            "sysctl -w fs.inotify.max_user_instances=1024",
        ),
        (b"", "does the engine allow SYS_ADMIN and mounts in containers?"),
    ],
)
def test_systemd_that_does_not_come_up(container: Any, last: bytes, hint: str) -> None:
    ended = container("mqctl-demo-mq1", "exited", {}, exit_code=32, last_words=last)
    with pytest.raises(MqctlError) as caught:
        ready.wait_ssh(ended, "mq1", IPv4Address("10.93.11.11"))
    assert caught.value.message == (
        "systemd does not come up in lab host mq1: the container ended with code 32"
    )
    assert caught.value.hint == hint


def test_the_command_line_trusts_only_the_labs_keys() -> None:
    argv = ready.ssh_argv(Path("/srv/demo/.mqctl"), IPv4Address("10.93.11.11"))
    assert argv[0] == "ssh"
    assert argv[-3:] == ["-l", "root", "10.93.11.11"]
    options = {argv[i + 1] for i, word in enumerate(argv) if word == "-o"}
    assert {
        "IdentitiesOnly=yes",
        "StrictHostKeyChecking=yes",
        "UserKnownHostsFile=/srv/demo/.mqctl/known_hosts",
    } <= options


@pytest.mark.parametrize(("ago", "had"), [(5, False), (55, False), (65, True), (100_000, True)])
def test_hosts_that_boot_are_told_from_those_that_have_run_for_long(ago: int, had: bool) -> None:
    started = datetime.now(UTC) - timedelta(seconds=ago)
    state = {"StartedAt": f"{started:%Y-%m-%dT%H:%M:%S}.123456789Z"}
    container = SimpleNamespace(attrs={"State": state})
    assert ready.had_time_to_boot(container) is had
