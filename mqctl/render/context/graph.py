"""A topology as boxes and arrows: all coordinates, for the templates that only print them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Literal

from mqctl.model.draft import Draft, DraftHost
from mqctl.model.links import End
from mqctl.model.rabbitmq import RabbitmqSettings

WIDTH, HEIGHT, GAP, ROW = 128, 46, 18, 92
"""Pixels: a node, the space between two, from one row to the next."""
_MARGIN, _LABEL, _LANE = 24, 26, 34
_PER_ROW = 7
_ARROWS = {"plain": "-->", "standby": "-.->", "link": "==>"}
_KINDS = {"disc": "disc", "ram": "RAM"}
Kind = Literal["client", "address", "balancer", "disc", "ram"]
Line = Literal["plain", "standby", "link"]


@dataclass(frozen=True)
class Node:
    """A box with a name and a line of small print; `key` is unique, and a Mermaid identifier."""

    key: str
    name: str
    note: str
    kind: Kind
    x: int
    y: int

    @property
    def centre(self) -> int:
        """Its middle, from the left."""
        return self.x + WIDTH // 2

    @property
    def name_y(self) -> int:
        """The name's base line: in the middle when it stands alone."""
        return self.y + (20 if self.note else 28)

    @property
    def note_y(self) -> int:
        """The small print's base line."""
        return self.y + 35

    @property
    def notes(self) -> tuple[str, ...]:
        """The small print, as lines."""
        return (self.note,) if self.note else ()


@dataclass(frozen=True)
class Frame:
    """A box around others: a site, or a cluster."""

    key: str
    name: str
    kind: Literal["site", "cluster"]
    x: int
    y: int
    width: int
    height: int
    inside: tuple[str, ...]
    """The keys of the nodes in it."""

    @property
    def label_x(self) -> int:
        """Where its name begins."""
        return self.x + 8

    @property
    def label_y(self) -> int:
        """Its name's base line."""
        return self.y + 12


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes, or two sites, by their keys, with its path."""

    start: str
    end: str
    line: Line
    label: str
    path: str
    """SVG path data."""
    x: int
    y: int
    """Where a label goes."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The label, or nothing."""
        return (self.label,) if self.label else ()

    @property
    def arrow(self) -> str:
        """As Mermaid draws it."""
        return _ARROWS[self.line]


@dataclass(frozen=True)
class Graph:
    """The whole drawing."""

    title: str
    width: int
    height: int
    nodes: tuple[Node, ...]
    frames: tuple[Frame, ...]
    edges: tuple[Edge, ...]
    node_width: int = WIDTH
    node_height: int = HEIGHT


def graph(name: str, draft: Draft) -> Graph:
    """Sites side by side, each from its clients down to its brokers."""
    left, drawn = _MARGIN, []
    for number, site in enumerate(draft.sites):
        drawn.append(_Site(site, f"s{number}", left, bool(draft.sites[1:])))
        left = drawn[-1].right + 2 * GAP
    links = tuple(_links(drawn))
    nodes = tuple(chain.from_iterable(one.nodes for one in drawn))
    bottom = max(one.bottom for one in drawn)
    return Graph(
        title=name,
        width=drawn[-1].right + _MARGIN,
        height=bottom + _MARGIN + len(links) * _LANE,
        nodes=nodes,
        frames=tuple(chain.from_iterable(one.frames for one in drawn)),
        edges=(*chain.from_iterable(one.edges for one in drawn), *links),
    )


class _Site:
    """One site's share, its left edge given."""

    def __init__(self, draft: Draft, key: str, left: int, framed: bool) -> None:
        self.draft = draft
        self.key = key
        self._framed = framed
        self._left = left + (GAP if framed else 0)
        self._top = _MARGIN + (_LABEL if framed else 0)
        self.rows = [row for row in self._rows() if row]
        self._span = max(len(row) for row in self.rows) * (WIDTH + GAP) - GAP + 2 * GAP
        self.nodes = tuple(chain.from_iterable(self._placed()))
        self.left = left
        self.right = self._left + self._span + (GAP if framed else 0)
        self.bottom = max(node.y for node in self.nodes) + HEIGHT + GAP + (GAP if framed else 0)

    @property
    def frames(self) -> tuple[Frame, ...]:
        """The site's, when there are several, and its clusters'."""
        return (*self._site_frame(), *self._cluster_frames())

    @property
    def edges(self) -> tuple[Edge, ...]:
        """From the clients down."""
        return tuple(_edge(*ends) for ends in self._ends())

    def brokers(self) -> list[Node]:
        """The brokers' nodes."""
        return [node for node in self.nodes if node.kind in ("disc", "ram")]

    def _rows(self) -> Iterator[list[tuple[str, str, Kind]]]:
        yield [("clients", "", "client")]
        yield [(str(address), "virtual IP", "address") for address in self._addresses()]
        yield [(host.name, self._balancer_note(host), "balancer") for host, _ in self.draft.balancers]
        for served in (True, False):
            brokers = [(h.name, *_broker_note(h)) for h, one in self.draft.brokers if _served(one) is served]
            for start in range(0, len(brokers), _PER_ROW):
                yield brokers[start : start + _PER_ROW]

    def _addresses(self) -> list[object]:
        return list(dict.fromkeys(settings.virtual_address.ip for _, settings in self.draft.routers))

    def _balancer_note(self, host: DraftHost) -> str:
        return "HAProxy + Keepalived" if host.keepalived else "HAProxy"

    def _placed(self) -> Iterator[list[Node]]:
        for number, row in enumerate(self.rows):
            width = len(row) * (WIDTH + GAP) - GAP
            x = self._left + (self._span - width) // 2
            y = self._top + number * ROW
            yield [
                Node(f"{self.key}_{number}_{place}", *cell, x + place * (WIDTH + GAP), y)
                for place, cell in enumerate(row)
            ]

    def _of(self, *kinds: Kind) -> list[Node]:
        return [node for node in self.nodes if node.kind in kinds]

    def _ends(self) -> Iterator[tuple[Node, Node, Line]]:
        """Clients to the address, the address to the balancers, balancers to the brokers behind them."""
        (client,), addresses, balancers = self._of("client"), self._of("address"), self._of("balancer")
        yield from ((client, address, "plain") for address in addresses)
        priority = {host.name: router.priority for host, router in self.draft.routers}
        first = max(priority, key=lambda name: priority[name], default="")
        for above in addresses or [client]:
            for balancer in balancers:
                standby = addresses and balancer.name != first
                yield above, balancer, "standby" if standby else "plain"
        settings = {host.name: broker for host, broker in self.draft.brokers}
        for above in balancers or addresses or [client]:
            for node in self.brokers():
                if not balancers or _served(settings[node.name]):
                    backup = bool(balancers) and settings[node.name].haproxy_backup
                    yield above, node, "standby" if backup else "plain"

    def _site_frame(self) -> Iterable[Frame]:
        if not self._framed:
            return
        keys = tuple(node.key for node in self.nodes)
        top, left = self._top - _LABEL, self._left - GAP
        name = f"site {self.draft.hosts[0].site}"
        yield Frame(self.key, name, "site", left, top, self.right - left, self.bottom - top, keys)

    def _cluster_frames(self) -> Iterator[Frame]:
        cluster, brokers = self.draft.cluster, self.brokers()
        shared = cluster is not None and cluster.shared_dir is not None
        together = shared or cluster is None or cluster.clustered
        among = "one data directory" if shared else "cluster"
        for number, members in enumerate([brokers] if together else [[one] for one in brokers]):
            name = among if len(members) > 1 else "on its own"
            if len(brokers) > 1:
                yield _around(f"{self.key}_c{number}", name, members)


def _served(broker: RabbitmqSettings) -> bool:
    """Whether HAProxy sends clients there."""
    return broker.haproxy_server and broker.haproxy_weight > 0


def _broker_note(host: DraftHost) -> tuple[str, Kind]:
    assert host.rabbitmq is not None
    weight, kind = host.rabbitmq.haproxy_weight, host.rabbitmq.node_type
    extra = f", weight {weight}" if weight not in (0, 1) else ""
    return f"{_KINDS[kind]} node{extra}", kind


def _around(key: str, name: str, members: Sequence[Node]) -> Frame:
    left, top = min(node.x for node in members) - GAP // 2, min(node.y for node in members) - GAP
    right, bottom = max(node.x for node in members) + WIDTH, max(node.y for node in members) + HEIGHT
    keys = tuple(node.key for node in members)
    return Frame(key, name, "cluster", left, top, right - left + GAP // 2, bottom - top + GAP // 2, keys)


def _edge(above: Node, below: Node, line: Line) -> Edge:
    top, bottom = above.y + HEIGHT, below.y
    middle = (top + bottom) // 2
    path = f"M{above.centre},{top} C{above.centre},{middle} {below.centre},{middle} {below.centre},{bottom}"
    return Edge(above.key, below.key, line, "", path, (above.centre + below.centre) // 2, middle)


def _links(sites: Sequence[_Site]) -> Iterator[Edge]:
    """Under the sites, one below the other, in the direction in which messages go."""
    keys = {site.draft.hosts[0].site: site for site in sites}
    flows = dict.fromkeys(flow for site in sites for flow in _flows(site.draft))
    known = [
        (keys[start], keys[end], what)
        for start, end, what in flows
        if start != end and {start, end} <= keys.keys()
    ]
    for lane, (start, end, what) in enumerate(known):
        yield _link(start, end, what, lane)


def _flows(site: Draft) -> Iterator[tuple[str, str, str]]:
    """From site, to site, by what: an upstream brings messages here, a shovel moves them from end to end."""
    here = site.hosts[0].site
    for _, broker in site.brokers:
        for upstream in broker.upstreams:
            if upstream.site:
                yield upstream.site, here, "federation"
        ends: list[tuple[End, End]] = [(shovel.src, shovel.dest) for shovel in broker.shovels]
        ends += [(shovel.src, shovel.dest) for shovel in broker.static_shovels]
        yield from ((_site_of(source, here), _site_of(target, here), "shovel") for source, target in ends)


def _site_of(end: End, here: str) -> str:
    """Empty for a broker that is not in this inventory."""
    return end.site or ("" if end.uri else here)


def _link(start: _Site, end: _Site, what: str, lane: int) -> Edge:
    """Down from one site's lower edge and up to the other's; each lane a little further in."""
    low = max(start.bottom, end.bottom) + (lane + 1) * _LANE
    there, back = _foot(start, lane), _foot(end, lane)
    path = f"M{there},{start.bottom} L{there},{low} L{back},{low} L{back},{end.bottom}"
    return Edge(start.key, end.key, "link", what, path, (there + back) // 2, low - 6)


def _foot(site: _Site, lane: int) -> int:
    return (site.left + site.right) // 2 + (lane - 1) * _LANE
