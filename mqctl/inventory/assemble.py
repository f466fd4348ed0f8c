"""A draft without problems to the topology: defaults decided, secrets filled in."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

from pydantic import SecretStr

from mqctl.inventory import links
from mqctl.inventory.drafting import Drafted
from mqctl.model.draft import Draft, DraftHost
from mqctl.model.lab import LabHost, LabSettings, LabSpec, LabVolume, Release, lab_name
from mqctl.model.objects import Objects, Permission, User
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import Tls
from mqctl.model.topology import Broker, Host, Site, Topology
from mqctl.private import STATE_DIR


def missing(draft: Draft) -> tuple[str, ...]:
    """The secrets that the inventory does not have yet, by variable."""
    clusters = [site.cluster for site in draft.sites if site.cluster]
    absent = [] if all(cluster.erlang_cookie for cluster in clusters) else ["rabbitmq_erlang_cookie"]
    absent += [f"rabbitmq_passwords.{name}" for cluster in clusters for name in without_password(cluster)]
    if any(settings.stats_password is None for _, settings in draft.balancers):
        absent.append("haproxy_stats_password")
    if any(settings.vrrp_version == 2 and settings.auth_pass is None for _, settings in draft.routers):
        absent.append("keepalived_auth_pass")
    return tuple(dict.fromkeys(absent))


def without_password(cluster: RabbitmqSettings) -> list[str]:
    """The users that have neither a password nor a hash."""
    return [
        user.name
        for user in _users(cluster)
        if not user.password and not user.password_hash and user.name not in cluster.passwords
    ]


def topology(drafted: Drafted, inventory: Path, tls: Tls | None = None) -> Topology:
    """The topology of a draft that has no problems and lacks no secret."""
    draft = drafted.draft
    directory = inventory if inventory.is_dir() else inventory.parent
    name = inventory.name if inventory.is_dir() else directory.name
    reaches = {site.hosts[0].site: _reach(site) for site in draft.sites}
    return Topology(
        name=name,
        inventory=inventory,
        state_dir=directory / STATE_DIR,
        hosts=tuple(_host(host, drafted) for host in draft.hosts),
        parts=tuple(_site(site, name, reaches) for site in draft.sites),
        lab=_lab(draft, directory),
        objectives=draft.mqctl.objectives,
        scenarios=draft.mqctl.scenarios,
        tls=tls,
    )


def _reach(site: Draft) -> links.Reach:
    assert site.cluster is not None
    return links.reach(site, objects(site.cluster).users)


def _site(draft: Draft, inventory: str, reaches: links.Reaches) -> Site:
    cluster, name = draft.cluster, draft.hosts[0].site
    assert cluster is not None
    assert cluster.erlang_cookie is not None
    return Site(
        name=name,
        hosts=tuple(host.name for host in draft.hosts),
        cluster_name=cluster.cluster_name or (f"{inventory}-{name}" if name else inventory),
        clustered=cluster.clustered,
        objects=objects(cluster).model_copy(update={"parameters": links.parameters(cluster, reaches)}),
        erlang_cookie=cluster.erlang_cookie,
        static_shovels=links.static_shovels(cluster, reaches),
    )


def objects(cluster: RabbitmqSettings) -> Objects:
    """What is declared, with the administrator and the client user, every user with password or hash."""
    return Objects(
        vhosts=cluster.vhosts,
        users=tuple(_with_password(user, cluster.passwords) for user in _users(cluster)),
        policies=cluster.policies,
        exchanges=cluster.exchanges,
        queues=cluster.queues,
        bindings=cluster.bindings,
    )


def _users(cluster: RabbitmqSettings) -> tuple[User, ...]:
    """The declared users, after those that mqctl itself needs and that are not among them."""
    everywhere = tuple(Permission(vhost=vhost.name) for vhost in cluster.vhosts)
    own = (
        User(name=cluster.admin_user, tags=("administrator",), permissions=everywhere),
        User(name=cluster.client_user, permissions=everywhere),
    )
    declared = {user.name for user in cluster.users}
    return (*(user for user in own if user.name not in declared), *cluster.users)


def _with_password(user: User, passwords: dict[str, SecretStr]) -> User:
    if user.password or user.password_hash or user.name not in passwords:
        return user
    return user.model_copy(update={"password": passwords[user.name]})


def _host(host: DraftHost, drafted: Drafted) -> Host:
    assert host.address is not None
    broker = host.rabbitmq
    return Host(
        name=host.name,
        connection=drafted.connections[host.name],
        address=host.address,
        firewall=host.firewall,
        broker=Broker(node=host.node, address=host.address, settings=broker) if broker else None,
        haproxy=host.haproxy,
        keepalived=host.keepalived,
    )


def _lab(draft: Draft, directory: Path) -> LabSpec | None:
    settings = draft.mqctl.lab
    if settings is None:
        return None
    hosts = tuple(
        LabHost(name=host.name, address=host.address, image=_own_image(host, settings), volume=_volume(host))
        for host in draft.hosts
        if isinstance(host.address, IPv4Address)
    )
    return LabSpec(
        name=lab_name(directory),
        image=settings.image,
        subnet=settings.subnet,
        hosts=hosts,
        state_dir=directory / STATE_DIR,
    )


def _own_image(host: DraftHost, common: LabSettings) -> Release | None:
    return host.lab.image if host.lab and host.lab.image != common.image else None


def _volume(host: DraftHost) -> LabVolume | None:
    """One for the brokers of each site that share a data directory."""
    directory = host.rabbitmq.shared_dir if host.rabbitmq else None
    name = f"shared-{host.site}" if host.site else "shared"
    return LabVolume(name=name, path=directory) if directory else None
