"""What a failover test was run against: versions, policies and the timers that decide how long things take.

A chosen list of fields, so that no secret can be among them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from mqctl.model.haproxy import HaproxySettings
from mqctl.model.history import Fact
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.topology import Host, Topology
from mqctl.model.workload import WorkloadSettings

_S = TypeVar("_S")

_RABBITMQ: Mapping[str, Callable[[RabbitmqSettings], object]] = {
    "partition handling": lambda s: s.partition_handling,
    "net_ticktime": lambda s: f"{s.net_ticktime} s",
    "heartbeat": lambda s: f"{s.heartbeat} s",
    "memory high watermark": lambda s: s.memory_high_watermark,
    "free disc limit": lambda s: s.disk_free_limit,
    "plugins": lambda s: ", ".join(s.plugins),
}
_HAPROXY: Mapping[str, Callable[[HaproxySettings], object]] = {
    "balance": lambda s: s.balance,
    "check": lambda s: s.check,
    "inter, fastinter, downinter": lambda s: (
        f"{s.check_inter:g} s, {s.check_fastinter:g} s, {s.check_downinter:g} s"
    ),
    "rise, fall": lambda s: f"{s.check_rise}, {s.check_fall}",
    "check timeout": lambda s: f"{s.check_timeout:g} s",
    "timeout connect": lambda s: f"{s.timeout_connect:g} s",
    "timeout client, server": lambda s: f"{s.timeout_client:g} s, {s.timeout_server:g} s",
}
_KEEPALIVED: Mapping[str, Callable[[KeepalivedSettings], object]] = {
    "VIP": lambda s: s.virtual_address,
    "VRRP version": lambda s: s.vrrp_version,
    "advert_int": lambda s: f"{s.advert_interval:g} s",
    "priority": lambda s: s.priority,
    "on return": lambda s: "preempt" if s.preempt else "nopreempt",
    "check interval, timeout": lambda s: f"{s.check_interval:g} s, {s.check_timeout:g} s",
    "check fall, rise": lambda s: f"{s.check_fall}, {s.check_rise}",
    "check weight": lambda s: s.check_weight,
}
_UNITS = {"rate": " messages/s", "size": " bytes", "duration": " s", "window": " unconfirmed at most"}


def facts(
    topology: Topology, settings: WorkloadSettings, versions: Mapping[str, Mapping[str, str]]
) -> tuple[Fact, ...]:
    """The configuration as rows; `versions` as the hosts told them, by program and host."""
    brokers = {host.name: host.broker.settings for host in topology.brokers if host.broker}
    balancers = {host.name: host.haproxy for host in topology.hosts if host.haproxy}
    routers = {host.name: host.keepalived for host in topology.hosts if host.keepalived}
    return (
        *_cluster(topology, versions),
        *_rows("RabbitMQ", _RABBITMQ, brokers),
        *_policies(topology),
        *_rows("HAProxy", _HAPROXY, balancers),
        *_rows("Keepalived", _KEEPALIVED, routers),
        *_workload(settings),
    )


def _cluster(topology: Topology, versions: Mapping[str, Mapping[str, str]]) -> Iterator[Fact]:
    yield Fact("Cluster", "topology", topology.name)
    yield Fact("Cluster", "runs on", "containers (lab)" if topology.lab else "hosts over SSH")
    yield Fact("Cluster", "brokers", _names(topology.brokers))
    for role, hosts in (("load balancers", topology.balancers), ("VIP routers", topology.routers)):
        if hosts:
            yield Fact("Cluster", role, _names(hosts))
    for program, by_host in versions.items():
        if by_host:
            yield Fact("Cluster", program, _same(by_host))


def _names(hosts: Iterable[Host]) -> str:
    return ", ".join(host.name for host in hosts)


def _same(by_host: Mapping[str, str]) -> str:
    """One value when all hosts agree, else each host's own."""
    values = list(dict.fromkeys(by_host.values()))
    return values[0] if len(values) == 1 else ", ".join(f"{host} {value}" for host, value in by_host.items())


def _rows(part: str, wanted: Mapping[str, Callable[[_S], object]], hosts: Mapping[str, _S]) -> Iterator[Fact]:
    for name, get in wanted.items():
        if hosts:
            yield Fact(part, name, _same({host: str(get(settings)) for host, settings in hosts.items()}))


def _policies(topology: Topology) -> Iterator[Fact]:
    for policy in topology.objects.policies:
        definition = ", ".join(f"{key}: {json.dumps(value)}" for key, value in policy.definition.items())
        where = f"{policy.pattern} ({policy.apply_to}, priority {policy.priority}, vhost {policy.vhost})"
        yield Fact("Policies", policy.name, f"{where}: {definition}")


def _workload(settings: WorkloadSettings) -> Iterator[Fact]:
    for name, value in settings.model_dump(mode="json", exclude_none=True).items():
        if isinstance(value, str | int | float):
            text = f"{value:g}" if isinstance(value, float) else str(value)
            yield Fact("Workload", name.replace("_", " "), text + _UNITS.get(name, ""))
    if settings.rate is None:
        yield Fact("Workload", "rate", "as fast as it goes")
