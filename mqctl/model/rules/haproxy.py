"""Rules about HAProxy and what it balances over."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.draft import Draft, DraftHost
from mqctl.model.lab import Release
from mqctl.model.problem import Problem

SHARED = ("amqp_port", "management_port", "failback")
"""What clients of the virtual IP see, whoever holds it."""
_PORTS = ("amqp_port", "management_port", "stats_port", "peers_port")
_WITHOUT_LOCALPEER: tuple[Release, ...] = ("bullseye",)
"""HAProxy 2.2; `localpeer` came with 2.3."""


def same_entrance(draft: Draft) -> Iterator[Problem]:
    """A client finds the same ports behind the virtual IP after it moved."""
    if not draft.balancers:
        return
    first, wanted = draft.balancers[0]
    for host, settings in draft.balancers[1:]:
        for name in SHARED:
            if draft.usable(f"haproxy_{name}") and getattr(settings, name) != getattr(wanted, name):
                rule = f"must be the same on all balancers, and differs from that of {first.name}"
                hint = "set it in group_vars/haproxy.yml"
                yield Problem(f"haproxy_{name}", rule, str(getattr(settings, name)), hint, host.name)


def distinct_ports(draft: Draft) -> Iterator[Problem]:
    """Listeners of one host need a port each; HAProxy listens on all addresses."""
    for host, settings in draft.balancers:
        taken = _broker_ports(host)
        for name in _PORTS:
            port = getattr(settings, name)
            other = taken.setdefault(port, f"haproxy_{name}")
            if other != f"haproxy_{name}":
                hint = "each listener of a host its own port"
                yield Problem(f"haproxy_{name}", f"must not be that of {other}", str(port), hint, host.name)


def _broker_ports(host: DraftHost) -> dict[int, str]:
    """The ports that a broker on the same host takes."""
    broker = host.rabbitmq
    if broker is None:
        return {}
    names = ("port", "management_port", "distribution_port")
    return {4369: "epmd", **{getattr(broker, name): f"rabbitmq_{name}" for name in names}}


def takes_connections(draft: Draft) -> Iterator[Problem]:
    """A server of weight 0 gets no new connections (HAProxy manual, "weight")."""
    weights = [settings.haproxy_weight for _, settings in draft.brokers if settings.haproxy_server]
    if draft.balancers and draft.brokers and not weights:
        yield Problem("rabbitmq_haproxy_server", "must be true on at least one broker", "false on all")
    if draft.balancers and weights and not any(weights):
        yield Problem("rabbitmq_haproxy_weight", "must be above 0 on at least one broker", "0 on all")


def outlives_heartbeat(draft: Draft) -> Iterator[Problem]:
    """An idle connection carries a heartbeat at least every half of the interval (AMQP 0-9-1, heartbeats)."""
    heartbeat = max((settings.heartbeat for _, settings in draft.brokers), default=0)
    for host, settings in draft.balancers:
        for name in ("timeout_client", "timeout_server"):
            seconds = getattr(settings, name)
            if seconds < 2 * heartbeat:
                rule = f"must be at least twice rabbitmq_heartbeat, {2 * heartbeat} s"
                hint = f"HAProxy cuts idle AMQP connections before: set {3 * heartbeat} or more"
                yield Problem(f"haproxy_{name}", rule, f"{seconds:g}", hint, host.name)


def knows_its_peers(draft: Draft) -> Iterator[Problem]:
    """Where clients stay is told between balancers, each under its own name (HAProxy manual, "localpeer")."""
    image = draft.mqctl.lab.image if draft.mqctl.lab else None
    for host, settings in draft.balancers:
        if not settings.failback and image in _WITHOUT_LOCALPEER:
            rule = f"false needs HAProxy 2.3, and mqctl_lab.image {image} has 2.2"
            hint = "set haproxy_failback: true, or a newer image"
            yield Problem("haproxy_failback", rule, "", hint, host.name)


def a_primary(draft: Draft) -> Iterator[Problem]:
    """HAProxy's backup servers are for when the others fail: there must be others."""
    backups = [settings.haproxy_backup for _, settings in draft.brokers if settings.haproxy_server]
    if draft.balancers and backups and all(backups):
        hint = "leave it out on the primary"
        yield Problem("rabbitmq_haproxy_backup", "must be false on at least one broker", "true on all", hint)


def heartbeats_behind_timeouts(draft: Draft) -> Iterator[Problem]:
    """Without heartbeats an idle connection is silent, and HAProxy's timeouts cut it."""
    for host, settings in draft.brokers:
        if draft.balancers and settings.heartbeat == 0:
            rule = "0 switches heartbeats off, and HAProxy then cuts idle connections"
            yield Problem("rabbitmq_heartbeat", rule, hint="set 10 to 60 seconds", host=host.name)


STRUCTURAL = (same_entrance, distinct_ports, takes_connections, knows_its_peers, a_primary)
RISKS = {"short-timeouts": outlives_heartbeat, "no-heartbeats": heartbeats_behind_timeouts}
