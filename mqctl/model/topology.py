"""What one inventory describes, checked: the hosts, what runs on each, and the objects of the cluster."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from mqctl.model.base import IPAddress, Model, Port
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.lab import LabSpec
from mqctl.model.objectives import Objectives
from mqctl.model.objects import Objects
from mqctl.model.rabbitmq import RabbitmqSettings


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


class Host(Model):
    """A host and what runs on it."""

    name: str
    """The inventory name; on brokers also the short host name that the peers resolve."""
    connection: Connection
    address: IPAddress
    """Where the other hosts of the topology reach it."""
    broker: Broker | None = None
    haproxy: HaproxySettings | None = None
    keepalived: KeepalivedSettings | None = None


class Topology(Model):
    """One cluster and its entrance."""

    name: str
    """The inventory directory's name."""
    inventory: Path
    """The inventory, absolute: a directory or a file."""
    state_dir: Path
    """What mqctl keeps beside the inventory: `.mqctl`, mode 0700."""
    hosts: tuple[Host, ...]
    """In the inventory's order."""
    cluster_name: str
    objects: Objects
    """With the administrator and the client user among the users, passwords filled in."""
    erlang_cookie: SecretStr
    lab: LabSpec | None = None
    objectives: Objectives = Objectives()
    """What failover tests must keep to."""

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
        """The virtual IP, when there is an entrance."""
        for host in self.routers:
            if host.keepalived:
                return host.keepalived.virtual_address.ip
        return None

    def host(self, name: str) -> Host:
        """The host of that name; KeyError when there is none."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise KeyError(name)
