"""Plain output: a text on stdout or stderr that cannot act on the reader's terminal."""

from __future__ import annotations

import sys

from mqctl.model.visible import visible

KEPT = "\n\t"
"""What a text of several lines is made of; every other control character is spelled out."""


def say(text: str = "", *, err: bool = False, nl: bool = True) -> None:
    """Print a text, on stderr when asked to. JSON stays the same JSON."""
    stream = sys.stderr if err else sys.stdout
    stream.write(visible(text, KEPT) + ("\n" if nl else ""))
    stream.flush()
