"""The ways to the hosts of a topology: SSH everywhere, and what the lab has beyond that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from mqctl import lab
from mqctl.ansible.events import Event
from mqctl.ansible.runner import Play, run
from mqctl.errors import MqctlError
from mqctl.faults.base import Reach
from mqctl.inventory import VaultOptions
from mqctl.model.changes import Plan, ServiceChange
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan import for_ansible
from mqctl.plan.brokers import restart_order
from mqctl.probe.ask import BROKER_UNIT
from mqctl.process import run as run_here
from mqctl.ssh import Hosts


def reach(topology: Topology, hosts: Hosts, vault: VaultOptions, look: Callable[[], ClusterStatus]) -> Reach:
    """Everything that faults of this topology can use."""
    operator = Deployer(topology, vault, look)
    if topology.lab is None:
        return Reach(partial(shell, hosts), None, None, operator)
    name = topology.lab.name
    return Reach(partial(shell, hosts), LabPower(name), LabNetwork(name), operator)


@dataclass(frozen=True)
class LabPower:
    """The lab as a power switch."""

    name: str

    def off(self, host: str) -> None:
        """See mqctl.lab.power_off."""
        lab.power_off(self.name, host)

    def on(self, host: str) -> None:
        """See mqctl.lab.power_on."""
        lab.power_on(self.name, host)


@dataclass(frozen=True)
class LabNetwork:
    """The packet filters of lab hosts: this machine's own tools in the host's network namespace."""

    name: str

    def __call__(self, host: str, script: str, timeout: float) -> str:
        """Runs a script in the host's network; a host that is off has none, and so nothing to filter."""
        pid = str(lab.host_pid(self.name, host))
        ended = run_here(["nsenter", "--target", pid, "--net", "/bin/sh"], stdin=script, timeout=timeout)
        if not ended.ok:
            raise MqctlError(
                f"network of lab host {host}: {ended.stderr.strip() or f'exit code {ended.returncode}'}",
                "cutting a lab's network needs root, and iptables or nft on this machine",
            )
        return ended.stdout


@dataclass(frozen=True)
class Deployer:
    """Restarts brokers as `mqctl deploy` does when a setting needs it: by Ansible, one at a time, gated."""

    topology: Topology
    vault: VaultOptions
    look: Callable[[], ClusterStatus]

    def restart(self, brokers: Sequence[str]) -> None:
        """Raises AnsibleError when a gate held the roll up for too long."""
        status = self.look()
        plan = self.plan(brokers, status)
        work = for_ansible(plan, self.topology, status)
        run(Play("apply.yml", self.topology.inventory, self.vault.argv()), work, _silent)

    def plan(self, brokers: Sequence[str], status: ClusterStatus) -> Plan:
        """Nothing but restarts, in the order of a deploy."""
        order = [name for name in restart_order(self.topology, status) if name in brokers]
        changes = [
            ServiceChange(
                host=name, unit=BROKER_UNIT, action="restart", reason="a rolling restart was asked for"
            )
            for name in order
        ]
        return Plan(topology=self.topology.name, services=tuple(changes))


def _silent(event: Event) -> None:
    """The test has a display of its own."""


def shell(hosts: Hosts, host: str, script: str, timeout: float) -> str:
    """Runs a script on a host; raises MqctlError when the host does not answer or the script fails."""
    output = hosts.run(host, ["/bin/sh"], script, timeout)
    if not output.ok:
        raise MqctlError(f"{host}: {output.stderr.strip() or f'exit code {output.returncode}'}")
    return output.stdout
