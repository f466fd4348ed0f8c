"""A plan as playbooks/apply.yml takes it: JSON with secrets in it, for a 0600 file or a no_log task only."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.model.changes import ClusterChanges, FileChange, Plan, Request
from mqctl.model.firewall import UNIT
from mqctl.model.links import COMPONENTS
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan.brokers import node_of

_ENTRANCE = ("haproxy", "keepalived")


def for_ansible(plan: Plan, topology: Topology, status: ClusterStatus) -> dict[str, Any]:
    """Hosts with their work, groups in working order, the objects' requests. Carries secrets."""
    objects = {
        host: calls for one in plan.clusters for host, calls in _objects(one, plan, topology, status).items()
    }
    names = [host.name for host in topology.hosts if host.name in plan.hosts or host.name in objects]
    hosts = {name: _host(name, plan, topology, status) for name in names}
    return {
        "hosts": hosts,
        "groups": _groups(hosts, plan, topology, status, objects),
        "objects": objects,
    }


def _host(name: str, plan: Plan, topology: Topology, status: ClusterStatus) -> dict[str, Any]:
    files = [change for change in plan.files if change.host == name]
    return {
        "packages": [change.package for change in plan.packages if change.host == name],
        "files": [_file(change) for change in files],
        "units": {
            "enable": [c.unit for c in plan.services if c.host == name and c.action == "enable"],
            "daemon_reload": _needs_daemon_reload(name, files, status),
        },
        "broker": _broker(name, plan, topology, status),
        "firewall": _action(name, _unit(UNIT), plan),
        "haproxy": _action(name, "haproxy", plan),
        "haproxy_socket": _socket(name, topology),
        "keepalived": _action(name, "keepalived", plan),
    }


def _file(change: FileChange) -> dict[str, Any]:
    spec = change.spec
    return {
        "path": change.path,
        "action": change.action,
        "content": _content(change.action, spec),
        "owner": spec.owner,
        "group": spec.group,
        "mode": spec.mode,
        "validate": list(spec.validator),
        "sensitive": spec.secrecy != "public",
        "diff": change.diff,
    }


def _content(action: str, spec: FileSpec) -> str | None:
    """Base64 of the UTF-8 bytes; None for a file to delete."""
    return None if action == "delete" else base64.b64encode(reveal(spec.content).encode()).decode()


def _needs_daemon_reload(name: str, files: Iterable[FileChange], status: ClusterStatus) -> bool:
    """systemd must read unit files again that this plan changes, or that changed unnoticed before."""
    answer = status.host(name)
    stale = answer is not None and any(service.stale for service in answer.services.values())
    return stale or any("reload-systemd" in change.spec.effects for change in files)


def _broker(name: str, plan: Plan, topology: Topology, status: ClusterStatus) -> dict[str, Any]:
    actions: list[str] = [change.action for change in plan.membership if change.host == name]
    partners = _partners(name, topology)
    restart = "hand-over" if partners else "restart"
    actions += [restart for c in plan.services if c.host == name and c.action == "restart"]
    return {
        "action": actions[0] if actions else None,
        "node": node_of(topology, name),
        "node_type": _node_type(name, topology),
        "peers": _peers(name, topology),
        "partners": partners,
        "alone": _alone(name, topology, status),
    }


def _node_type(name: str, topology: Topology) -> str:
    broker = topology.host(name).broker
    return broker.settings.node_type if broker else "disc"


def _peers(name: str, topology: Topology) -> list[str]:
    """The nodes of the broker's own cluster."""
    clusters = [[host for host in cluster.brokers if host.broker] for cluster in topology.clusters]
    own = next((hosts for hosts in clusters if name in [host.name for host in hosts]), [])
    return [host.broker.node for host in own if host.broker]


def _partners(name: str, topology: Topology) -> list[dict[str, Any]]:
    """Where the brokers listen that share the data directory with this one."""
    sharing = [cluster.brokers for cluster in topology.clusters if cluster.shared_dir]
    own = next((hosts for hosts in sharing if name in [host.name for host in hosts]), ())
    return [
        {"address": str(host.broker.listens), "port": host.broker.settings.port}
        for host in own
        if host.broker and host.name != name
    ]


def _alone(name: str, topology: Topology, status: ClusterStatus) -> bool:
    """Whether the broker runs without any other member: then a restart has nobody to wait for."""
    answer = status.host(name)
    broker = answer.broker if answer else None
    return broker is not None and broker.running and set(broker.members) <= {node_of(topology, name)}


def _action(name: str, component: str, plan: Plan) -> str | None:
    """start, reload or stop; units are named after their programs."""
    actions = [
        change.action
        for change in plan.services
        if change.host == name
        and _unit(change.unit) == component
        and change.action in ("start", "reload", "stop")
    ]
    return actions[0] if actions else None


def _socket(name: str, topology: Topology) -> str | None:
    haproxy = topology.host(name).haproxy
    return haproxy.socket if haproxy else None


def _unit(unit: str) -> str:
    return unit.removesuffix(".service")


def _groups(
    hosts: dict[str, dict[str, Any]],
    plan: Plan,
    topology: Topology,
    status: ClusterStatus,
    objects: Mapping[str, Any],
) -> dict[str, list[str]]:
    entrance = [name for name, host in hosts.items() if any(host[component] for component in _ENTRANCE)]
    holders = {vip_holder(site, status) for site in topology.sites}
    filters = {name: host["firewall"] for name, host in hosts.items() if host["firewall"]}
    return {
        "mqctl_firewall_stop": [name for name, action in filters.items() if action == "stop"],
        "mqctl_firewall": [name for name, action in filters.items() if action != "stop"],
        "mqctl_packages": [name for name, host in hosts.items() if host["packages"]],
        "mqctl_files": [name for name, host in hosts.items() if host["files"] or any(host["units"].values())],
        "mqctl_brokers_start": [change.host for change in plan.membership if change.action == "start"],
        "mqctl_brokers_join": [
            change.host for change in plan.membership if change.action not in ("start", "retype", "stand-by")
        ],
        "mqctl_brokers_standby": [change.host for change in plan.membership if change.action == "stand-by"],
        "mqctl_brokers_retype": [change.host for change in plan.membership if change.action == "retype"],
        "mqctl_brokers_restart": [change.host for change in plan.services if change.action == "restart"],
        "mqctl_objects": list(objects),
        "mqctl_standby": [name for name in entrance if name not in holders],
        "mqctl_vip_holder": [name for name in entrance if name in holders],
    }


def vip_holder(topology: Topology, status: ClusterStatus) -> str | None:
    """Who holds the site's virtual address; of several the router of highest priority.

    None where nobody holds it: then there is nothing to move, and all routers start together.
    """
    answers = [answer for host in topology.routers if (answer := status.host(host.name))]
    holding = {host.host for host in answers if host.keepalived and host.keepalived.holds_address}
    routers = [(host.keepalived.priority, host.name) for host in topology.routers if host.keepalived]
    return max(((priority, name) for priority, name in routers if name in holding), default=(0, None))[1]


def _objects(
    changes: ClusterChanges, plan: Plan, topology: Topology, status: ClusterStatus
) -> dict[str, dict[str, Any]]:
    """Who makes the calls of a cluster, and which."""
    cluster = next(one for one in topology.clusters if one.cluster_name == changes.cluster)
    return {host: _calls(changes, cluster, host) for host in _speakers(plan, cluster, status)}


def _calls(changes: ClusterChanges, cluster: Topology, host: str) -> dict[str, Any]:
    broker = cluster.host(host).broker
    assert broker is not None
    admin = broker.settings.admin_user
    user = next((user for user in cluster.objects.users if user.name == admin), None)
    return {
        "port": broker.settings.management_port,
        "node": broker.node,
        "user": admin,
        "password": reveal(user.password) if user and user.password else None,
        "password_hash": reveal(user.password_hash) if user and user.password_hash else None,
        **_in_steps(changes.requests),
    }


def _in_steps(requests: Sequence[Request]) -> dict[str, list[dict[str, Any]]]:
    """What every cluster has before any of them gets a new link, and the rest, in the same order.

    A link declares the queue that it does not find at its other end with the arguments of its own; there the
    inventory's declaration would be refused afterwards.
    """
    links = tuple(f"parameters/{component}/" for component in COMPONENTS)
    news = (n for n, one in enumerate(requests) if one.method == "PUT" and one.path.startswith(links))
    first = next(news, len(requests))
    calls = [_request(request) for request in requests]
    return {"requests": calls[:first], "links": calls[first:]}


def _speakers(plan: Plan, topology: Topology, status: ClusterStatus) -> list[str]:
    """One; of brokers that share a data directory all that will be up: the lock says which of them serves
    then, and those that wait leave it alone."""
    if not topology.shared_dir:
        return [_speaker(plan, topology, status)]
    started = {change.host for change in plan.membership}
    answers = status.of([host.name for host in topology.brokers]).hosts
    up = {one.host for one in answers if one.waits or (one.broker and one.broker.running)}
    return [host.name for host in topology.brokers if host.name in started | up]


def _speaker(plan: Plan, topology: Topology, status: ClusterStatus) -> str:
    """The broker that makes the calls: one that runs already and stays, else the one that founds."""
    own = [host.name for host in topology.brokers]
    started = [c.host for c in plan.membership if c.action in ("found", "start") and c.host in own]
    staying = {change.host for change in plan.membership}
    for host in topology.brokers:
        answer = status.host(host.name)
        if host.name not in staying and answer and answer.broker and answer.broker.running:
            return host.name
    return started[0] if started else topology.brokers[0].name


def _request(request: Request) -> dict[str, Any]:
    """The body stays one text: of a secret mapping Ansible would hide every leaf, `0` and `/` too."""
    body = reveal(request.body) if request.body is not None else None
    fields = request.model_dump(include={"method", "path", "binding", "absent"})
    return {**fields, "body": body}
