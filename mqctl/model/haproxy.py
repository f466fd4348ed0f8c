"""A load balancer's settings: the inventory's `haproxy_*` variables without their prefix."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, StringConstraints

from mqctl.model.base import Line, Model, Port, Seconds


class HaproxySettings(Model):
    """One HAProxy. Durations in seconds (HAProxy manual, "timeout", "inter", "fastinter", "downinter")."""

    packages: tuple[Line, ...] = ("haproxy",)
    amqp_port: Port = 5672
    management_port: Port = 15672
    stats_port: Port = 8100
    stats_uri: Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9_./?=&\-]*$")] = "/haproxy?stats"
    stats_user: Annotated[str, StringConstraints(pattern=r"^[^:\s]+$")] = "stats"
    stats_password: SecretStr | None = None
    """Generated at first use when not given."""
    stats_refresh: Seconds = 5
    peers_port: Port = 10000
    """Where the balancers tell each other which broker of a warren has the clients (failback false only)."""
    socket: Annotated[str, StringConstraints(pattern=r"^/\S+$")] = "/run/haproxy/admin.sock"
    balance: Literal["roundrobin", "leastconn", "source", "first"] = "leastconn"
    failback: bool = True
    """Of a warren: clients go back to the primary when it is UP again; False: they stay where they are."""
    maxconn: Annotated[int, Field(ge=1)] = 8000
    """AMQP connections at once. Each takes two file descriptors, and HAProxy does not start when the host's
    hard limit is below that: 20000 is common in containers."""
    retries: Annotated[int, Field(ge=0)] = 3
    timeout_connect: Seconds = 1
    timeout_client: Seconds = 90
    timeout_server: Seconds = 90
    """At least twice the heartbeat, or HAProxy cuts idle AMQP connections."""
    check: Literal["amqp", "tcp", "none"] = "amqp"
    """amqp: the broker must answer an AMQP 0-9-1 header; tcp: the port must accept; none: never checked."""
    check_inter: Seconds = 1
    check_fastinter: Seconds = 0.25
    check_downinter: Seconds = 1
    check_timeout: Seconds = 1
    check_rise: Annotated[int, Field(ge=1)] = 2
    check_fall: Annotated[int, Field(ge=1)] = 3
