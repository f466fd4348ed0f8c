"""Links between sites: upstreams, sets of them, and shovels.

The keys are those of RabbitMQ's runtime parameters (guides "Federation Reference", "Configuring Dynamic
Shovels"). Passwords stand inside URIs, so every URI is a secret as a whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints

from mqctl.model.base import Line, Model, ObjectName, ShortText, reveal
from mqctl.model.uri import trouble

Component = Literal["federation-upstream", "federation-upstream-set", "shovel"]
COMPONENTS: tuple[Component, ...] = ("federation-upstream", "federation-upstream-set", "shovel")
"""The runtime parameters that are links; nothing else of this kind is ever touched."""
AckMode = Literal["on-confirm", "on-publish", "no-ack"]
Count = Annotated[int, Field(ge=1)]
Milliseconds = Annotated[int, Field(ge=1, le=2**32 - 1)]


def _well_formed(uri: SecretStr) -> SecretStr:
    if why := trouble(reveal(uri)):
        raise ValueError(why)
    return uri


Uri = Annotated[SecretStr, AfterValidator(_well_formed)]


class Remote(Model):
    """Where a link leads: to URIs, or to a site of this inventory."""

    uri: tuple[Uri, ...] = ()
    """Tried in random order."""
    site: Line | None = None
    """Its entrance, or every broker where it has none."""
    user: Line | None = None
    """That site's user to log in as; its client user when not given."""


class Upstream(Remote):
    """A broker that exchanges and queues can be federated from; declared where the messages arrive."""

    name: ObjectName
    vhost: ObjectName = "/"
    site_vhost: ObjectName | None = Field(default=None, alias="site-vhost")
    """The vhost there; the same as here when not given."""
    ack_mode: AckMode | None = Field(default=None, alias="ack-mode")
    prefetch_count: Count | None = Field(default=None, alias="prefetch-count")
    reconnect_delay: Count | None = Field(default=None, alias="reconnect-delay")
    """Seconds."""
    trust_user_id: bool | None = Field(default=None, alias="trust-user-id")
    exchange: ObjectName | None = None
    """The exchange there; that of the same name when not given."""
    max_hops: Count | None = Field(default=None, alias="max-hops")
    expires: Milliseconds | None = None
    """How long the exchange's queue there outlives the link."""
    message_ttl: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = Field(default=None, alias="message-ttl")
    """Milliseconds."""
    queue: ObjectName | None = None
    """The queue there; that of the same name when not given."""
    consumer_tag: ShortText | None = Field(default=None, alias="consumer-tag")


class SetMember(Model):
    """An upstream of a set, and what it has otherwise there."""

    upstream: ObjectName
    exchange: ObjectName | None = None
    queue: ObjectName | None = None
    max_hops: Count | None = Field(default=None, alias="max-hops")


class UpstreamSet(Model):
    """Several upstreams under one name that a policy can give."""

    name: ObjectName
    vhost: ObjectName = "/"
    upstreams: Annotated[tuple[SetMember, ...], Field(min_length=1)]


class End(Remote):
    """One end of a shovel; without `uri` and `site` it is the cluster that runs the shovel."""

    vhost: ObjectName | None = None
    """The vhost there; the shovel's own when not given."""
    queue: ObjectName | None = None
    exchange: ObjectName | None = None
    exchange_key: ShortText | None = Field(default=None, alias="exchange-key")


class Source(End):
    """Where a shovel consumes."""

    prefetch_count: Count | None = Field(default=None, alias="prefetch-count")
    delete_after: Literal["never", "queue-length"] | Count | None = Field(default=None, alias="delete-after")
    """queue-length: the broker removes the shovel once it moved what was there at its start."""


class Destination(End):
    """Where a shovel publishes."""

    add_forward_headers: bool | None = Field(default=None, alias="add-forward-headers")


class Shovel(Model):
    """A dynamic shovel: a runtime parameter, made and removed without a restart."""

    name: ObjectName
    vhost: ObjectName = "/"
    src: Source
    dest: Destination
    ack_mode: AckMode | None = Field(default=None, alias="ack-mode")
    reconnect_delay: Count | None = Field(default=None, alias="reconnect-delay")
    """Seconds."""

    @property
    def passing(self) -> bool:
        """Whether the broker removes it by itself."""
        return self.src.delete_after not in (None, "never")


Declaration = str | dict[str, dict[str, Any]]
"""An AMQP method by its name, alone or with its fields, e.g. `queue.bind: {exchange: x, queue: q}`."""


class StaticSource(End):
    """Where a static shovel consumes; it makes the declarations each time it connects."""

    prefetch_count: Count | None = Field(default=None, alias="prefetch-count")
    declarations: tuple[Declaration, ...] = ()


class StaticDestination(Destination):
    """Where a static shovel publishes; it makes the declarations each time it connects."""

    declarations: tuple[Declaration, ...] = ()
    publish_properties: dict[str, Any] = Field(default_factory=dict, alias="publish-properties")
    """Properties to overwrite in every message, e.g. `delivery_mode: 2`."""


class StaticShovel(Model):
    """A shovel in the configuration file: changing it restarts the brokers."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z][A-Za-z0-9_]*$")]
    src: StaticSource
    dest: StaticDestination
    ack_mode: AckMode | None = Field(default=None, alias="ack-mode")
    reconnect_delay: Annotated[int, Field(ge=0)] | None = Field(default=None, alias="reconnect-delay")
    """Seconds; 0 never connects again."""


class Parameter(Model):
    """A link as the broker keeps it; its URIs apart, since they carry passwords."""

    component: Component
    vhost: str
    name: str
    value: Mapping[str, Any] | tuple[Mapping[str, Any], ...]
    """Without the URIs; of a set the list of its members."""
    uris: dict[str, tuple[SecretStr, ...]] = Field(default_factory=dict)
    """By key: `uri` of an upstream, `src-uri` and `dest-uri` of a shovel."""
    passing: bool = False
    """The broker removes it by itself once its work is done."""
