"""Which inventory was deployed last: what `mqctl failover-test` without an argument means."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from mqctl.errors import UsageError


def remember(inventory: Path) -> None:
    """Note a deployed inventory in the user's state directory (XDG base directory specification).

    Only a convenience: a directory that cannot be written is no error.
    """
    note = _note()
    with suppress(OSError):
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(f"{inventory.absolute()}\n", encoding="utf-8")


def recall() -> Path:
    """The inventory deployed last; raises UsageError when there is none or it is gone."""
    try:
        path = Path(_note().read_text(encoding="utf-8").rstrip("\n"))
    except FileNotFoundError:
        raise UsageError(
            "no inventory was deployed yet", "name one: a bundled topology or a directory"
        ) from None
    if not path.exists():
        raise UsageError(f"{path}, deployed last, is gone", "name the inventory")
    return path


def _note() -> Path:
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    return state / "mqctl" / "last"
