"""The links to other sites: every one that the inventory asks for runs, once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mqctl.gates.evidence import Gate, View, label, views
from mqctl.gates.queues import APPLIES, compiled
from mqctl.model.gate import GateResult
from mqctl.model.links import Parameter
from mqctl.model.objects import Objects, Policy
from mqctl.model.status import ClusterStatus, LinkStatus
from mqctl.model.topology import Topology

_UPSTREAM, _SET, _PATTERN = "federation-upstream", "federation-upstream-set", "federation-upstream-pattern"


@dataclass(frozen=True, order=True)
class Link:
    """What identifies a link, wanted or live."""

    kind: str
    vhost: str
    name: str
    upstream: str = ""

    @property
    def title(self) -> str:
        """As a table and a gate name it."""
        place = label(self.vhost or "/", self.name)
        return f"{self.kind} {place} from {self.upstream}" if self.upstream else f"{self.kind} {place}"


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result when every link runs, else one per link that does not; none where no link is declared."""
    if not topology.objects.parameters and not topology.site.static_shovels:
        return []
    found, mute = live(topology, status)
    links = [*wanted(topology), *(link for link in _passing(topology) if link in found)]
    if not links:
        why = "nothing that is declared is federated, no shovel stays"
        return [Gate("links", topology.cluster_name, "every link running").skipped(why)]
    bad = [result for link in links if (result := _link(link, found.get(link, []), mute)).outcome != "pass"]
    every = f"{len(links)} running"
    return bad or [Gate("links", topology.cluster_name, every).equals(every)]


def _link(link: Link, states: list[LinkStatus], mute: list[str]) -> GateResult:
    """A broker that does not tell its links may run the one that is missing."""
    gate = Gate("links", link.title, "running")
    running = [state for state in states if state.state == "running"]
    if len(running) > 1:
        return gate.says(False, f"running {len(running)} times: every message arrives as often")
    if running:
        return gate.equals("running")
    if mute:
        return gate.unknown(f"not told by {', '.join(mute)}")
    return gate.says(False, said(states[0]) if states else "no such link")


def said(state: LinkStatus) -> str:
    """The state, and why where the broker says it."""
    return f"{state.state}: {state.error}" if state.error else state.state


def live(topology: Topology, status: ClusterStatus) -> tuple[dict[Link, list[LinkStatus]], list[str]]:
    """What the brokers run, by link; and the nodes that told nothing."""
    found: dict[Link, list[LinkStatus]] = {}
    all_views = views(topology, status)
    for view in all_views:
        for state in _told(view):
            found.setdefault(Link(state.kind, state.vhost, state.name, state.upstream), []).append(state)
    mute = [view.node for view in all_views if view.broker is None or view.broker.links is None]
    return found, mute


def _told(view: View) -> tuple[LinkStatus, ...]:
    return (view.broker.links if view.broker else None) or ()


def wanted(topology: Topology) -> list[Link]:
    """Every link that must run: what is declared and federated, and the shovels that stay."""
    objects = topology.objects
    shovels = [one for one in objects.parameters if one.component == "shovel" and not one.passing]
    return [
        *dict.fromkeys(_federated(objects)),
        *(Link("shovel", shovel.vhost, shovel.name) for shovel in shovels),
        *(Link("static shovel", "", shovel.name) for shovel in topology.site.static_shovels),
    ]


def _passing(topology: Topology) -> list[Link]:
    """Shovels that end by themselves. One that cannot connect at its start never tries again (3.10)."""
    shovels = [one for one in topology.objects.parameters if one.component == "shovel" and one.passing]
    return [Link("shovel", shovel.vhost, shovel.name) for shovel in shovels]


def _federated(objects: Objects) -> Iterator[Link]:
    if not any(policy.definition.keys() & {_UPSTREAM, _PATTERN, _SET} for policy in objects.policies):
        return
    types = {vhost.name: vhost.default_queue_type or "classic" for vhost in objects.vhosts}
    for exchange in objects.exchanges:
        policy = _applied(objects, exchange.vhost, exchange.name, ("all", "exchanges"))
        for upstream in _upstreams(objects, policy):
            yield Link("exchange", exchange.vhost, exchange.name, upstream)
    for queue in objects.queues:
        kind = queue.arguments.get("x-queue-type", types.get(queue.vhost, "classic"))
        policy = _applied(objects, queue.vhost, queue.name, APPLIES.get(kind, ("all", "queues")))
        for upstream in _upstreams(objects, policy):
            yield Link("queue", queue.vhost, queue.name, upstream)


def _applied(objects: Objects, vhost: str, name: str, reach: tuple[str, ...]) -> Policy | None:
    """The matching policy of the highest priority."""
    matching = [
        policy
        for policy in objects.policies
        if policy.vhost == vhost and policy.apply_to in reach and compiled(policy.pattern).search(name)
    ]
    return max(matching, key=lambda policy: policy.priority, default=None)


def _upstreams(objects: Objects, policy: Policy | None) -> list[str]:
    """The upstreams that the policy asks for (RabbitMQ guide "Federation Reference", policies)."""
    if policy is None:
        return []
    definition = policy.definition
    of_vhost = [one for one in objects.parameters if one.vhost == policy.vhost]
    every = [one.name for one in of_vhost if one.component == _UPSTREAM]
    if _UPSTREAM in definition:
        return [name for name in every if name == definition[_UPSTREAM]]
    if _PATTERN in definition:
        return [name for name in every if re.search(str(definition[_PATTERN]), name)]
    if definition.get(_SET) == "all":
        return every
    sets = [one for one in of_vhost if one.component == _SET and one.name == definition.get(_SET)]
    return [name for one in sets for name in _members(one)]


def _members(one: Parameter) -> list[str]:
    return [str(member["upstream"]) for member in one.value] if isinstance(one.value, tuple) else []
