"""What one inventory describes, checked: the hosts, what runs on each, and the objects of the cluster."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from mqctl.model.base import IPAddress, Model, Port
from mqctl.model.firewall import FirewallSettings
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.lab import LabSpec
from mqctl.model.links import StaticShovel
from mqctl.model.objectives import Objectives
from mqctl.model.objects import Objects
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import AMQPS, Tls


class Connection(Model):
    """How SSH reaches a host: Ansible's connection variables, with Ansible's meaning."""

    host: str
    port: Port = 22
    user: str | None = None
    private_key: Path | None = None
    password: SecretStr | None = None
    become: bool = False
    become_password: SecretStr | None = None
    ssh_options: dict[str, str] = Field(default_factory=dict)
    """The `-o Name=Value` options of ansible_ssh_common_args and ansible_ssh_extra_args, names lowered."""
    python: str = "/usr/bin/python3"


class Broker(Model):
    """A broker, with every optional setting decided."""

    node: str
    """The Erlang node name, e.g. rabbit@mq1."""
    address: IPAddress
    settings: RabbitmqSettings

    @property
    def listens(self) -> IPAddress:
        """Where its AMQP listener is: the address it is bound to, unless that is all of them."""
        bound = self.settings.bind_address
        return self.address if bound is None or bound.is_unspecified else bound


class Host(Model):
    """A host and what runs on it."""

    name: str
    """The inventory name; on brokers also the short host name that the peers resolve."""
    connection: Connection
    address: IPAddress
    """Where the other hosts of the topology reach it."""
    firewall: FirewallSettings | None = None
    broker: Broker | None = None
    haproxy: HaproxySettings | None = None
    keepalived: KeepalivedSettings | None = None


class Site(Model):
    """What belongs to one site of a topology: its hosts, and what is the same in its whole cluster."""

    name: str = ""
    """Empty when the inventory describes only one site."""
    hosts: tuple[str, ...]
    """By name, in the inventory's order."""
    cluster_name: str
    clustered: bool = True
    """False: each broker is a cluster of its own, as in a warren, or all of them share one data directory."""
    objects: Objects
    """With the administrator and the client user among the users, passwords filled in."""
    erlang_cookie: SecretStr
    static_shovels: tuple[StaticShovel, ...] = ()
    """With their URIs decided."""


class Topology(Model):
    """What one inventory describes: one site, or several with links between them.

    `sites` and `clusters` give the parts as topologies of their own. What belongs to one cluster (`objects`,
    `cluster_name`, `erlang_cookie`, `virtual_address`) can only be asked of a part; ValueError otherwise.
    """

    name: str
    """The inventory directory's name; a part has its site's behind it."""
    inventory: Path
    """The inventory, absolute: a directory or a file."""
    state_dir: Path
    """What mqctl keeps beside the inventory: `.mqctl`, mode 0700."""
    hosts: tuple[Host, ...]
    """In the inventory's order."""
    parts: tuple[Site, ...]
    lab: LabSpec | None = None
    objectives: Objectives = Objectives()
    """What failover tests must keep to."""
    scenarios: tuple[str, ...] = ()
    """What failover tests play when nobody chooses; the default scenarios when empty."""
    tls: Tls | None = None
    """None: everything is plain."""

    @property
    def sites(self) -> tuple[Topology, ...]:
        """Each site with its brokers and its entrance; the topology itself when it has only one."""
        return (self,) if len(self.parts) == 1 else tuple(self._part(site) for site in self.parts)

    @property
    def clusters(self) -> tuple[Topology, ...]:
        """Each set of brokers that are one cluster: a site, or one broker of a warren.

        Brokers that share a data directory are one cluster, of one node, which one of them runs.
        """
        return tuple(cluster for site in self.sites for cluster in site._clusters())

    @property
    def site(self) -> Site:
        """The only site."""
        if len(self.parts) != 1:
            raise ValueError(f"{self.name} has {len(self.parts)} sites: ask one of them")
        return self.parts[0]

    @property
    def shared_dir(self) -> str | None:
        """The one data directory of all brokers of the only site; None where each has its own."""
        settings = [host.broker.settings for host in self.brokers if host.broker and self.site]
        return settings[0].shared_dir if settings else None

    @property
    def objects(self) -> Objects:
        """What is declared inside the cluster."""
        return self.site.objects

    @property
    def cluster_name(self) -> str:
        """The cluster's name."""
        return self.site.cluster_name

    @property
    def erlang_cookie(self) -> SecretStr:
        """The cluster's cookie."""
        return self.site.erlang_cookie

    @property
    def brokers(self) -> tuple[Host, ...]:
        """The hosts of group `rabbitmq`."""
        return tuple(host for host in self.hosts if host.broker)

    @property
    def balancers(self) -> tuple[Host, ...]:
        """The hosts of group `haproxy`."""
        return tuple(host for host in self.hosts if host.haproxy)

    @property
    def routers(self) -> tuple[Host, ...]:
        """The hosts of group `keepalived`."""
        return tuple(host for host in self.hosts if host.keepalived)

    @property
    def virtual_address(self) -> IPAddress | None:
        """The site's virtual IP, when there is an entrance."""
        addresses = (host.keepalived.virtual_address.ip for host in self.routers if host.keepalived)
        return next(addresses, None) if self.site else None

    @property
    def trusted(self) -> str:
        """Whom mqctl's own AMQP clients trust, in PEM; empty as long as plain AMQP is open: they use that."""
        return self.tls.authorities if self.tls and not self.tls.plain else ""

    def amqp(self, plain: int) -> int:
        """The port that mqctl's own AMQP clients use where this one is for plain AMQP."""
        return AMQPS if self.trusted else plain

    def host(self, name: str) -> Host:
        """The host of that name; KeyError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)

    def _part(self, site: Site) -> Topology:
        hosts = tuple(host for host in self.hosts if host.name in site.hosts)
        return self.model_copy(update={"name": f"{self.name} {site.name}", "hosts": hosts, "parts": (site,)})

    def _clusters(self) -> tuple[Topology, ...]:
        if self.site.clustered or self.shared_dir:
            return (self,)
        return tuple(self._alone(host) for host in self.brokers)

    def _alone(self, broker: Host) -> Topology:
        """One broker of a warren, with the entrance that it shares."""
        hosts = tuple(host for host in self.hosts if host is broker or not host.broker)
        names = tuple(host.name for host in hosts)
        update = {"hosts": names, "cluster_name": f"{self.cluster_name}-{broker.name}", "clustered": True}
        return self.model_copy(update={"hosts": hosts, "parts": (self.site.model_copy(update=update),)})
