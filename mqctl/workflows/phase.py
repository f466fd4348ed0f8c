"""A workflow is a literal list of phases; whoever prints is told through a Progress."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Literal, Protocol, TypeVar

HostState = Literal["running", "ok", "changed", "failed"]
State = TypeVar("State")


class Progress(Protocol):
    """Told what happens; called from several threads at once."""

    def phase(self, number: int, total: int, title: str) -> None:
        """A phase begins."""

    def host(self, host: str, message: str, state: HostState) -> None:
        """Something happened on a host, or to `cluster` as a whole."""


class Silent:
    """For callers that print nothing."""

    def phase(self, number: int, total: int, title: str) -> None:
        """Say nothing."""

    def host(self, host: str, message: str, state: HostState) -> None:
        """Say nothing."""


@dataclass(frozen=True)
class Phase(Generic[State]):
    """One step, which reads and extends the workflow's state."""

    title: str
    run: Callable[[State], None]


@dataclass(frozen=True)
class Took:
    """How long a phase took, in seconds."""

    title: str
    seconds: float


def run_phases(phases: Sequence[Phase[State]], state: State, progress: Progress) -> tuple[Took, ...]:
    """Run the phases in order; the first that raises ends the workflow."""
    took: list[Took] = []
    for number, phase in enumerate(phases, start=1):
        progress.phase(number, len(phases), phase.title)
        started = time.monotonic()
        phase.run(state)
        took.append(Took(phase.title, round(time.monotonic() - started, 3)))
    return tuple(took)
