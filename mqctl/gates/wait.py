"""The only polling loop of the package: a condition, a deadline, no other sleep anywhere."""

from __future__ import annotations

import time
from collections.abc import Callable

from mqctl.errors import MqctlError


class DeadlineError(MqctlError):
    """A condition did not come true before its deadline."""


def wait(
    check: Callable[[], bool],
    *,
    timeout: float,
    interval: float = 0.2,
    what: str = "the condition",
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Ask `check` every `interval` seconds until it says yes; at least once, and once more at the deadline.

    Raises DeadlineError after `timeout` seconds; what `check` raises goes through at once.
    """
    deadline = clock() + timeout
    while not check():
        left = deadline - clock()
        if left <= 0:
            raise DeadlineError(f"{what}: not within {timeout:g} s")
        sleep(min(interval, left))
