"""Who changes hosts, and since when: what a lock says to whoever comes second."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import ValidationError

from mqctl.model.base import Model

LOCK = "/run/mqctl.lock"
"""On every host. The file stays until a reboot empties /run; whether somebody holds it the kernel knows."""


class Claim(Model):
    """One run of mqctl that changes hosts."""

    what: str
    """The command, e.g. `deploy`."""
    who: str
    """user@host."""
    pid: int
    directory: str
    """Where the inventory is."""
    since: datetime
    token: str
    """Different for every run."""
    ended: bool = False
    """It gave the lock back itself; without that it was killed, or lost the connection."""

    def __str__(self) -> str:
        return (
            f"mqctl {self.what} by {self.who}, process {self.pid}, from {self.directory}, since {self.when}"
        )

    @property
    def when(self) -> str:
        """UTC, to the second, as ISO 8601 has it."""
        return self.since.astimezone(UTC).replace(microsecond=0).isoformat()


def read(text: str | bytes) -> Claim | None:
    """What a lock file says; None when it says nothing that can be read."""
    try:
        return Claim.model_validate_json(text)
    except ValidationError:
        return None


def untouched(seen: str | None, found: str) -> bool:
    """Whether nobody had the lock from the look that saw this text until the lock was taken over that one.

    Every holder writes when it takes the lock and again when it gives it back, so both are the same and say
    an end, or nothing. After a holder that was killed nothing is known, and it has to be looked again.
    """
    last = read(found)
    return seen == found and (not found or (last is not None and last.ended))
