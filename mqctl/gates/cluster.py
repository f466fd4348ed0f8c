"""All gates together."""

from __future__ import annotations

from collections.abc import Mapping

from mqctl.gates import (
    certificates,
    firewall,
    haproxy,
    keepalived,
    links,
    names,
    objects,
    queues,
    rabbitmq,
    services,
    shared,
)
from mqctl.gates import entrance as entrance_gates
from mqctl.model.entrance import Entrance
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology

OF_HOSTS = (services, firewall, certificates, names)
OF_CLUSTERS = (shared, rabbitmq, objects, queues, links)
OF_ENTRANCES = (haproxy, keepalived)
"""From the ground up: what is below usually explains what is above."""
_NOT_MEASURED: Mapping[str, Entrance] = {}


def judge(
    topology: Topology, status: ClusterStatus, entrances: Mapping[str, Entrance] = _NOT_MEASURED
) -> list[GateResult]:
    """Every gate's results, site by site; entrances (by site) are judged only where they were measured."""
    return [
        result
        for site in topology.sites
        for result in _site(
            site, status.of([host.name for host in site.hosts]), entrances.get(site.site.name)
        )
    ]


def _site(site: Topology, status: ClusterStatus, entrance: Entrance | None) -> list[GateResult]:
    return [
        *(result for gates in OF_HOSTS for result in gates.judge(site, status)),
        *(
            result
            for gates in OF_CLUSTERS
            for cluster in site.clusters
            for result in gates.judge(cluster, status)
        ),
        *(result for gates in OF_ENTRANCES for result in gates.judge(site, status)),
        *(entrance_gates.judge(entrance) if entrance else []),
    ]
