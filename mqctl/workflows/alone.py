"""One at a time: two runs that change the same hosts would each take the other's half for a failure."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from mqctl.errors import MqctlError


@contextmanager
def alone(state_dir: Path, what: str) -> Iterator[None]:
    """Hold the inventory's lock while `what` runs; the kernel gives it back however the process ends.

    Raises MqctlError, which names the holder, when another run on this machine has it.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _take(descriptor)
        _sign(descriptor, what)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise MqctlError(
            f"something else is changing this inventory's hosts: {_holder(descriptor)}",
            "wait until it has ended",
        ) from None


def _sign(descriptor: int, what: str) -> None:
    """Who holds the lock, for the refusal of the next one."""
    since = datetime.now(UTC).replace(microsecond=0).isoformat()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"what": what, "pid": os.getpid(), "since": since}).encode(), 0)


def _holder(descriptor: int) -> str:
    try:
        told = json.loads(os.pread(descriptor, 4096, 0))
        return f"mqctl {told['what']}, process {told['pid']}, since {told['since']}"
    except (ValueError, KeyError, TypeError):
        return "mqctl, just started"
