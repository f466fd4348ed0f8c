"""The ports that a host's own roles will bind: free, or held by what mqctl put there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mqctl.gates.preflight.evidence import Subject
from mqctl.model.base import IPAddress
from mqctl.model.preflight import CheckResult, Listener
from mqctl.model.tls import AMQPS, MANAGEMENT, Tls
from mqctl.model.topology import Broker, Host, Topology

EPMD = 4369
"""RabbitMQ guide "Networking", "Ports Used by RabbitMQ"."""
BROKER, BALANCER = "rabbitmq-server.service", "haproxy.service"
_OWNERS = {
    BROKER: (BROKER, "beam.smp"),
    BALANCER: (BALANCER, "haproxy"),
    "epmd.service": ("epmd.service", "epmd.socket", BROKER, "epmd"),
}
"""By unit: whom a listener of it belongs to, by unit or, where the kernel does not tell, by program. One epmd
serves every Erlang node of a host, whoever started it."""
_MARKS = {
    BROKER: "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf",
    BALANCER: "/etc/haproxy/haproxy.cfg",
}
"""A file that says in its first line that mqctl set the service up."""


@dataclass(frozen=True)
class Wanted:
    """A port that something of ours will bind."""

    port: int
    what: str
    unit: str
    address: IPAddress | None = None
    """None: on every address."""

    def meets(self, listener: Listener) -> bool:
        """Whether both cannot be."""
        same = self.address is None or listener.address in (None, self.address)
        return self.port == listener.port and same

    def owns(self, listener: Listener) -> bool:
        """Whether it is what was wanted."""
        return (listener.unit or listener.program) in _OWNERS[self.unit] or (
            listener.program == "epmd" and self.port == EPMD
        )


def ports(subject: Subject) -> Iterator[CheckResult]:
    """One result for each port that somebody else has, or one for all of them."""
    needed = list(wanted(subject.site, subject.host))
    if not needed:
        return
    check, heard = subject.check("ports"), subject.facts.listeners
    if heard is None:
        yield check.unknown(subject.why("listeners"))
        return
    met = [(one, listener) for one in needed for listener in heard if one.meets(listener)]
    foreign = {(one.port, _holder(listener)): one for one, listener in met if not _ours(needed, listener)}
    for (port, holder), one in foreign.items():
        yield check.fails(
            f"expected {port} free for {one.what}, got {holder} on it",
            f"stop it, or give {one.what} another port",
        )
    held = {one.port: one.unit for one, listener in met if one.owns(listener)}
    strange = sorted(unit for unit in {*held.values()} & {*_MARKS} if not subject.written(_MARKS[unit]))
    for unit in strange:
        yield check.warns(f"{unit} runs, and mqctl did not set it up: a deploy replaces its configuration")
    if not foreign and not strange:
        yield check.passes(_told({one.port: held.get(one.port, "") for one in needed}))


def _told(owners: Mapping[int, str]) -> str:
    """`5672, 15672 free; 4369 held by epmd.service`."""
    parts = []
    for unit in sorted(set(owners.values())):
        listed = ", ".join(str(port) for port in sorted(owners) if owners[port] == unit)
        parts.append(f"{listed} held by {unit}" if unit else f"{listed} free")
    return "; ".join(parts)


def _ours(needed: list[Wanted], listener: Listener) -> bool:
    return any(one.meets(listener) and one.owns(listener) for one in needed)


def _holder(listener: Listener) -> str:
    names = [name for name in (listener.program, listener.unit) if name]
    return f"{names[0]} ({names[1]})" if len(names) == 2 else (names or ["another program"])[0]


def wanted(site: Topology, host: Host) -> Iterator[Wanted]:
    """Everything that the host will bind."""
    if host.broker:
        yield from _broker(site.tls, host.broker)
    if host.haproxy is None:
        return
    brokers = [one.broker.settings for one in site.brokers if one.broker]
    settings = host.haproxy
    if not site.trusted:
        yield Wanted(settings.amqp_port, "HAProxy's AMQP", BALANCER)
    if site.tls:
        yield Wanted(AMQPS, "HAProxy's AMQP over TLS", BALANCER)
    yield Wanted(settings.stats_port, "HAProxy's statistics", BALANCER)
    if any("rabbitmq_management" in broker.plugins for broker in brokers):
        yield Wanted(settings.management_port, "HAProxy's management", BALANCER)
    if not settings.failback and any(broker.haproxy_backup for broker in brokers):
        yield Wanted(settings.peers_port, "HAProxy's peers", BALANCER)


def _broker(tls: Tls | None, broker: Broker) -> Iterator[Wanted]:
    settings = broker.settings
    bound = _bound(settings.bind_address)
    if tls is None or tls.plain:
        yield Wanted(settings.port, "the broker's AMQP", BROKER, bound)
    if tls:
        yield Wanted(AMQPS, "the broker's AMQP over TLS", BROKER, bound)
    yield Wanted(settings.distribution_port, "the broker's distribution", BROKER)
    yield Wanted(EPMD, "epmd", "epmd.service")
    if "rabbitmq_management" in settings.plugins:
        yield Wanted(settings.management_port, "the broker's management", BROKER)
        if tls:
            yield Wanted(MANAGEMENT, "the broker's management over TLS", BROKER)


def _bound(address: IPAddress | None) -> IPAddress | None:
    return None if address is None or address.is_unspecified else address


def written_broker(subject: Subject) -> bool:
    """Whether mqctl set this host's broker up."""
    return subject.written(_MARKS[BROKER])
