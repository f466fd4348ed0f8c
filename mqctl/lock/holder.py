"""The one script that a host runs, as root, to hold the lock for as long as its standard input is open.

Standard library only, Python 3.9 and later; nothing of mqctl exists on the host. It reads one line, a JSON
object with `lock`, `busy` (paths), `claim` (what the lock file is to say) and `silence` (seconds), and prints
one line: the mark and a JSON object. Then it waits: a line from time to time says that the other side lives;
its end, or too long a silence (a machine without power says no goodbye), ends the script, and with it the
kernel frees the lock.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
from typing import Any

MARK = "mqctl-lock:"
LARGEST = 65536
"""Bytes of a lock file that are read."""


def main() -> None:
    """Take the lock, say so, hold it."""
    # unbuffered: what comes after the line is waited for on the descriptor itself
    with open(0, "rb", buffering=0, closefd=False) as given:
        asked = json.loads(given.readline())
    try:
        descriptor = os.open(asked["lock"], os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        return say({"error": f"{asked['lock']}: {error.strerror}"})
    found = os.pread(descriptor, LARGEST, 0).decode(errors="replace")
    if not locked(descriptor):
        return say({"holder": found})
    if still_busy(asked["busy"]):
        return say({"busy": found})
    # once more: whoever had the lock may have ended since
    found = os.pread(descriptor, LARGEST, 0).decode(errors="replace")
    write(descriptor, asked["claim"])
    say({"found": found})
    hold(asked["silence"])
    write(descriptor, {**asked["claim"], "ended": True})
    return None


def locked(descriptor: int) -> bool:
    """Whether the lock is ours now; it is never waited for."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def still_busy(path: str) -> bool:
    """Whether one of mqctl's Ansible modules works here: it outlives a run that was killed."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not locked(descriptor)
    finally:
        os.close(descriptor)


def write(descriptor: int, claim: dict[str, Any]) -> None:
    """Who has the lock, in place: another file would be another lock."""
    text = json.dumps(claim).encode()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text, 0)


def hold(silence: float) -> None:
    """Until the other side is gone, or has not been heard for so many seconds."""
    while select.select([0], [], [], silence)[0] and os.read(0, LARGEST):
        pass


def say(answer: dict[str, Any]) -> None:
    """One line to the other side."""
    print(MARK + json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
