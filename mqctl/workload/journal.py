"""The history file: appended to while things happen, by several processes at once."""

from __future__ import annotations

import os
from pathlib import Path

from mqctl.errors import UsageError
from mqctl.model import history


class Journal:
    """Appends whole lines; O_APPEND keeps the lines of several writers apart (open(2)).

    What is written survives the death of the writer, because it is in the kernel's hands; `close` also asks
    the disc.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, *events: history.Event) -> None:
        """Appends the events in one system call; raises OSError when the disc does not take all of it."""
        data = "".join(map(history.encode, events)).encode()
        if data and os.write(self._descriptor, data) != len(data):
            raise OSError("the history could not be written: disc full?")

    def close(self) -> None:
        """Flushes to the disc and closes."""
        os.fsync(self._descriptor)
        os.close(self._descriptor)


class Tail:
    """Reads what was appended since the last look; incomplete lines wait for their end."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rest = b""

    def read(self) -> list[history.Event]:
        """The new events, in file order."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [history.decode(line) for line in lines]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def read(path: Path) -> history.History:
    """A whole history file; raises UsageError when it cannot be opened."""
    try:
        with path.open(encoding="utf-8", errors="replace", newline="\n") as lines:
            return history.parse(lines)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", "give the .ndjson file of a failover test") from error
