"""One at a time: two runs that change the same hosts would each take the other's half for a failure.

The inventory's own lock keeps out runs from the same directory without a word to any host; the lock of the
hosts keeps out those from other directories and machines.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mqctl.errors import MqctlError
from mqctl.lock import HostLock
from mqctl.model.claim import Claim, read
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.ssh.session import CONNECT

_LARGEST = 65536
"""Bytes of the lock file that are read."""


@dataclass(frozen=True)
class Turn:
    """This run's claim, and that of the run before when it was killed."""

    claim: Claim
    killed: Claim | None = None


@contextmanager
def alone(state_dir: Path, what: str) -> Iterator[Turn]:
    """Hold the inventory's lock while `what` runs; the kernel gives it back however the process ends.

    Raises MqctlError, which names the holder, when another run on this machine has it.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor)
        own, last = claim(what, state_dir.parent), _said(descriptor)
        _sign(descriptor, own)
        try:
            yield Turn(own, last if last and not last.ended else None)
        finally:
            _sign(descriptor, own.model_copy(update={"ended": True}))
    finally:
        os.close(descriptor)


@contextmanager
def everywhere(topology: Topology, turn: Turn, timeout: float = CONNECT) -> Iterator[HostLock]:
    """Hold the lock of every host that answers, too; `timeout` are the seconds of each step of a login.

    Raises LockedError when another run, on whatever machine, changes one of them.
    """
    with Hosts.of(topology, timeout) as pool, HostLock(topology, turn.claim, pool) as lock:
        lock.take(host.name for host in topology.hosts)
        yield lock


def claim(what: str, inventory: Path) -> Claim:
    """This process's own."""
    return Claim(
        what=what,
        who=who(),
        pid=os.getpid(),
        directory=str(inventory),
        since=datetime.now(UTC),
        token=secrets.token_hex(8),
    )


def who() -> str:
    """user@host of whoever runs this; a user without a name is its number."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = _said(descriptor) or "mqctl, just started"
        raise MqctlError(
            f"something else is changing this inventory's hosts: {holder}",
            "wait until it has ended",
        ) from None


def _sign(descriptor: int, own: Claim) -> None:
    """Who holds the lock, for the refusal of the next one."""
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, own.model_dump_json().encode(), 0)


def _said(descriptor: int) -> Claim | None:
    return read(os.pread(descriptor, _LARGEST, 0))
