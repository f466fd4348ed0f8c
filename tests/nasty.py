"""Topologies whose values try to break out of every format."""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Any

from mqctl.model.topology import Host, Topology
from tests import topologies

EVIL = "q\"uo'te %s $HOME ${HOME} # {{x}} {% y %} \\ back é日"
"""Every character that is special somewhere."""

CONF_EVIL = "q\"uo'te %s $HOME ${HOME} {{x}} {% y %} \\ back = ="
"""The part of it that rabbitmq.conf can carry."""

ENV_EVIL = EVIL.replace("日", "")
"""The part of it that RabbitMQ 3.8 bears in rabbitmq-env.conf."""

VRRP_EVIL = "'#!${\\é"
"""Eight bytes of it, without the double quote that keepalived.conf cannot carry."""


def evil(version: str, **rabbitmq: Any) -> Topology:
    """mirrored-3node with evil values wherever a text is free."""
    settings = {
        "version": version,
        "environment": {"MQCTL_TEST": ENV_EVIL},
        "plugins": ("rabbitmq_management", "rabbitmq_shovel"),
        **rabbitmq,
    }
    haproxy = {"stats_password": EVIL, "stats_user": "st'a$ts#%", "socket": "/run/haproxy/a'd{m#n.sock"}
    wanted = topologies.mirrored_3node(settings, haproxy, {"auth_pass": VRRP_EVIL})
    return topologies.with_site(wanted, cluster_name=EVIL)


def evil_terms(version: str) -> Topology:
    """The same, with Erlang terms of every kind, in the classic format."""
    return evil(version, config_format="classic", advanced_config=TERMS)


TERMS: dict[str, dict[str, Any]] = {
    "mqctl_test": {
        "binary": EVIL,
        "string": {"string": EVIL},
        "atom": {"atom": EVIL},
        "reserved": {"atom": "end"},
        "tuple": {"tuple": [1, -2.5, True, [], {"a b": {"c": 1e-9}}]},
        "list": [[EVIL] * 8, {"x": EVIL}],
    }
}


def evil_conf(version: str) -> Topology:
    """The same, with keys of the inventory's own in rabbitmq.conf and terms in advanced.config."""
    extra = {"default_vhost": CONF_EVIL, "heartbeat": 77, "vm_memory_high_watermark.relative": 0.00001}
    return evil(version, extra_conf=extra, advanced_config=TERMS)


_BROKERS = [f"{topologies.NETWORK}.1{number}" for number in (1, 2, 3)]
VIRTUAL_SERVERS: list[dict[str, Any]] = [
    {
        "port": 5673,
        "lb_algo": "wrr",
        "persistence_timeout": 60,
        "real_servers": [{"address": at, "port": 5672, "weight": 2} for at in _BROKERS],
    },
    {
        "address": f"{topologies.NETWORK}.101",
        "port": 5672,
        "delay_loop": 6,
        "lb_kind": "DR",
        "check": "none",
        "real_servers": [{"address": at, "port": 5672} for at in _BROKERS],
    },
]
"""LVS services: with ports changed and checked, and routed directly and not checked."""


def variants() -> Topology:
    """What the plain topology does not use: VRRP 3, multicast, nopreempt, restarts, no checks, backups."""
    wanted = topologies.mirrored_3node(
        {"bind_address": "0.0.0.0", "log_level": "none", "consumer_timeout": 0.5},
        {"check": "tcp", "timeout_connect": 0.25, "balance": "source"},
        {
            "vrrp_version": 3,
            "auth_pass": None,
            "advert_interval": 0.25,
            "unicast": False,
            "preempt": False,
            "restart_haproxy": True,
            "check_weight": -30,
            "virtual_servers": VIRTUAL_SERVERS,
        },
    )
    backup = topologies.broker("mq3", f"{topologies.NETWORK}.13", haproxy_backup=True, haproxy_weight=0)
    hosts = tuple(backup if host.name == "mq3" else host for host in wanted.hosts)
    return wanted.model_copy(update={"hosts": hosts})


def six() -> Topology:
    """IPv6 everywhere, long host names, another port."""
    wanted = topologies.mirrored_3node({"port": 5673}, {}, {})
    return wanted.model_copy(update={"hosts": tuple(_six(host) for host in wanted.hosts)})


def _six(host: Host) -> Host:
    address = IPv6Address(f"2001:db8::{str(host.address).rpartition('.')[2]}")
    name = f"{host.name}.example.net"
    update: dict[str, Any] = {"name": name, "address": address}
    if host.broker:
        settings = host.broker.settings.model_copy(update={"bind_address": address})
        changes = {"node": f"rabbit@{name}", "address": address, "settings": settings}
        update["broker"] = host.broker.model_copy(update=changes)
    if host.keepalived:
        settings_six = host.keepalived.model_validate(
            {
                **host.keepalived.model_dump(),
                "virtual_address": "2001:db8::100/64",
                "vrrp_version": 3,
                "auth_pass": None,
            }
        )
        update["keepalived"] = settings_six
    return host.model_copy(update=update)
