"""Whole topologies built by hand, with fixed secrets: what the inventories in `inventories/` come out as."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Interface
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from mqctl.model.firewall import FirewallSettings
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.objects import Objects, Policy, User
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import Certificate, Tls
from mqctl.model.topology import Broker, Connection, Host, Site, Topology

COOKIE = "COOKIEFORTESTSONLY00"
STATS_PASSWORD = "stats-password-for-tests"
AUTH_PASS = "vrrptest"
ADMIN_PASSWORD = "admin-password-for-tests"
APP_PASSWORD = "app-password-for-tests"
TLS_KEY = "private-key-for-tests"
NETWORK = "10.93.17"

SECRETS = (COOKIE, STATS_PASSWORD, AUTH_PASS, ADMIN_PASSWORD, APP_PASSWORD, TLS_KEY)
"""None of these may be seen in a diff, a log, an argv or a masked bundle."""


def mirrored_3node(
    rabbitmq: dict[str, Any] | None = None,
    haproxy: dict[str, Any] | None = None,
    keepalived: dict[str, Any] | None = None,
) -> Topology:
    """Three brokers with mirrored queues behind two load balancers; the arguments are further settings."""
    brokers = tuple(broker(f"mq{i}", f"{NETWORK}.1{i}", **(rabbitmq or {})) for i in (1, 2, 3))
    balancers = tuple(
        balancer(f"lb{i}", f"{NETWORK}.2{i}", 160 - 10 * i, haproxy or {}, keepalived or {}) for i in (1, 2)
    )
    return topology("mirrored-3node", brokers + balancers)


def warren(haproxy: dict[str, Any] | None = None) -> Topology:
    """Two brokers that stay apart behind two load balancers; the second one is the standby."""
    apart = {"clustered": False}
    brokers = (
        broker("mq1", f"{NETWORK}.11", **apart),
        broker("mq2", f"{NETWORK}.12", **apart, haproxy_backup=True),
    )
    balancers = tuple(
        balancer(f"lb{i}", f"{NETWORK}.2{i}", 160 - 10 * i, {**WARREN_CHECKS, **(haproxy or {})}, {})
        for i in (1, 2)
    )
    return with_site(topology("warren", brokers + balancers), clustered=False)


def warren_shared(**rabbitmq: Any) -> Topology:
    """Two brokers that share one data directory behind two load balancers."""
    shared = {"clustered": False, "shared_dir": "/srv/rabbitmq", "shared_lease": 0, **rabbitmq}
    brokers = tuple(broker(f"mq{i}", f"{NETWORK}.1{i}", **shared) for i in (1, 2))
    checks = {"check_inter": 2, "check_fastinter": 1, "check_downinter": 1, "check_rise": 2, "check_fall": 2}
    balancers = tuple(balancer(f"lb{i}", f"{NETWORK}.2{i}", 160 - 10 * i, checks, {}) for i in (1, 2))
    return with_site(topology("warren-shared", brokers + balancers), clustered=False)


def disc_ram() -> Topology:
    """Three disc nodes without clients and two RAM nodes of different weight behind two load balancers."""
    disc = {"node_type": "disc", "haproxy_server": False}
    brokers = (
        *(broker(f"mq{i}", f"{NETWORK}.1{i}", **disc) for i in (1, 2, 3)),
        *(broker(f"mq{i}", f"{NETWORK}.1{i}", node_type="ram", haproxy_weight=6 - i) for i in (4, 5)),
    )
    balancers = tuple(balancer(f"lb{i}", f"{NETWORK}.2{i}", 160 - 10 * i, {}, {}) for i in (1, 2))
    return topology("disc-ram", brokers + balancers)


WARREN_CHECKS = {
    "check_inter": 5,
    "check_fastinter": 5,
    "check_downinter": 5,
    "check_rise": 2,
    "check_fall": 2,
}
"""`check inter 5s rise 2 fall 2`."""


def standalone(**settings: Any) -> Topology:
    """One broker and nothing else."""
    return topology("standalone", (broker("mq1", f"{NETWORK}.11", **settings),))


def topology(name: str, hosts: tuple[Host, ...]) -> Topology:
    """These hosts as one topology, with the objects that mqctl always makes and a mirroring policy."""
    return Topology(
        name=name,
        inventory=Path("/inventories") / name,
        state_dir=Path("/inventories") / name / ".mqctl",
        hosts=hosts,
        parts=(
            Site(
                hosts=tuple(host.name for host in hosts),
                cluster_name=name,
                objects=objects(),
                erlang_cookie=SecretStr(COOKIE),
            ),
        ),
    )


def with_address(topology: Topology, addresses: dict[str, str]) -> Topology:
    """The same with brokers elsewhere, by host name."""
    hosts = tuple(
        host.model_copy(
            update={"broker": host.broker.model_copy(update={"address": IPv4Address(addresses[host.name])})}
        )
        if host.broker and host.name in addresses
        else host
        for host in topology.hosts
    )
    return topology.model_copy(update={"hosts": hosts})


def walled(topology: Topology, **settings: Any) -> Topology:
    """The same with a packet filter on every host."""
    given = {"clients": ["198.51.100.0/24"], "admins": ["203.0.113.7"], **settings}
    firewall = FirewallSettings.model_validate(given)
    hosts = tuple(host.model_copy(update={"firewall": firewall}) for host in topology.hosts)
    return topology.model_copy(update={"hosts": hosts})


def secured(topology: Topology, **settings: Any) -> Topology:
    """The same with TLS everywhere; the certificates are none, for whoever only places them."""
    names = [host.name for host in topology.hosts]
    made = {name: Certificate(chain=f"certificate of {name}\n", key=SecretStr(TLS_KEY)) for name in names}
    given = {"plain": False, "inter_node": True, "authorities": "authority\n", "certificates": made}
    return topology.model_copy(update={"tls": Tls.model_validate({**given, **settings})})


def with_site(topology: Topology, **update: Any) -> Topology:
    """The same with other fields in its only site."""
    return topology.model_copy(update={"parts": (topology.site.model_copy(update=update),)})


def objects() -> Objects:
    """The administrator, the client user and the policy `ha-all`."""
    return Objects(
        users=(
            User(name="admin", tags=("administrator",), password=SecretStr(ADMIN_PASSWORD)),
            User(name="app", password=SecretStr(APP_PASSWORD)),
        ),
        policies=(
            Policy.model_validate(
                {
                    "name": "ha-all",
                    "pattern": "^",
                    "apply-to": "queues",
                    "definition": {"ha-mode": "all", "ha-sync-mode": "automatic"},
                }
            ),
        ),
    )


def broker(name: str, address: str, **settings: Any) -> Host:
    """A broker whose node is called after the host, or shared with others."""
    decided = RabbitmqSettings.model_validate({"version": "3.10", **settings})
    return Host(
        name=name,
        connection=Connection(host=address, user="root"),
        address=IPv4Address(address),
        broker=Broker(
            node=f"{decided.nodename}@{decided.shared_name if decided.shared_dir else name}",
            address=decided.cluster_address or IPv4Address(address),
            settings=decided,
        ),
    )


def balancer(
    name: str, address: str, priority: int, haproxy: dict[str, Any], keepalived: dict[str, Any]
) -> Host:
    """A host with HAProxy and Keepalived."""
    return Host(
        name=name,
        connection=Connection(host=address, user="root"),
        address=IPv4Address(address),
        haproxy=HaproxySettings.model_validate({"stats_password": STATS_PASSWORD, **haproxy}),
        keepalived=KeepalivedSettings.model_validate(
            {
                "virtual_address": IPv4Interface(f"{NETWORK}.100/24"),
                "priority": priority,
                "auth_pass": AUTH_PASS,
                **keepalived,
            }
        ),
    )
