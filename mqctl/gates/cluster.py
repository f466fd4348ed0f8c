"""All gates together."""

from __future__ import annotations

from mqctl.gates import entrance as entrance_gates
from mqctl.gates import haproxy, keepalived, names, objects, queues, rabbitmq, services
from mqctl.model.entrance import Entrance
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology

GATES = (services, names, rabbitmq, objects, queues, haproxy, keepalived)
"""From the ground up: what is below usually explains what is above."""


def judge(topology: Topology, status: ClusterStatus, entrance: Entrance | None = None) -> list[GateResult]:
    """Every gate's results; the entrance is judged only where it was measured."""
    results = [result for component in GATES for result in component.judge(topology, status)]
    return results + (entrance_gates.judge(entrance) if entrance else [])
