"""A cluster's status as tables and as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from typing import Any

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from mqctl.cli.console import PIPE_WIDTH
from mqctl.gates import certificates, links
from mqctl.gates.evidence import queues, views
from mqctl.gates.rabbitmq import node_type
from mqctl.model.status import BrokerStatus, ClusterStatus, HaproxyStatus, HostStatus, QueueStatus
from mqctl.model.topology import Host, Topology

_NOT_ANSWERED = "no answer"
_COLOURS = {
    "running": "green",
    "UP": "green",
    "MASTER": "green",
    "BACKUP": "green",
    "standby": "green",
    _NOT_ANSWERED: "red",
    "FAULT": "red",
    "stopped": "red",
    "missing": "red",
    "error": "red",
}


def tables(topology: Topology, status: ClusterStatus) -> Group:
    """Brokers, entrance, and whatever the hosts could not tell."""
    parts: list[Any] = [part for site in topology.sites for part in _site(site, status)]
    if topology.tls:
        parts.append(_Fitting("Certificates", CERTIFICATES, certificate_rows(topology, status)))
    parts += [Text(line, style="red") for line in remarks(status)]
    return Group(*parts)


def _site(site: Topology, status: ClusterStatus) -> list[Any]:
    parts = [
        _Fitting(f"Cluster {cluster.cluster_name}", BROKERS, broker_rows(cluster, status))
        for cluster in site.clusters
    ]
    parts += [
        _Fitting(f"Links of {cluster.cluster_name}", LINKS, rows)
        for cluster in site.clusters
        if (rows := link_rows(cluster, status))
    ]
    if site.balancers or site.routers:
        title = f"Entrance {site.virtual_address or ''}".strip()
        parts.append(_Fitting(title, ENTRANCE, entrance_rows(site, status)))
    return parts


BROKERS = ("Node", "Address", "Version", "Type", "State", "Alarms", "Queues led", "Mirrors in sync")


def broker_rows(topology: Topology, status: ClusterStatus) -> list[tuple[str, ...]]:
    """One row per broker of the inventory."""
    every = queues(views(topology, status))
    return [_broker_row(host, status.host(host.name), every) for host in topology.brokers]


def _broker_row(host: Host, answer: HostStatus | None, every: list[QueueStatus]) -> tuple[str, ...]:
    assert host.broker is not None
    name, address = host.broker.node, str(host.broker.address)
    if answer is None or not answer.answered:
        return (name, address, "", "", _NOT_ANSWERED, "", "", "")
    broker = answer.broker
    if answer.waits:
        return (name, address, "", "", "standby", "", "", "")
    if broker is None or not broker.running:
        return (name, address, (broker.version if broker else "") or "", "", _state(broker), "", "", "")
    led = [queue for queue in every if queue.leader == name]
    alarms = ", ".join([*broker.alarms, *_partitions(broker)]) or "none"
    version = broker.version or "?"
    return (name, address, version, node_type(broker), _state(broker), alarms, str(len(led)), _in_sync(led))


def _state(broker: BrokerStatus | None) -> str:
    if broker is None:
        return _NOT_ANSWERED
    if broker.running:
        return "maintenance" if broker.maintenance else "running"
    if broker.error:
        return "error"
    return "blank" if broker.blank else "stopped"


def _partitions(broker: BrokerStatus) -> list[str]:
    return [f"partitioned from {node}" for apart in broker.partitions.values() for node in apart]


def _in_sync(led: list[QueueStatus]) -> str:
    """In-sync mirrors of all mirrors of the queues led here."""
    mirrors = sum(len(queue.mirrors) for queue in led)
    return f"{sum(len(queue.synchronised) for queue in led)} of {mirrors}" if mirrors else "-"


LINKS = ("Link", "Node", "State")


def link_rows(topology: Topology, status: ClusterStatus) -> list[tuple[str, ...]]:
    """One row for each link that a broker runs, and one for each that is declared and that none has."""
    found, mute = links.live(topology, status)
    missing = "unknown" if mute else "missing"
    here = [
        (links.Link(one.kind, one.vhost, one.name, one.upstream).title, view.node, links.said(one))
        for view in views(topology, status)
        for one in (view.broker.links if view.broker else None) or ()
    ]
    absent = [(link.title, "", missing) for link in links.wanted(topology) if link not in found]
    return sorted([*here, *absent])


ENTRANCE = ("Host", "Address", "HAProxy", "Servers", "VRRP", "Virtual IP")


def entrance_rows(topology: Topology, status: ClusterStatus) -> list[tuple[str, ...]]:
    """One row per load balancer or VRRP router."""
    hosts = [host for host in topology.hosts if host.haproxy or host.keepalived]
    return [_entrance_row(host, status.host(host.name)) for host in hosts]


def _entrance_row(host: Host, answer: HostStatus | None) -> tuple[str, ...]:
    address = str(host.address)
    if answer is None or not answer.answered:
        return (host.name, address, _NOT_ANSWERED, "", "", "")
    state = answer.keepalived.state if answer.keepalived else ""
    holder = "here" if answer.keepalived and answer.keepalived.holds_address else ""
    return (host.name, address, *_haproxy(host, answer.haproxy), state, holder)


def _haproxy(host: Host, haproxy: HaproxyStatus | None) -> tuple[str, str]:
    if host.haproxy is None:
        return "", ""
    if haproxy is None or not haproxy.answered:
        return _NOT_ANSWERED, ""
    return (haproxy.version or "?").partition("-")[0], servers(haproxy)


def servers(haproxy: HaproxyStatus) -> str:
    """Each server with its state in every proxy: one word where they agree."""
    states: dict[str, list[str]] = {}
    for server in haproxy.servers:
        states.setdefault(server.server, []).append(server.status)
    return ", ".join(f"{name} {'/'.join(dict.fromkeys(seen))}" for name, seen in states.items()) or "none"


CERTIFICATES = ("Host", "Ends first")


def certificate_rows(topology: Topology, status: ClusterStatus) -> list[tuple[str, ...]]:
    """One row per host that has some: the earliest end, the authority's counts too."""
    ends = certificate_ends(topology, status)
    return [(name, certificates.left(end, status.at) if end else _NOT_ANSWERED) for name, end in ends.items()]


def certificate_ends(topology: Topology, status: ClusterStatus) -> dict[str, datetime | None]:
    """By host; None where no certificate could be read."""
    having = [host for host in topology.hosts if host.broker or host.haproxy]
    answers = {host.name: status.host(host.name) for host in having}
    return {
        host.name: certificates.earliest(host, answer) if (answer := answers[host.name]) else None
        for host in having
    }


def remarks(status: ClusterStatus) -> list[str]:
    """Why hosts or programs did not answer."""
    lines = []
    for host in status.hosts:
        if host.error:
            lines.append(f"{host.host}: {host.error}{f' ({host.hint})' if host.hint else ''}")
        if host.broker and host.broker.error:
            lines.append(f"{host.host}: {host.broker.error}")
        if host.haproxy and host.haproxy.error:
            lines.append(f"{host.host}: {host.haproxy.error}")
    return lines


_SPARED = ("Type", "Version", "HAProxy", "Address")
"""What a narrow terminal does without, in this order."""
_WHOLE = ("Node", "Host", "Address", "Version", "Type", "State", "HAProxy", "VRRP")
"""Columns that are never wrapped."""


@dataclass(frozen=True)
class _Fitting:
    """A table that leaves out columns before it breaks words."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        unlimited = options.update(max_width=PIPE_WIDTH)
        spared = [name for name in _SPARED if name in self.columns]
        tables = (self._without(spared[:count]) for count in range(len(spared) + 1))
        fitting = (table for table in tables if _least(console, unlimited, table) <= options.max_width)
        yield next(fitting, self._without(spared))

    def _without(self, left_out: Sequence[str]) -> Table:
        shown = [column not in left_out for column in self.columns]
        rows = [list(compress(row, shown)) for row in self.rows]
        return _table(self.title, list(compress(self.columns, shown)), rows)


def _least(console: Console, options: ConsoleOptions, table: Table) -> int:
    """The width below which words of a table break."""
    return Measurement.get(console, options, table).minimum


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    return table


def document(topology: Topology, status: ClusterStatus) -> dict[str, Any]:
    """The status for programs: no file contents, no definitions (they carry password hashes)."""
    secret: Any = {"hosts": {"__all__": {"files": True, "broker": {"definitions": True, "queues": True}}}}
    hidden = status.model_dump(mode="json", exclude=secret)
    return {
        "topology": topology.name,
        "sites": [_site_document(site, status) for site in topology.sites],
        **({"certificates": _dates(certificate_ends(topology, status))} if topology.tls else {}),
        **hidden,
        "queues": [
            {"cluster": cluster.cluster_name, **queue.model_dump(mode="json")}
            for cluster in topology.clusters
            for queue in queues(views(cluster, status))
        ],
    }


def _dates(ends: dict[str, datetime | None]) -> dict[str, str | None]:
    return {name: end.isoformat() if end else None for name, end in ends.items()}


def _site_document(site: Topology, status: ClusterStatus) -> dict[str, Any]:
    own = status.of(site.site.hosts)
    return {
        "site": site.site.name,
        "clusters": [cluster.cluster_name for cluster in site.clusters],
        "virtual_address": str(site.virtual_address) if site.virtual_address else None,
        "holders": [host.host for host in own.hosts if host.keepalived and host.keepalived.holds_address],
    }
