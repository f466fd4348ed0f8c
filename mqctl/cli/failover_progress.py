"""A failover test while it runs: a small display on stderr that changes, or a line for each phase in logs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group, RenderableType
from rich.live import Live as Display
from rich.text import Text

from mqctl.cli.console import SafeConsole
from mqctl.workflows.scenario import Live, Report

_PHASES = {
    "": "starting clients",
    "load": "load, nothing broken",
    "fault": "broken",
    "heal": "healing",
    "recover": "waiting for every gate",
    "after": "load, healed",
    "finish": "publishers finish",
    "drain": "draining the queues",
}
_BARS = " ▁▂▃▄▅▆▇█"
_LOOKS = 240
"""Rates to remember: a minute of them."""
_NOTABLE = 1.0
"""Seconds without a confirm from which on a gap stands out."""


@contextmanager
def progress(topology: str) -> Iterator[Report]:
    """Takes what is seen about four times a second."""
    console = SafeConsole(stderr=True)
    if not console.is_terminal:
        yield Lines(console, topology)
        return
    with Display(Text(f"{topology}: probing"), console=console, transient=True) as display:
        yield Screen(console, display.update)


class Lines:
    """For logs: a line when the scenario or its phase changes."""

    def __init__(self, console: Console, topology: str) -> None:
        self._console = console
        self._seen = ("", "")
        console.print(f"{topology}: failover test", highlight=False)

    def __call__(self, live: Live) -> None:
        """Prints what is new."""
        now = (live.scenario, live.tally.phase)
        if now != self._seen:
            self._seen = now
            line = _heading(live)
            line.append(f"  {live.rate:.0f}/s  {live.tally.confirmed} confirmed  gap {live.gap:.1f} s")
            self._console.print(line, soft_wrap=True)


class Screen:
    """For terminals: what is broken, the rate and its last minute, gaps, who leads and who holds the VIP."""

    def __init__(self, console: Console, show: Callable[[RenderableType], None]) -> None:
        self._console = console
        self._show = show
        self._scenario = ""
        self._rates: deque[float] = deque(maxlen=_LOOKS)
        self._longest = 0.0
        self._last: Live | None = None

    def __call__(self, live: Live) -> None:
        """Draws it; a scenario that is over leaves one line."""
        if live.scenario != self._scenario:
            self._leave()
            self._scenario, self._longest = live.scenario, 0.0
            self._rates.clear()
        self._rates.append(live.rate)
        if live.tally.phase not in ("finish", "drain"):
            self._longest = max(self._longest, live.gap)
        self._last = live
        self._show(self._drawn(live))

    def _leave(self) -> None:
        if self._last:
            done = f"{self._last.tally.confirmed:,} confirmed, longest gap {self._longest:.1f} s"
            self._console.print(Text(f"{self._scenario}: {done}", style="dim"), soft_wrap=True)

    def _drawn(self, live: Live) -> RenderableType:
        lines = (_heading(live), self._rate(live), self._gap(live), _places(live))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    def _rate(self, live: Live) -> Text:
        head = f"  {live.rate:>7,.0f}/s  "
        line = Text(head, style="bold")
        line.append(sparkline(self._rates, self._console.width - len(head) - 1), style="blue")
        return line

    def _gap(self, live: Live) -> Text:
        line = Text(f"  {live.tally.confirmed:,} confirmed  ")
        line.append(f"gap {live.gap:.1f} s", style="bold yellow" if live.gap > _NOTABLE else "")
        line.append(f", longest {self._longest:.1f} s", style="yellow" if self._longest > _NOTABLE else "dim")
        if live.tally.unknown:
            line.append(f"  {live.tally.unknown:,} unknown", style="dim")
        return line


def _heading(live: Live) -> Text:
    line = Text(f"{live.scenario}  ", style="bold")
    if live.broken:
        return line.append(f"{_PHASES[live.tally.phase]}: {live.broken}", style="bold red")
    return line.append(_PHASES[live.tally.phase], style="cyan")


def _places(live: Live) -> Text:
    holders = live.tally.holders
    line = Text(f"  queue leader {live.tally.leader or '-'}  VIP ", style="dim")
    return line.append(" + ".join(holders) or "-", style="bold red" if len(holders) > 1 else "")


def sparkline(values: deque[float], width: int) -> str:
    """The last `width` values as bars; the highest of them is a full one."""
    shown = list(values)[-max(width, 0) :] if width > 0 else []
    top = max(shown, default=0) or 1
    return "".join(_BARS[round(value / top * (len(_BARS) - 1))] for value in shown)
