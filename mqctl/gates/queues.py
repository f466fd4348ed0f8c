"""The queues: led, under the right policy, and mirrored as that policy asks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from itertools import takewhile
from typing import Any

from mqctl.gates.evidence import Gate, View, label, listed, queues, views
from mqctl.gates.objects import live_definitions
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus, QueueStatus
from mqctl.model.topology import Topology

Judge = Callable[[QueueStatus], GateResult | None]
APPLIES = {
    "classic": ("all", "queues", "classic_queues"),
    "quorum": ("all", "queues", "quorum_queues"),
    "stream": ("all", "queues", "streams"),
}
"""By queue type: the apply-to values that reach it."""


_CLASSIC_ONLY = ("ha-", "queue-mode", "queue-master-locator", "max-priority")
"""How keys begin that other queue types do not support: one of them keeps a whole policy from applying to
such a queue (rabbit_policy:is_applicable/2, `unsupported_policies` of a queue type's module)."""


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All of this module's gates: one result each when all queues pass, else one per queue that does not."""
    all_views = views(topology, status)
    blind = _blind(all_views)
    found = [queue for queue in queues(all_views) if not queue.exclusive]
    definitions = live_definitions(topology, status) or {}
    nodes, policies = [view.node for view in all_views], Policies(definitions.get("policies"))
    gates: dict[str, Judge] = {
        "queue leaders": _leader,
        "policies applied": lambda queue: _policy(queue, policies),
        "mirrors": lambda queue: _mirrors(queue, nodes),
        "mirrors in sync": _in_sync,
    }
    return [
        result
        for name, gate in gates.items()
        for result in _all(name, topology.cluster_name, found, gate, blind)
    ]


def _blind(all_views: list[View]) -> str | None:
    """Without any running broker nothing is known of the queues."""
    return None if any(view.broker for view in all_views) else "no broker told its queues"


def _all(
    name: str, cluster: str, found: list[QueueStatus], gate: Judge, blind: str | None
) -> list[GateResult]:
    if blind:
        return [Gate(name, cluster, "every queue").unknown(blind)]
    results = [(result.outcome, result) for queue in found if (result := gate(queue))]
    bad = [result for outcome, result in results if outcome != "pass"]
    if bad:
        return bad
    if not results:
        return [Gate(name, cluster, "every queue").skipped("no such queue")]
    every = f"{len(results)} of {len(results)} queues"
    return [Gate(name, cluster, every).equals(every)]


def _leader(queue: QueueStatus) -> GateResult:
    gate = Gate("queue leaders", label(queue.vhost, queue.name), "a leader that runs")
    if queue.leader is None or queue.state in ("down", "crashed", "stopped"):
        return gate.says(False, "no leader" if queue.leader is None else f"{queue.state} on {queue.leader}")
    return gate.says(True, queue.leader)


class Policies:
    """The live policies: one is found by its name, those above it by their priority.

    So thousands of queues need not be compared with thousands of policies each.
    """

    def __init__(self, told: Any) -> None:
        self.told = told
        try:
            self._named = {(policy["vhost"], policy["name"]): policy for policy in told}
            self._ranked = sorted(told, key=lambda policy: -policy["priority"])
        except (LookupError, TypeError):
            self._named, self._ranked = {}, []

    def settle(self, queue: QueueStatus) -> bool:
        """Whether the queue's policy matches it, and none of higher priority does; raises like `_matches`."""
        own = self._named.get((queue.vhost, queue.policy))
        if own is None or not _matches(own, queue):
            return False
        above = takewhile(lambda policy: policy["priority"] > own["priority"], self._ranked)
        return not any(_matches(policy, queue) for policy in above)


def _policy(queue: QueueStatus, policies: Policies) -> GateResult:
    """The matching policy of the highest priority applies (RabbitMQ guide "Parameters and Policies")."""
    gate = Gate("policies applied", label(queue.vhost, queue.name), "the matching policy of highest priority")
    try:
        if policies.settle(queue):
            return gate.says(True, queue.policy or "")
        matching = [policy for policy in policies.told if _matches(policy, queue)]
        top = max((policy["priority"] for policy in matching), default=None)
        wanted = {policy["name"] for policy in matching if policy["priority"] == top}
    except (LookupError, TypeError, re.error):
        return gate.unknown("the live policies cannot be read")
    got = queue.policy or "none"
    expected = Gate(gate.name, gate.subject, " or ".join(sorted(wanted)) or "none")
    return expected.says(got in (wanted or {"none"}), got)


def _matches(policy: Mapping[str, Any], queue: QueueStatus) -> bool:
    reach = APPLIES.get(queue.type, ("all", "queues"))
    return (
        policy["vhost"] == queue.vhost
        and policy["apply-to"] in reach
        and compiled(policy["pattern"]).search(queue.name) is not None
        and _is_supported(policy["definition"], queue)
    )


compiled = cache(re.compile)
"""Patterns of policies; Python itself keeps no more than some hundred."""


def _is_supported(definition: Mapping[str, Any], queue: QueueStatus) -> bool:
    return queue.type == "classic" or not any(key.startswith(_CLASSIC_ONLY) for key in definition)


def _mirrors(queue: QueueStatus, nodes: list[str]) -> GateResult | None:
    """Leader and mirrors are as many, or on those nodes, as ha-mode and ha-params say (guide "Mirroring").

    None: the queue is not mirrored.
    """
    mode = queue.effective_definition.get("ha-mode")
    if queue.type != "classic" or mode is None:
        return None
    subject = label(queue.vhost, queue.name)
    here = {queue.leader, *queue.mirrors} - {None}
    if mode == "nodes":
        params = queue.effective_definition.get("ha-params")
        wanted = {str(node) for node in params or ()} & set(nodes)
        gate = Gate("mirrors", subject, f"on {listed(wanted)}")
        return gate.says(wanted <= here if wanted else True, f"on {listed(str(node) for node in here)}")
    count = _count(mode, queue.effective_definition.get("ha-params"), len(nodes))
    if count is None:
        return Gate("mirrors", subject, "a known ha-mode").unknown(f"ha-mode is {mode}")
    return Gate("mirrors", subject, f"nodes: {count}").equals(f"nodes: {len(here)}")


def _count(mode: Any, params: Any, nodes: int) -> int | None:
    if mode == "all":
        return nodes
    return min(params, nodes) if mode == "exactly" and isinstance(params, int) else None


def _in_sync(queue: QueueStatus) -> GateResult | None:
    """Every mirror (quorum queues: every follower) holds everything: its leader's node may be lost now."""
    if not queue.mirrors:
        return None
    gate = Gate("mirrors in sync", label(queue.vhost, queue.name), listed(queue.mirrors))
    return gate.equals(listed(queue.synchronised))
