"""Ansible's events as a workflow's progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mqctl.ansible.events import Event, HostEvent, PlayEvent, Record
from mqctl.workflows.phase import HostState, Progress

_STATES: Mapping[str, HostState] = {
    "running": "running",
    "ok": "ok",
    "changed": "changed",
    "failed": "failed",
    "unreachable": "failed",
}


@dataclass
class Teller:
    """Ansible's events as progress; its first play only sorts hosts."""

    progress: Progress
    record: Record = field(default_factory=Record)
    """What happened so far, also when the run is interrupted."""
    play: str = ""

    def __call__(self, event: Event) -> None:
        """Tell one event."""
        self.record.note(event)
        match event:
            case PlayEvent(name):
                self.play = name
            case HostEvent(host, task, state, message) if self.play != "Plan" and state in _STATES:
                self.progress.host(host, f"{task}: {message}" if message else task, _STATES[state])
