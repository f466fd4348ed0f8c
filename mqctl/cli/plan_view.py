"""A plan as people read it, and as JSON. Secrets are masked in both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from rich.text import Text

from mqctl.cli.console import SafeConsole
from mqctl.model.changes import ClusterChanges, FileChange, ObjectChange, Plan
from mqctl.model.topology import Topology
from mqctl.workflows.strangers import told

Line = tuple[str, str]
"""A line and its style."""

_SIGNS = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "attributes": ("~", "yellow"),
    "replace": ("±", "magenta"),
    "delete": ("-", "red"),
}
_DIFF = (("---", "bold"), ("+++", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))


def show(plan: Plan, topology: Topology, diff: bool) -> None:
    """Print the plan on stdout, coloured where that is a terminal (NO_COLOR is heard)."""
    console = SafeConsole(soft_wrap=True)
    for text, style in lines(plan, [host.name for host in topology.hosts], diff):
        console.print(Text(text, style=style))


def lines(plan: Plan, hosts: Iterable[str], diff: bool) -> Iterator[Line]:
    """Host by host, then the cluster, then notes and one line that sums up."""
    for host in hosts:
        inside = list(_host(plan, host, diff))
        if inside:
            yield host, "bold"
            yield from inside
            yield "", ""
    for cluster in plan.clusters:
        yield f"cluster {cluster.cluster}" if len(plan.clusters) > 1 else "cluster", "bold"
        yield from _objects(cluster)
        yield "", ""
    yield from ((f"! {told(one)}", "bold red") for one in plan.strangers)
    yield from ((f"note: {note}", "yellow") for note in plan.notes)
    yield summary(plan), "bold" if not plan.empty else "green"


def _host(plan: Plan, host: str, diff: bool) -> Iterator[Line]:
    for package in (one for one in plan.packages if one.host == host):
        version = f" {package.candidate}" if package.candidate else ""
        yield f"  + package {package.package}{version}", "green"
    for file in (one for one in plan.files if one.host == host):
        yield from _file(file, diff)
    for member in (one for one in plan.membership if one.host == host):
        yield (
            f"  ~ broker {member.node}: {_MEMBERSHIP[member.action].format(member.peer or member.node_type)}",
            "yellow",
        )
    for service in (one for one in plan.services if one.host == host):
        yield f"  ~ {service.action} {service.unit}: {service.reason}", "yellow"


_MEMBERSHIP = {
    "found": "founds the cluster",
    "join": "joins {}",
    "rejoin": "is reset (it holds nothing) and joins {}",
    "start": "is started",
    "retype": "is reset and becomes a {} node",
    "stand-by": "is started, and waits while another host has the data directory",
}


def _file(change: FileChange, diff: bool) -> Iterator[Line]:
    sign, style = _SIGNS[change.action]
    hidden = " (secret)" if change.spec.secrecy == "secret" else ""
    yield f"  {sign} {change.path}: {change.action}{hidden}", style
    for line in change.diff.splitlines() if diff else ():
        yield f"      {line}", _diff_style(line)


def _diff_style(line: str) -> str:
    return next((style for start, style in _DIFF if line.startswith(start)), "dim")


def _objects(cluster: ClusterChanges) -> Iterator[Line]:
    for change in cluster.objects:
        sign, style = _SIGNS[change.action]
        yield f"  {sign} {_title(change)}", style
        yield from ((f"      {text}", "dim") for text in _fields(change))
    if not cluster.objects:
        yield "  ~ the list of the objects that mqctl made", "yellow"


def _title(change: ObjectChange) -> str:
    where = f" in vhost {change.vhost}" if change.vhost is not None else ""
    return f"{change.kind} {change.name}{where}" + (": replaced" if change.action == "replace" else "")


def _fields(change: ObjectChange) -> Iterator[str]:
    """Before and after of what changes; a removed object's fields are of no use to the reader."""
    if change.action == "create":
        yield from (f"{name}: {_value(value)}" for name, value in change.after.items() if _says(value))
    elif change.action != "delete":
        yield from _differences(change.before, change.after)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, value in after.items():
        yield f"{name}: {_value(before.get(name))} -> {_value(value)}"


def _says(value: object) -> bool:
    return value not in ({}, [], "", None)


def _value(value: object) -> str:
    return "(none)" if value is None else json.dumps(value, ensure_ascii=False)


def summary(plan: Plan) -> str:
    """`7 changes on 2 hosts, 3 in the cluster`; or that there is none."""
    if plan.empty and plan.strangers:
        return "no changes, but not everything is as the inventory wants it"
    if plan.empty:
        return "no changes: everything is as the inventory wants it"
    on_hosts, inside = count(plan)
    parts = []
    if on_hosts:
        hosts = len(plan.hosts)
        parts.append(f"{_changes(on_hosts)} on {hosts} host{'s' * (hosts != 1)}")
    if inside:
        parts.append(f"{_changes(inside) if not parts else inside} in the cluster")
    return ", ".join(parts)


def count(plan: Plan) -> tuple[int, int]:
    """Changes on hosts, changes inside the cluster; the ledger counts only when it changes alone."""
    on_hosts = len(plan.packages) + len(plan.files) + len(plan.services) + len(plan.membership)
    return on_hosts, len(plan.objects) or int(bool(plan.requests))


def _changes(number: int) -> str:
    return f"{number} change{'s' * (number != 1)}"


def as_document(plan: Plan) -> dict[str, Any]:
    """The plan as JSON-able data: what changes, without contents, request bodies and internals."""
    hidden: dict[str, Any] = {"files": {"__all__": {"spec"}}, "clusters": True}
    on_hosts, inside = count(plan)
    return {
        **plan.model_dump(mode="json", exclude=hidden),
        "objects": [
            {"cluster": cluster.cluster, **change.model_dump(mode="json", exclude={"requests"})}
            for cluster in plan.clusters
            for change in cluster.objects
        ],
        "hosts": list(plan.hosts),
        "changes": {"on_hosts": on_hosts, "in_cluster": inside},
    }
