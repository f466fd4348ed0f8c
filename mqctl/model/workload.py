"""How the clients of a failover test behave: as a careful application would."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from mqctl.model.base import Model, Port, Seconds
from mqctl.model.words import ExchangeType, QueueType

PREFIX = "mqctl.failover."
"""Every exchange and queue that a failover test makes starts with this, so leftovers are recognisable."""
_UNMIRRORED: Mapping[str, str | int] = {"expires": 3_600_000}


class Endpoint(Model):
    """Where clients connect: the VIP, or one broker of several."""

    host: str
    port: Port

    def __str__(self) -> str:
        """`host:port`; an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class WorkloadSettings(Model):
    """What a person, or a scenario, chooses."""

    publishers: Annotated[int, Field(ge=1, le=64)] = 2
    """At least one for each queue; more queues than publishers make as many publishers as queues."""
    queues: Annotated[int, Field(ge=1, le=64)] = 1
    rate: Annotated[float, Field(gt=0)] | None = 200
    """Messages per second of all publishers together; None: as fast as it goes."""
    size: Annotated[int, Field(ge=128, le=16 * 1024 * 1024)] = 256
    """Bytes of a message's body."""
    duration: Seconds = 15
    """Least time under load, in s, of each scenario."""
    window: Annotated[int, Field(ge=1)] = 1000
    """Unconfirmed messages a publisher may have."""
    prefetch: Annotated[int, Field(ge=1, le=65535)] = 500
    queue_type: QueueType = "classic"
    exchange_type: ExchangeType = "direct"
    endpoints: tuple[Endpoint, ...] = ()
    """Where clients connect, instead of the VIP."""
    delivery: Literal["persistent", "transient"] = "persistent"
    """transient: what is in the queue does not survive the broker (a control; no application should)."""
    acknowledge: Literal["manual", "automatic"] = "manual"
    """automatic: what is on the wire does not survive the consumer (a control)."""
    consume: Literal["throughout", "from-fault", "from-effect", "after-healing"] = "throughout"
    """from-fault: consumers find messages piled up, and things break when they begin; from-effect: they come
    when the fault shows; after-healing: messages pile up while something is broken."""
    policy: Mapping[str, str | int] | None = None
    """A policy for the test's queues alone, in place of the cluster's own."""
    policy_before_fault: Mapping[str, str | int] | None = None
    """Another one, set on full queues; the fault comes when it took effect."""

    @property
    def names(self) -> tuple[str, ...]:
        """The publishers' names."""
        return tuple(f"p{number}" for number in range(1, max(self.publishers, self.queues) + 1))

    @property
    def queue_policy(self) -> Mapping[str, str | int] | None:
        """The policy that `policy` or `queue_type` asks for; `expires` is one that harms nobody."""
        return self.policy or (_UNMIRRORED if self.queue_type == "plain" else None)


class Account(Model):
    """Who the clients are. The password never leaves the process but over a pipe."""

    endpoints: tuple[Endpoint, ...]
    user: str
    password: SecretStr
    vhost: str = "/"
    authorities: str = ""
    """Whom the clients trust, in PEM; empty: they do without TLS."""


class Patience(Model):
    """How long a client waits for what, in seconds."""

    heartbeat: int = 5
    """pika notices a silent peer after up to 2 (heartbeat + 5) s."""
    connect_timeout: Seconds = 0.5
    """For TCP: a VIP on the move does not answer, and the next attempt may find it on its new holder."""
    handshake_timeout: Seconds = 4
    """Until the connection is open: the load balancer may have to try several brokers."""
    silence: Seconds = 1
    """Data that nobody acknowledges for so long means a dead host (TCP_USER_TIMEOUT, RFC 5482), and an idle
    connection is probed as often (TCP_KEEPIDLE)."""
    confirm_timeout: Seconds = 5
    """An unconfirmed publish older than this makes the client abort its socket and connect anew."""
    reconnect: tuple[Seconds, Seconds] = (0.05, 0.25)
    """Bounds of the random wait before each new connection, against herds."""


class ClientSpec(Patience):
    """One client process."""

    name: str
    run: str
    account: Account
    journal: Path
    exchange: str
    queue: str
    """Where a consumer consumes."""
    routing_key: str = ""
    """Where a publisher publishes."""
    settings: WorkloadSettings
    rate: float | None = None
    """This publisher's share."""
