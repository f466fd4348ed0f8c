"""Rich's console for everything that is drawn: what hosts and inventories say cannot act on the terminal.

A queue may be called `ESC [2J`, and a host may answer with it; only rich's own colours and moves get through.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from mqctl.cli.say import KEPT
from mqctl.model.visible import visible

PIPE_WIDTH = 160
"""Columns where nothing says how many there are."""


class SafeConsole(Console):
    """A console without highlighting and without markup: `[x]` in a name is text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"highlight": False, "markup": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """The segments of something, their text made safe before anybody measures it."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(visible(segment.text, KEPT), segment.style)


def screen() -> Console:
    """Standard output: colours only on a terminal, and no wrapping at 80 columns elsewhere."""
    found = SafeConsole()
    return found if found.is_terminal else SafeConsole(width=PIPE_WIDTH)
