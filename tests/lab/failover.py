"""What tests of failover tests ask, of a verdict and of the cluster."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import PREFIX
from mqctl.ssh import Hosts
from mqctl.workflows.scenario import Live
from mqctl.workflows.stage import shell


def quiet(live: Live) -> None:
    """Nobody watches."""


def findings(verdict: Verdict) -> dict[str, str]:
    """Each gate's outcome."""
    return {finding.gate: finding.outcome for finding in verdict.findings}


def beside_waits(verdict: Verdict) -> dict[str, str]:
    """The gates that do not pass, but for how long clients waited.

    Where a whole site boots on the processors of the other one, that is their speed, not what survives.
    """
    return {
        gate: outcome
        for gate, outcome in findings(verdict).items()
        if outcome in ("fail", "unknown") and not gate.startswith("continuity.")
    }


def ours(topology: Topology) -> str:
    """What failover tests left in the cluster; a broker that was just healed may still be booting."""
    script = "rabbitmqctl -q --no-table-headers list_queues name && rabbitmqctl -q list_exchanges name"
    names: list[str] = []

    def told() -> bool:
        try:
            names[:] = shell(hosts, topology.brokers[0].name, script, 60).splitlines()
        except MqctlError:
            return False
        return True

    with Hosts.of(topology) as hosts:
        wait(told, timeout=120, interval=1, what="a broker's answer")
    return "\n".join(name for name in names if name.startswith(PREFIX))


def holders(hosts: Hosts, topology: Topology) -> list[str]:
    """The routers that have the VIP on an interface."""
    script = f"ip -o address show to {topology.virtual_address}"
    return [router.name for router in topology.routers if shell(hosts, router.name, script, 60).strip()]
