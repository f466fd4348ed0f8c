"""The audit log beside an inventory: a line for every run that changes hosts, whatever became of it."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import ValidationError

from mqctl import __version__
from mqctl.errors import ExitCode, MqctlError
from mqctl.inventory import find
from mqctl.model.audit import Changed, Entry, RunOutcome, bounded
from mqctl.model.claim import Claim
from mqctl.private import STATE_DIR
from mqctl.workflows.alone import Turn, who

FILE = "audit.ndjson"
BY_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a program."""

_OUTCOMES: dict[int, RunOutcome] = {
    ExitCode.DONE: "done",
    ExitCode.FAILED: "failed",
    ExitCode.REFUSED: "refused",
    ExitCode.UNKNOWN: "unknown",
    ExitCode.CANNOT_RUN: "cannot run",
}


class Account:
    """What a run will have to say of itself; nothing is written before it is opened."""

    def __init__(self, command: str, options: Sequence[str]) -> None:
        self._command = command
        self._options = tuple(options)
        self._began = time.monotonic()
        self._at = datetime.now(UTC)
        self._path: Path | None = None
        self.exit_code: int = ExitCode.DONE
        self.changed = Changed()
        self.not_done = Changed()

    def open(self, state_dir: Path) -> None:
        """Where it will be written; raises MqctlError when that is impossible, before anything is done."""
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = state_dir / FILE
        append(self._path, ())

    def succeeds(self, turn: Turn) -> None:
        """Write down the run before, when it was killed and could not do so itself."""
        if turn.killed and self._path:
            append(self._path, (_killed(turn.killed),))

    def close(self, exit_code: int, error: str = "", outcome: RunOutcome | None = None) -> None:
        """Write the line."""
        if self._path is None:
            return
        entry = Entry(
            at=self._at,
            seconds=round(time.monotonic() - self._began, 1),
            who=who(),
            pid=os.getpid(),
            directory=str(self._path.parent.parent),
            command=self._command,
            options=self._options,
            version=__version__,
            outcome=outcome or _OUTCOMES[exit_code],
            exit_code=exit_code,
            error=error.partition("\n")[0],
            changed=bounded(self.changed),
            not_done=bounded(self.not_done),
        )
        append(self._path, (entry,))


@contextmanager
def audited(command: str, options: Sequence[str] = ()) -> Iterator[Account]:
    """A run that is written down when it ends, however it ends short of SIGKILL.

    `options` are those of the command line that matter; none of them may be a secret.
    """
    account = Account(command, options)
    try:
        yield account
    except MqctlError as error:
        account.close(error.exit_code, error.message)
        raise
    except KeyboardInterrupt as end:
        number = end.args[0] if end.args else signal.SIGINT
        account.close(BY_SIGNAL + number, outcome="interrupted")
        raise
    except Exception as error:
        account.close(ExitCode.CANNOT_RUN, f"mqctl itself failed: {type(error).__name__}", "mqctl failed")
        raise
    account.close(account.exit_code)


def _killed(claim: Claim) -> Entry:
    return Entry(
        at=claim.since,
        seconds=None,
        who=claim.who,
        pid=claim.pid,
        directory=claim.directory,
        command=claim.what,
        version=None,
        outcome="killed",
        exit_code=None,
        error="it was killed, what it did is not known",
    )


def append(path: Path, entries: Sequence[Entry]) -> None:
    """Whole lines at the end, whoever else writes; half a line that a full disc left gets its end first.

    Raises MqctlError when the file cannot be written.
    """
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with os.fdopen(os.open(path, flags, 0o600), "ab+", buffering=0) as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            text = "".join(f"{entry.model_dump_json(exclude_defaults=True)}\n" for entry in entries)
            if text and _half(file.fileno()):
                text = f"\n{text}"
            if file.write(text.encode()) != len(text.encode()):
                raise OSError("the disc is full")
    except OSError as error:
        raise MqctlError(
            f"the audit log {path} cannot be written: {error.strerror or error}",
            "every run that changes hosts is written down there",
        ) from None


def _half(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"


@dataclass(frozen=True)
class Log:
    """What an audit log says."""

    path: Path
    entries: tuple[Entry, ...]
    unreadable: int = 0
    """Lines that are none of mqctl's, or only half written."""


def log(name_or_dir: str, last: int | None = None) -> Log:
    """The log beside an inventory, oldest first, at most the `last` entries; empty when there is none.

    Raises UsageError when there is no such inventory. Its contents do not matter, and no host is asked.
    """
    home = find(name_or_dir)
    path = (home if home.is_dir() else home.parent) / STATE_DIR / FILE
    lines = path.read_bytes().splitlines() if path.exists() else []
    found = [_entry(line) for line in lines if line.strip()]
    entries = [entry for entry in found if entry is not None]
    chosen = entries if last is None else entries[len(entries) - min(last, len(entries)) :]
    return Log(path, tuple(chosen), len(found) - len(entries))


def _entry(line: bytes) -> Entry | None:
    try:
        return Entry.model_validate_json(line)
    except ValidationError:
        return None
