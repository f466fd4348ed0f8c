"""Faults of the network: packets that are dropped at one host, and what the others notice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mqctl.errors import MqctlError
from mqctl.faults import packets
from mqctl.faults.base import COMMAND, Place, Reach
from mqctl.faults.looks import Expected, HalfOpen, Look, Port, all_of
from mqctl.faults.packets import Direction, Rule
from mqctl.model.base import IPAddress
from mqctl.model.tls import AMQPS, MANAGEMENT
from mqctl.model.topology import Broker, Host, Topology

EPMD = 4369
"""Erlang's port mapper."""
_SSH = 22
_SPARE = 60.0
"""Seconds beyond the hold after which a host on its own takes the filter away."""


class Cut:
    """A packet filter on one host, seen from the others."""

    def __init__(self, reach: Reach, place: Place, rules: Sequence[Rule], looks: Sequence[Look]) -> None:
        self._reach = reach
        self._place = place
        self._rules = rules
        self._looks = looks

    def inject(self) -> None:
        """Over SSH the way back could be cut too: a timer on the host heals when mqctl does not."""
        script = packets.apply(self._rules)
        if self._reach.network is None:
            seconds = self._place.hold + _SPARE
            self._reach.shell(self._place.host, packets.deadman(seconds) + script, COMMAND)
        else:
            self._reach.network(self._place.host, script, COMMAND)

    def evidence(self) -> str | None:
        """Every look as expected: what must be cut is, what must not be is not."""
        return all_of(self._looks, self._reach.shell)

    def heal(self) -> None:
        """Removes exactly mqctl's rules."""
        if self._reach.network is None:
            self._reach.shell(self._place.host, packets.undo() + packets.disarm(), COMMAND)
        else:
            self._reach.network(self._place.host, packets.undo(), COMMAND)


class CutVrrp(Cut):
    """Routers that do not hear each other: the effect is an address that two hosts have."""

    def evidence(self) -> str | None:
        """More than one router has the address on its interface."""
        vip = self._place.topology.virtual_address
        script = f"ip -o address show to {vip}"
        routers = [host.name for host in self._place.topology.routers]
        holders = [name for name in routers if self._reach.shell(name, script, COMMAND).strip()]
        return f"{', '.join(holders)} have {vip} at the same time" if len(holders) > 1 else None


def from_peers(reach: Reach, place: Place) -> Cut:
    """Nothing between brokers passes (Erlang distribution and its port mapper); clients get through.

    A broker that paused for it meanwhile refuses its clients: their packets still go there and back.
    """
    rules = [*_peer_rules(place, "in"), *_peer_rules(place, "out")]
    return Cut(reach, place, rules, [*_peers_find(place, "silent"), *_clients_find(place, "reached")])


def one_way(reach: Reach, place: Place) -> Cut:
    """What the peers send does not arrive; what this broker sends does."""
    return Cut(reach, place, list(_peer_rules(place, "in")), list(_answers_are_lost(place)))


def from_clients(reach: Reach, place: Place) -> Cut:
    """AMQP and the management API are silent for everybody; the peers' connections stay."""
    settings = _broker(place.itself).settings
    rules = [
        rule
        for port in (
            settings.port,
            settings.management_port,
            *((AMQPS, MANAGEMENT) if place.topology.tls else ()),
        )
        for rule in (
            Rule("in", protocol="tcp", port=port),
            Rule("out", protocol="tcp", port=port, side="source"),
        )
    ]
    return Cut(reach, place, rules, [*_clients_find(place, "silent"), *_peers_find(place, "open")])


def from_all(reach: Reach, place: Place) -> Cut:
    """Only SSH and the host's own loopback are left."""
    rules = [Rule("in", "accept", loopback=True), Rule("out", "accept", loopback=True)]
    for port in dict.fromkeys((_SSH, place.itself.connection.port)):
        rules.append(Rule("in", "accept", protocol="tcp", port=port))
        rules.append(Rule("out", "accept", protocol="tcp", port=port, side="source"))
    rules += [Rule("in"), Rule("out")]
    return Cut(reach, place, rules, [*_clients_find(place, "silent"), *_peers_find(place, "silent")])


def vrrp(reach: Reach, place: Place) -> Cut:
    """No advert arrives: this router believes that it is alone."""
    return CutVrrp(reach, place, [Rule("in", protocol="vrrp")], [])


def between_sites(reach: Reach, place: Place) -> Cut:
    """Nothing between this host and the hosts and virtual addresses of other sites."""
    addresses = [address for site in _elsewhere(place) for address in _all_addresses(site)]
    rules = [rule for address in addresses for rule in (Rule("in", peer=address), Rule("out", peer=address))]
    return Cut(reach, place, rules, list(_sites_find(place)))


def _elsewhere(place: Place) -> list[Topology]:
    """The sites that the host does not belong to; MqctlError without any."""
    others = [site for site in place.topology.sites if place.host not in site.site.hosts]
    if not others:
        raise MqctlError(f"{place.topology.name} has no other site to cut {place.host} from")
    return others


def _all_addresses(site: Topology) -> tuple[IPAddress, ...]:
    brokers = (host.broker.address for host in site.hosts if host.broker)
    virtual = [site.virtual_address] if site.virtual_address else []
    return tuple(dict.fromkeys([*(host.address for host in site.hosts), *brokers, *virtual]))


def _sites_find(place: Place) -> Iterator[Look]:
    """The first broker of the other site and this host, as each finds the other's port for clients."""
    itself = place.itself
    for site in _elsewhere(place):
        there = site.brokers[0]
        yield Port(itself.name, there.name, _broker(there).address, _broker(there).settings.port, "silent")
        port = itself.broker.settings.port if itself.broker else itself.haproxy and itself.haproxy.amqp_port
        if port:
            yield Port(there.name, itself.name, itself.address, port, "silent")


def _peer_rules(place: Place, direction: Direction) -> Iterator[Rule]:
    """Both ends of a connection may have the well-known port: whoever called first."""
    ports = dict.fromkeys([EPMD, *(_distribution(host) for host in place.topology.brokers)])
    for peer in _peers(place):
        for address in _addresses(peer):
            for port in ports:
                yield Rule(direction, peer=address, protocol="tcp", port=port)
                yield Rule(direction, peer=address, protocol="tcp", port=port, side="source")


def _peers_find(place: Place, expected: Expected) -> Iterator[Look]:
    """What the first broker outside finds at the distribution port."""
    itself = place.itself
    if itself.broker:
        for peer in _peers(place)[:1]:
            yield Port(peer.name, itself.name, itself.broker.address, _distribution(itself), expected)


def _answers_are_lost(place: Place) -> Iterator[Look]:
    """The broker gets no answer from a peer, to whom its attempt came through all the same."""
    itself = place.itself
    peer = _peers(place)[0]
    address, port = _broker(peer).address, _distribution(peer)
    yield Port(itself.name, peer.name, address, port, "silent")
    yield HalfOpen(peer.name, address, port, itself.name, _addresses(itself))


def _clients_find(place: Place, expected: Expected) -> Iterator[Look]:
    """What a host outside finds at the port for clients; a load balancer where there is one."""
    itself, outside = place.itself, sorted(place.others, key=lambda host: host.haproxy is None)
    port = (
        itself.broker.settings.port if itself.broker else itself.haproxy.amqp_port if itself.haproxy else None
    )
    if not outside:
        raise MqctlError(f"nobody outside of {', '.join(place.group)} can tell whether a cut works")
    if port is not None:
        yield Port(outside[0].name, itself.name, itself.address, port, expected)


def _peers(place: Place) -> list[Host]:
    """The brokers outside of the group; MqctlError without any."""
    peers = [host for host in place.others if host.broker]
    if not peers and place.itself.broker:
        raise MqctlError(f"{place.host} has no peers outside of the group", "cut fewer brokers at once")
    return peers


def _broker(host: Host) -> Broker:
    if host.broker is None:
        raise MqctlError(f"{host.name} is no broker")
    return host.broker


def _distribution(host: Host) -> int:
    return _broker(host).settings.distribution_port


def _addresses(host: Host) -> tuple[IPAddress, ...]:
    """Where it is reached, and where its peers reach it."""
    return tuple(dict.fromkeys((_broker(host).address, host.address)))
