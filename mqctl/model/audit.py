"""One run that changed hosts, as a line of the audit log: names only, never contents, never a secret."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from mqctl.model.base import Model
from mqctl.model.changes import Plan

RunOutcome = Literal[
    "done", "failed", "refused", "unknown", "cannot run", "interrupted", "killed", "mqctl failed"
]
"""The names of the exit codes; interrupted: by a signal it heard; killed: it could not say goodbye itself."""
MOST = 1000
"""Names of one kind in one entry: a line stays readable, and says how many more there were."""

Names = tuple[str, ...]


class Changed(Model):
    """What was changed, or was to be."""

    packages: dict[str, Names] = Field(default_factory=dict)
    """By host, as everything that has a host."""
    files: dict[str, Names] = Field(default_factory=dict)
    """Paths."""
    services: dict[str, Names] = Field(default_factory=dict)
    """E.g. `reload haproxy.service`."""
    membership: dict[str, Names] = Field(default_factory=dict)
    """E.g. `join rabbit@mq3`."""
    objects: Names = ()
    """E.g. `create policy ha in /`."""
    other: Names = ()
    """What a failover test, heal, queues sync or destroy says that it did."""

    @property
    def hosts(self) -> Names:
        """Those that something was done on, sorted."""
        parts = (self.packages, self.files, self.services, self.membership)
        return tuple(sorted({host for part in parts for host in part}))

    def __bool__(self) -> bool:
        return bool(self.hosts or self.objects or self.other)


class Entry(Model):
    """One run."""

    at: datetime
    """When it began."""
    seconds: float | None
    """None: not known, it was killed."""
    who: str
    """user@host."""
    pid: int
    directory: str
    command: str
    options: Names = ()
    version: str | None
    """mqctl's own; None: not known."""
    outcome: RunOutcome
    exit_code: int | None
    error: str = ""
    """The first line of what was said on stderr."""
    changed: Changed = Changed()
    not_done: Changed = Changed()
    """What the plan had, and what was not finished when the run ended."""


def of_plan(plan: Plan) -> Changed:
    """Everything that a plan would change."""
    return Changed(
        packages=_by_host((change.host, change.package) for change in plan.packages),
        files=_by_host((change.host, change.path) for change in plan.files),
        services=_by_host((change.host, f"{change.action} {change.unit}") for change in plan.services),
        membership=_by_host((change.host, f"{change.action} {change.node}") for change in plan.membership),
        objects=tuple(f"{one.action} {one.kind} {one.name}{_vhost(one.vhost)}" for one in plan.objects),
    )


def together(parts: list[Changed]) -> Changed:
    """Several runs of Ansible as one, each name once."""
    return Changed(
        packages=_merged([part.packages for part in parts]),
        files=_merged([part.files for part in parts]),
        services=_merged([part.services for part in parts]),
        membership=_merged([part.membership for part in parts]),
        objects=tuple(dict.fromkeys(name for part in parts for name in part.objects)),
        other=tuple(dict.fromkeys(name for part in parts for name in part.other)),
    )


def bounded(changed: Changed) -> Changed:
    """At most `MOST` names of each kind, or of each kind and host."""
    return Changed(
        packages={host: _cut(names) for host, names in changed.packages.items()},
        files={host: _cut(names) for host, names in changed.files.items()},
        services=changed.services,
        membership=changed.membership,
        objects=_cut(changed.objects),
        other=_cut(changed.other),
    )


def _by_host(pairs: Iterable[tuple[str, str]]) -> dict[str, Names]:
    found: dict[str, Names] = {}
    for host, name in pairs:
        found[host] = (*found.get(host, ()), name)
    return found


def _merged(parts: Sequence[Mapping[str, Names]]) -> dict[str, Names]:
    hosts = dict.fromkeys(host for part in parts for host in part)
    return {
        host: tuple(dict.fromkeys(name for part in parts for name in part.get(host, ()))) for host in hosts
    }


def _cut(names: Names) -> Names:
    return names if len(names) <= MOST else (*names[:MOST], f"and {len(names) - MOST} more")


def _vhost(vhost: str | None) -> str:
    return "" if vhost is None else f" in {vhost}"
