"""A workflow's progress on stderr: numbered phases, a line per outcome, a spinner on a terminal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.status import Status
from rich.text import Text

from mqctl.cli.console import SafeConsole
from mqctl.workflows.phase import HostState

_SIGNS: dict[HostState, tuple[str, str]] = {
    "running": (" ", "dim"),
    "ok": (" ", "dim"),
    "changed": ("~", "yellow"),
    "failed": ("!", "bold red"),
}
_WIDTH = 10


class Printer:
    """A Progress for people; use it as a context manager. Without a terminal it prints plain lines."""

    def __init__(self) -> None:
        plain = SafeConsole(stderr=True, soft_wrap=True)
        self._console = plain
        self._status = Status("", console=plain) if plain.is_terminal else None
        self._running: dict[str, str] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Printer:
        if self._status:
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status:
            self._status.stop()

    def phase(self, number: int, total: int, title: str) -> None:
        """`(3/7) Look at the hosts`."""
        with self._lock:
            self._running.clear()
            self._console.print(Text(f"({number}/{total}) {title}", style="bold"))

    def host(self, host: str, message: str, state: HostState) -> None:
        """An outcome becomes a line; what still runs is in the spinner's line only."""
        with self._lock:
            if state == "running":
                self._running[host] = message
            else:
                self._running.pop(host, None)
                sign, style = _SIGNS[state]
                first, *rest = message.splitlines() or [""]
                self._console.print(Text(f"  {sign} {host:<{_WIDTH}} {first}", style=style))
                for line in rest:
                    self._console.print(Text(f"    {'':<{_WIDTH}} {line}", style=style))
            self._spin()

    def pause(self) -> AbstractContextManager[None]:
        """Inside, nothing moves: a question is asked."""
        return _still(self._status)

    def _spin(self) -> None:
        if self._status is None:
            return
        tasks: dict[str, list[str]] = {}
        for host, message in self._running.items():
            tasks.setdefault(message, []).append(host)
        self._status.update("; ".join(f"{', '.join(hosts)}: {task}" for task, hosts in tasks.items()))


@contextmanager
def _still(status: Status | None) -> Iterator[None]:
    if status:
        status.stop()
    yield
    if status:
        status.start()
