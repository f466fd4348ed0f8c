"""What of a plan was done and what was not, host by host, by what Ansible told until it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from mqctl.ansible.events import Record
from mqctl.model.audit import Changed, of_plan, together
from mqctl.model.changes import Plan, ServiceChange

State = Literal["done", "failed", "cut off", "not done"]
"""cut off: it was under way when the run ended, and nobody knows how far it came."""

_INSTALL = frozenset(
    {
        "Install the packages, nothing of them started",
        "Install the packages after reading the package lists again",
    }
)
"""The second one only where the first one failed."""
_FILES = frozenset({"Place the files"})
_BROKER = frozenset({"Bring the broker up"})
_OBJECTS = frozenset({"Create, change and remove objects"})
_LINKS = frozenset({"Link the sites"})
_RUN = {
    "haproxy": frozenset({"Start or reload HAProxy"}),
    "keepalived": frozenset({"Start or reload Keepalived"}),
    "mqctl-firewall": frozenset({"Load or remove the firewall"}),
}


@dataclass(frozen=True)
class Step:
    """What one module call does on one host: done when one task of each set of names has ended well there."""

    host: str
    title: str
    change: Changed
    tasks: tuple[frozenset[str], ...]

    def state(self, record: Record) -> State:
        """How far it came."""
        if all(_any(self.host, names, record) for names in self.tasks):
            return "done"
        names = frozenset().union(*self.tasks)
        failure = record.failed.get(self.host)
        if failure and failure.task in names:
            return "failed"
        begun = any((self.host, task) in record.begun for task in names)
        return "cut off" if begun else "not done"


def steps(plan: Plan, work: Mapping[str, Any]) -> tuple[Step, ...]:
    """A plan's steps in the order of playbooks/apply.yml; `work` is the plan as Ansible gets it."""
    return tuple(step for host in plan.hosts for step in _of(plan, host)) + tuple(_objects(plan, work))


def _of(plan: Plan, host: str) -> Iterator[Step]:
    whole = of_plan(plan)
    if names := whole.packages.get(host):
        yield Step(host, _count(len(names), "package"), Changed(packages={host: names}), (_INSTALL,))
    if names := whole.files.get(host):
        yield Step(host, _count(len(names), "file"), Changed(files={host: names}), (_FILES,))
    for change in (one for one in plan.services if one.host == host):
        title = f"{change.action} {change.unit}"
        yield Step(host, title, Changed(services={host: (title,)}), (_task(change),))
    if names := whole.membership.get(host):
        yield Step(host, ", ".join(names), Changed(membership={host: names}), (_BROKER,))


def _task(change: ServiceChange) -> frozenset[str]:
    if change.action == "enable":
        return _FILES
    return _RUN.get(change.unit.removesuffix(".service"), _BROKER)


def _objects(plan: Plan, work: Mapping[str, Any]) -> Iterator[Step]:
    """Each cluster's, made by one of its brokers; of brokers that share a directory by whichever serves."""
    for cluster in plan.clusters:
        names = of_plan(Plan(topology=plan.topology, clusters=(cluster,))).objects
        title = _count(len(names), "object") if names else "the list of mqctl's objects"
        for host in [host for host in work["objects"] if host in cluster.hosts]:
            tasks = (_OBJECTS, _LINKS) if work["objects"][host]["links"] else (_OBJECTS,)
            yield Step(host, title, Changed(objects=names), tasks)


def changed(todo: Sequence[Step], record: Record) -> Changed:
    """What was done."""
    return together([step.change for step in todo if step.state(record) == "done"])


def not_done(todo: Sequence[Step], record: Record) -> Changed:
    """What was not finished."""
    return together([step.change for step in todo if step.state(record) != "done"])


def account(todo: Sequence[Step], record: Record) -> list[str]:
    """One line for each host with work: `mq1: done: 3 files; not done: restart rabbitmq-server.service`."""
    lines: list[str] = []
    for host in dict.fromkeys(step.host for step in todo):
        by_state: dict[State, list[str]] = {"done": [], "failed": [], "cut off": [], "not done": []}
        for step in todo:
            if step.host == host:
                by_state[step.state(record)].append(step.title)
        parts = [f"{state}: {', '.join(titles)}" for state, titles in by_state.items() if titles]
        lines.append(f"{host}: {'; '.join(parts)}")
    return lines


def elsewhere(work: Mapping[str, Any], record: Record) -> dict[str, Any] | None:
    """The part of Ansible's work that needs no order, for the hosts that live; None when there is none left.

    Only when a host could not be reached: after any other failure, e.g. of a file that its validator refuses,
    nothing more is changed anywhere.
    """
    dead = {host for host, event in record.failed.items() if event.state == "unreachable"}
    if not dead or any(event.state != "unreachable" for event in record.failed.values()):
        return None
    groups: Mapping[str, list[str]] = work["groups"]
    left = {
        host
        for name, tasks in _UNORDERED.items()
        for host in groups[name]
        if host not in dead and not _any(host, tasks, record)
    }
    if not left:
        return None
    return {
        "hosts": {host: its for host, its in work["hosts"].items() if host in left},
        "groups": {
            name: [host for host in hosts if host in left and name in _UNORDERED]
            for name, hosts in groups.items()
        },
        "objects": {},
    }


_UNORDERED = {"mqctl_packages": _INSTALL, "mqctl_files": _FILES}
"""Groups of playbooks/apply.yml, and the tasks that they are for."""


def _any(host: str, tasks: frozenset[str], record: Record) -> bool:
    return any((host, task) in record.finished for task in tasks)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
