"""What lives inside a broker: vhosts, users, policies, exchanges, queues, bindings.

Field names are those of RabbitMQ's definitions files (RabbitMQ guide "Schema Definition Export and Import"),
so that a declared object and a live one compare field by field.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr

from mqctl.model.base import Line, Model, ObjectName, ShortText
from mqctl.model.links import Parameter

Arguments = dict[str, Any]


class Vhost(Model):
    """A virtual host. `default_queue_type` exists from RabbitMQ 3.12 on."""

    name: ObjectName
    description: str = ""
    tags: tuple[str, ...] = ()
    default_queue_type: Literal["classic", "quorum", "stream"] | None = None


class Permission(Model):
    """A user's rights in one vhost: three regular expressions over resource names."""

    vhost: ObjectName = "/"
    configure: str = ".*"
    write: str = ".*"
    read: str = ".*"


class User(Model):
    """A broker user. Without `password` and `password_hash` mqctl generates a password at first use."""

    name: Line
    tags: tuple[str, ...] = ()
    permissions: tuple[Permission, ...] = (Permission(),)
    password: SecretStr | None = None
    password_hash: SecretStr | None = None
    """As `rabbitmqctl hash_password` prints it: base64(salt[4] + sha256(salt + password))."""


class Policy(Model):
    """A policy; `definition` takes every key that the broker's version knows, e.g. `ha-mode`."""

    name: ObjectName
    vhost: ObjectName = "/"
    pattern: str
    apply_to: Literal["all", "queues", "exchanges", "classic_queues", "quorum_queues", "streams"] = Field(
        default="all", alias="apply-to"
    )
    priority: int = 0
    definition: dict[str, Any]


class Exchange(Model):
    """An exchange of one of the four AMQP 0-9-1 types (or of a plugin's own)."""

    name: ObjectName
    vhost: ObjectName = "/"
    type: Literal["direct", "fanout", "topic", "headers"] = "direct"
    durable: bool = True
    auto_delete: bool = False
    internal: bool = False
    arguments: Arguments = Field(default_factory=dict)


class Queue(Model):
    """A queue and its arguments (`x-message-ttl` in ms, `x-max-length`, `x-dead-letter-exchange`, ...)."""

    name: ObjectName
    vhost: ObjectName = "/"
    durable: bool = True
    auto_delete: bool = False
    arguments: Arguments = Field(default_factory=dict)


class Binding(Model):
    """A binding from an exchange to a queue or another exchange."""

    source: ObjectName
    vhost: ObjectName = "/"
    destination: ObjectName
    destination_type: Literal["queue", "exchange"] = "queue"
    routing_key: ShortText = ""
    arguments: Arguments = Field(default_factory=dict)


class Objects(Model):
    """Everything that the inventory declares inside the cluster."""

    vhosts: tuple[Vhost, ...] = (Vhost(name="/"),)
    users: tuple[User, ...] = ()
    policies: tuple[Policy, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    queues: tuple[Queue, ...] = ()
    bindings: tuple[Binding, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    """The links, their URIs decided."""
