"""Signals that end a command as Ctrl-C does: SIGTERM, as CI cancels, and SIGHUP of a closed terminal."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import typer

from mqctl.cli import BY_SIGNAL

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, each of the signals raises KeyboardInterrupt; what is ignored (nohup) stays so.

    Only the first of several does, because what was broken is being healed by then, and whoever cancels often
    sends more; Ctrl-C always does. What gets through becomes the exit code 128 + the first signal's number.
    """
    first: list[int] = []

    def interrupt(number: int, _: FrameType | None) -> None:
        _leave_the_terminal()
        again = bool(first)
        first.append(number)
        if number == signal.SIGINT or not again:
            raise KeyboardInterrupt(number)

    heard = [number for number in _SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, interrupt) for number in heard}
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(BY_SIGNAL + (first or [signal.SIGINT])[0]) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave_the_terminal() -> None:
    """Output to a terminal that is gone fails (EIO), which would keep the report from being written."""
    for descriptor in (1, 2):
        asked = select.poll()
        asked.register(descriptor, 0)
        if any(events & select.POLLHUP for _, events in asked.poll(0)):
            os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
