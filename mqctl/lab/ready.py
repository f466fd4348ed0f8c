"""When a lab host can be used: SSH lets us in with the lab's key, and systemd has finished booting."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from mqctl.errors import MqctlError
from mqctl.gates.wait import DeadlineError, wait
from mqctl.lab.keys import CLIENT_KEY, KNOWN_HOSTS
from mqctl.process import run

SSH_TIMEOUT = 60.0
"""Seconds from a container's start to sshd's banner; 1 here, more when many hosts boot on a small machine."""
BOOT_TIMEOUT = 60.0
"""Seconds until systemd has nothing of its own left to start."""
SERVICES = frozenset(("rabbitmq-server.service", "haproxy.service", "keepalived.service"))
"""What a host runs for its user: a broker that waits for its peers does not make the host unusable."""
AFTER = frozenset(("multi-user.target", "graphical.target", "systemd-update-utmp-runlevel.service"))
"""What systemd does once all services are started: not while a broker waits."""
_FEW_INOTIFY = (
    "many lab hosts at once need more inotify instances, about 5 each: "
    "sysctl -w fs.inotify.max_user_instances=1024"
)
_BOOT = (
    "systemctl is-system-running; systemctl list-jobs --no-legend --plain; "
    "echo --; systemctl list-units --failed --no-legend --plain"
)


@dataclass(frozen=True)
class Boot:
    """How far systemd is."""

    state: str
    jobs: frozenset[str]
    failed: frozenset[str]

    @property
    def finished(self) -> bool:
        """Running, degraded, or waiting for nothing but the user's services."""
        return self.state in ("running", "degraded") or (
            self.state == "starting" and bool(self.jobs) and self.jobs <= SERVICES | AFTER
        )


def ssh_argv(state_dir: Path, address: IPv4Address) -> list[str]:
    """An OpenSSH command line into a lab host: the lab's key, its pinned host key, nothing of the user's."""
    return [
        "ssh",
        "-F", "none",
        "-i", str(state_dir / CLIENT_KEY),
        "-o", "IdentitiesOnly=yes",
        "-o", f"UserKnownHostsFile={state_dir / KNOWN_HOSTS}",
        "-o", "GlobalKnownHostsFile=none",
        "-o", "StrictHostKeyChecking=yes",
        "-o", "BatchMode=yes",
        "-o", "LogLevel=ERROR",
        "-l", "root",
        str(address),
    ]  # fmt: skip


def wait_ssh(container: Any, host: str, address: IPv4Address) -> None:
    """Return when sshd greets; raises MqctlError when the container ends or does not greet in SSH_TIMEOUT."""

    def greets() -> bool:
        refuse_ended(container, host)
        return _banner(address)

    try:
        wait(greets, timeout=SSH_TIMEOUT, interval=0.1, what=f"sshd of lab host {host} ({address})")
    except DeadlineError as error:
        raise MqctlError(
            error.message, f"`docker logs {container.name}` shows its boot; {_FEW_INOTIFY}"
        ) from None


def had_time_to_boot(container: Any) -> bool:
    """Whether it runs for longer than anybody would wait for its systemd: asking takes an SSH login."""
    started = datetime.fromisoformat(container.attrs["State"]["StartedAt"])
    return datetime.now(UTC) - started > timedelta(seconds=BOOT_TIMEOUT)


def wait_boot(state_dir: Path, host: str, address: IPv4Address) -> Boot:
    """Return when systemd has booted; raises MqctlError when SSH refuses us or the boot hangs."""
    seen: list[Boot] = []

    def booted() -> bool:
        seen[:] = [_ask(state_dir, host, address)]
        return seen[0].finished

    wait(booted, timeout=BOOT_TIMEOUT, what=f"systemd of lab host {host}")
    return seen[0]


def refuse_ended(container: Any, host: str) -> None:
    """A container that ended will not come up: say what it last said."""
    container.reload()
    if container.status not in ("exited", "dead"):
        return
    code = (container.attrs.get("State") or {}).get("ExitCode")
    last = _plain(container.logs(tail=5).decode(errors="replace"))
    raise MqctlError(
        f"systemd does not come up in lab host {host}: the container ended with code {code}", _why(last)
    )


def _plain(console: str) -> str:
    """A console's text without colours and empty lines."""
    text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", console)
    return "\n".join(line.strip() for line in text.splitlines() if line.strip())


def _why(last: str) -> str:
    """What to do about a host whose systemd said this at its end."""
    if "Too many open files" in last:
        return _FEW_INOTIFY
    if not last:
        return "does the engine allow SYS_ADMIN and mounts in containers?"
    return f"its last lines:\n{last}"


def _banner(address: IPv4Address) -> bool:
    try:
        with socket.create_connection((str(address), 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def _ask(state_dir: Path, host: str, address: IPv4Address) -> Boot:
    result = run([*ssh_argv(state_dir, address), _BOOT], timeout=BOOT_TIMEOUT)
    if result.returncode == 255:
        raise MqctlError(
            f"lab host {host} refuses the lab's key: {result.stderr.strip()}",
            "its keys were made anew? `mqctl lab down`, then `mqctl lab up`",
        )
    return parse_boot(result.stdout)


def parse_boot(text: str) -> Boot:
    """What systemctl said: the state, the jobs that wait or run, the units that failed."""
    head, _, failed = text.partition("--\n")
    state, *jobs = head.splitlines() or [""]
    return Boot(
        state=state.strip(),
        jobs=frozenset(line.split()[1] for line in jobs if len(line.split()) >= 4),
        failed=frozenset(line.split()[0] for line in failed.splitlines() if line.strip()),
    )
