"""What `mqctl destroy` takes from the hosts, as playbooks/destroy.yml takes it. Pure."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec, HostBundle
from mqctl.model.hostsblock import unmerge
from mqctl.model.status import ClusterStatus, FileStatus, HostStatus
from mqctl.model.topology import Host, Topology

DATA = "/var/lib/rabbitmq/mnesia"
"""The broker's node databases, messages included (RabbitMQ guide "File and Directory Location")."""


def removal(
    topology: Topology, bundles: Mapping[str, HostBundle], status: ClusterStatus, data: Iterable[str]
) -> dict[str, Any]:
    """Hosts with their units and files; `data` names the directories that brokers lose, too."""
    answers = {answer.host: answer for answer in status.hosts}
    lost = list(data)
    hosts = {
        host.name: _host(host, bundles[host.name], answers[host.name], _data(host, topology, lost))
        for host in topology.hosts
    }
    return {
        "hosts": hosts,
        "groups": {
            "mqctl_entrance": [host.name for host in topology.hosts if host.haproxy or host.keepalived],
            "mqctl_brokers": [host.name for host in topology.brokers],
            "mqctl_firewall": [name for name, host in hosts.items() if host["units"]["firewall"]],
            "mqctl_files": [name for name, host in hosts.items() if host["files"]],
        },
    }


def _host(host: Host, bundle: HostBundle, answer: HostStatus, data: list[str]) -> dict[str, Any]:
    files = (_file(spec, answer.files.get(spec.path), host.name) for spec in reversed(bundle.files))
    return {
        "units": {
            component: [
                service.unit
                for service in bundle.services
                if service.component == component and _installed(answer, service.unit)
            ]
            for component in ("keepalived", "haproxy", "rabbitmq", "firewall")
        },
        "files": [file for file in files if file is not None],
        "data": data,
    }


def _data(host: Host, topology: Topology, data: list[str]) -> list[str]:
    """What a broker's host deletes. Of a shared directory the first one does, and only the node's own."""
    if host.broker is None or not data:
        return []
    shared = host.broker.settings.shared_dir
    if shared is None:
        return data
    site = next(site for site in topology.sites if host in site.hosts)
    own = f"{shared}/{host.broker.node}"
    return [f"{own}{end}" for end in _ENDS] if host == site.brokers[0] else []


_ENDS = ("", ".pid", "-feature_flags", "-plugins-expand")
"""What a node leaves in its MNESIA_BASE, behind its name (RabbitMQ guide "File and Directory Location")."""


def _installed(answer: HostStatus, unit: str) -> bool:
    service = answer.services.get(unit)
    return service is not None and service.exists


def _file(spec: FileSpec, live: FileStatus | None, own: str) -> dict[str, Any] | None:
    """What mqctl placed goes; of a file that it shares only its own block."""
    if live is None or not live.exists or spec.kind == "absent":
        return None
    if spec.kind == "file":
        return {"path": spec.path, "action": "delete"}
    assert live.content is not None
    whole = reveal(live.content)
    without = unmerge(whole, own)
    if without == whole:
        return None
    content = base64.b64encode(without.encode()).decode()
    attributes = {"owner": live.owner, "group": live.group, "mode": live.mode}
    return {"path": spec.path, "action": "update", "content": content, **attributes}
