"""What ansible-playbook tells on stdout: the callback plugin's JSON, and whatever else. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["running", "ok", "changed", "skipped", "failed", "unreachable"]
_STATES = ("running", "ok", "changed", "skipped", "failed", "unreachable")
_LONGEST = 4000
"""Characters of a message that are kept: a module may print a whole log."""


@dataclass(frozen=True)
class HostEvent:
    """What a task did on a host."""

    host: str
    task: str
    state: State
    message: str


@dataclass(frozen=True)
class PlayEvent:
    """A play began."""

    name: str


@dataclass(frozen=True)
class EndEvent:
    """The run ended; hosts on which something failed or that could not be reached, after rescues."""

    broken: tuple[str, ...]


Event = HostEvent | PlayEvent | EndEvent


def parse(line: str) -> Event | None:
    """The event of one line of stdout; None for anything that the callback plugin did not print."""
    try:
        data = json.loads(line)
    except ValueError:
        return None
    if not isinstance(data, dict):
        return None
    match data.get("event"):
        case "host":
            return _host(data)
        case "play":
            return PlayEvent(_text(data.get("name")))
        case "end":
            return _end(data.get("hosts"))
    return None


def _host(data: dict[str, Any]) -> HostEvent | None:
    state = data.get("state")
    if state not in _STATES or not isinstance(data.get("host"), str):
        return None
    message = _text(data.get("message"))[:_LONGEST].strip()
    return HostEvent(data["host"], _text(data.get("task")), state, message)


def _end(hosts: Any) -> EndEvent | None:
    if not isinstance(hosts, dict):
        return None
    return EndEvent(tuple(sorted(name for name, counts in hosts.items() if _broken(counts))))


def _broken(counts: Any) -> bool:
    return isinstance(counts, dict) and any(counts.get(key) for key in ("failures", "unreachable"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


@dataclass
class Record:
    """What was done and what was not, collected from the events of one run."""

    changed: list[HostEvent] = field(default_factory=list)
    failed: dict[str, HostEvent] = field(default_factory=dict)
    """The last failure by host; a rescued one may be among them until the end says otherwise."""
    finished: set[tuple[str, str]] = field(default_factory=set)
    """(host, task) of everything that ended well."""
    begun: set[tuple[str, str]] = field(default_factory=set)
    ended: bool = False

    def note(self, event: Event | None) -> None:
        """Take one event in."""
        if isinstance(event, HostEvent):
            self._note_task(event)
        match event:
            case HostEvent(state="changed"):
                self.changed.append(event)
            case HostEvent(state="failed" | "unreachable"):
                self.failed[event.host] = event
            case EndEvent(broken):
                self.ended = True
                self.failed = {host: failure for host, failure in self.failed.items() if host in broken}

    def _note_task(self, event: HostEvent) -> None:
        if event.state == "running":
            self.begun.add((event.host, event.task))
        elif event.state in ("ok", "changed"):
            self.finished.add((event.host, event.task))
