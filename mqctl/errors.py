"""What goes wrong, in the user's words, and the exit code that says so. Imports nothing of ours."""

from __future__ import annotations

import enum
from collections.abc import Mapping


class ExitCode(enum.IntEnum):
    """Exit codes of every mqctl command; docs/exit-codes.md carries the same table, a test compares them."""

    DONE = 0
    """Done, or every gate and verdict passed."""
    FAILED = 1
    """A gate or a verdict failed."""
    REFUSED = 2
    """Usage or inventory refused; nothing was changed."""
    UNKNOWN = 3
    """Could not tell: evidence is missing."""
    CANNOT_RUN = 4
    """Could not run: SSH, Ansible, Docker."""
    CHANGES = 5
    """`mqctl plan --exit-code` only: there are changes."""


EXIT: Mapping[str, ExitCode] = {
    "pass": ExitCode.DONE,
    "fail": ExitCode.FAILED,
    "unknown": ExitCode.UNKNOWN,
    "skipped": ExitCode.UNKNOWN,
}
"""By a judgement's outcome. No evidence is no pass: what was skipped as a whole could not be told."""


class MqctlError(Exception):
    """A problem to be told in one sentence: `error: message`, a blank line, `hint: hint`.

    Messages are lower case and end without a full stop. They never carry a secret.
    """

    exit_code: ExitCode = ExitCode.CANNOT_RUN

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(MqctlError):
    """The command line or the inventory asks for something that is refused before anything is touched."""

    exit_code = ExitCode.REFUSED


class GateError(MqctlError):
    """A gate said no while a workflow ran; the workflow stopped there."""

    exit_code = ExitCode.FAILED


class InconclusiveError(MqctlError):
    """The question could not be answered: evidence is missing."""

    exit_code = ExitCode.UNKNOWN
