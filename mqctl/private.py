"""Files that only their owner may read, and the directory beside an inventory that is full of them."""

from __future__ import annotations

import os
from pathlib import Path

STATE_DIR = ".mqctl"
"""Beside an inventory: a lab's keys, locks, histories, what mqctl remembers."""


def write(path: Path, content: bytes) -> None:
    """A file that nobody else can read at any moment, and that is there whole or not at all."""
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)
