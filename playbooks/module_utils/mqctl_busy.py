"""Says on its host that one of mqctl's modules works. Runs on the hosts, from Python 3.9 on.

A module outlives a run that is killed while it works, and the run's lock goes with the run: whoever takes the
lock next is told that something still works here.
"""

from __future__ import annotations

import fcntl
import os

BUSY = "/run/mqctl.busy"
"""mqctl/lock/hosts.py has it too."""


def busy(path=BUSY):
    """Until this process ends, together with other modules; nothing is said where /run is not ours."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_SH)
