"""What a configuration format cannot say."""

from __future__ import annotations

from mqctl.errors import UsageError


class CannotCarryError(UsageError):
    """A value that a program's configuration format has no way to write down. Never holds the value."""

    def __init__(self, what: str, why: str, hint: str = "") -> None:
        super().__init__(f"{what}: {why}", hint)
        self.what = what
        self.why = why

    def on(self, host: str) -> CannotCarryError:
        """The same refusal, with the host whose file it concerns."""
        return CannotCarryError(f"{host}: {self.what}", self.why, self.hint)
