"""What `mqctl deploy` does: read, bring the lab up, look, plan, apply, read back, judge."""

from __future__ import annotations

import importlib
import threading
from contextlib import ExitStack
from dataclasses import dataclass, field

from mqctl.ansible.runner import Play, run
from mqctl.errors import GateError
from mqctl.gates.cluster import judge
from mqctl.gates.timeouts import SETTLE, STEADY
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.inventory.last import remember
from mqctl.model.bundle import HostBundle
from mqctl.model.changes import Plan
from mqctl.model.gate import GateResult, Outcome, overall
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan import for_ansible, make
from mqctl.probe.entrance import measure_all
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.alone import alone
from mqctl.workflows.connect import Connect, connections
from mqctl.workflows.phase import HostState, Phase, Progress, Took, run_phases
from mqctl.workflows.plan import asked, limited
from mqctl.workflows.teller import Teller
from mqctl.workflows.verify import Verification, verify

ROUNDS = 2
"""Plans that one deploy applies: objects of a cluster that was down can only be compared once it is up."""
CLUSTER = "cluster"
"""Whom a message is about when it is about no single host."""
_CLIENTS = ("paramiko", "pika")
"""Slow to import, and needed only once the inventory was read."""


@dataclass(frozen=True)
class Wish:
    """What the user asked for."""

    name_or_dir: str
    vault: VaultOptions = field(default_factory=VaultOptions)
    limit: str | None = None


@dataclass(frozen=True)
class DeployReport:
    """What was done, how long it took, and what the gates say to the result."""

    topology: Topology
    plans: tuple[Plan, ...]
    """Those that were applied; none when there was nothing to change."""
    status: ClusterStatus
    results: tuple[GateResult, ...]
    took: tuple[Took, ...]
    connect: tuple[Connect, ...]
    """For each site."""

    @property
    def outcome(self) -> Outcome:
        """All gates together."""
        return overall(list(self.results))


@dataclass
class Deployment:
    """What the phases know, growing from one to the next."""

    wish: Wish
    progress: Progress
    held: ExitStack
    """The inventory's lock and the connections to the hosts, until the end."""
    applied: list[Plan] = field(default_factory=list)
    results: tuple[GateResult, ...] = ()
    _topology: Topology | None = None
    _bundles: dict[str, HostBundle] = field(default_factory=dict)
    _hosts: tuple[str, ...] = ()
    _status: ClusterStatus | None = None
    _plan: Plan | None = None
    _pool: Hosts | None = None

    @property
    def topology(self) -> Topology:
        """Known from the first phase on."""
        assert self._topology is not None
        return self._topology

    @property
    def status(self) -> ClusterStatus:
        """The latest look at the hosts."""
        assert self._status is not None
        return self._status

    @property
    def plan(self) -> Plan:
        """What that look leaves to do."""
        assert self._plan is not None
        return self._plan

    def read(self) -> None:
        """The inventory, its secrets generated where they are missing; every refusal comes from here."""
        self._topology = ensure(find(self.wish.name_or_dir), self.wish.vault)
        self.held.enter_context(alone(self.topology.state_dir, "deploy"))
        self._hosts = limited(self.topology, self.wish.limit)
        self._bundles = render(self.topology)
        self._tell(f"{self.topology.name}: {len(self._hosts)} hosts", "ok")

    def bring_up(self) -> None:
        """The lab's hosts; real ones are there already."""
        if self.topology.lab is None:
            self._tell("the hosts are real ones", "ok")
            return
        from mqctl import lab

        lab.up(self.topology.lab, lambda host, message: self.progress.host(host, message, "ok"))

    def look(self) -> None:
        """One round trip per host, also to peers of the hosts that are deployed."""
        if self._pool is None:
            self._pool = self.held.enter_context(Hosts.of(self.topology))
        self._status = self._asked(self._pool)
        if self.applied and any(host.error for host in self._status.hosts):
            # what was applied may have ended a connection that stood before
            with Hosts.of(self.topology) as new:
                self._status = self._asked(new)
        for host in self.status.hosts:
            self.progress.host(host.host, host.error or "answered", "failed" if host.error else "ok")

    def _asked(self, pool: Hosts) -> ClusterStatus:
        return probe(self.topology, self._bundles, asked(self.topology, self._hosts), pool)

    def decide(self) -> None:
        """The plan; raises for hosts that did not answer and for what forbids it."""
        self._plan = make(self.topology, self._bundles, self.status, self._hosts)
        for note in self.plan.notes:
            self._tell(note, "ok")
        self._tell(_summary(self.plan), "ok" if self.plan.empty else "changed")

    def apply(self) -> None:
        """With Ansible; not even started when there is nothing to change."""
        if self.plan.empty:
            self._tell("nothing to change, Ansible is not needed", "ok")
            return
        play = Play("apply.yml", self.topology.inventory, self.wish.vault.argv())
        run(play, for_ansible(self.plan, self.topology, self.status), Teller(self.progress))
        self.applied.append(self.plan)

    def read_back(self) -> None:
        """Whether the hosts now are as the inventory says, by the same look and plan as before."""
        if not self.applied:
            self._tell("the hosts are as the inventory says", "ok")
            return
        self.look()
        self.decide()
        while not self.plan.empty:
            if len(self.applied) == ROUNDS:
                raise GateError(
                    f"the hosts are still not as the inventory says: {_summary(self.plan)}", _HINT
                )
            self.apply()
            self.look()
            self.decide()

    def judge(self) -> None:
        """All gates, waited for: an election, a health check, a mirror need their time."""
        self.results = tuple(judge(self.topology, self.status, measure_all(self.topology)))
        if overall(list(self.results)) != "pass" or len(self.status.hosts) < len(self.topology.hosts):
            seen = verify(self.topology, SETTLE if self.applied else STEADY, self.wait_for)
            self._status, self.results = seen.status, seen.results
        self._tell(f"gates: {self.results and overall(list(self.results))}", _as_state(self.results))
        remember(self.topology.inventory)

    def wait_for(self, seen: Verification) -> None:
        """Name the gates that the last phase waits for."""
        gates = dict.fromkeys(result.gate for result in seen.results if result.outcome != "pass")
        self._tell(f"waiting for {', '.join(gates)}", "running")

    def _tell(self, message: str, state: HostState) -> None:
        self.progress.host(CLUSTER, message, state)


_HINT = "mqctl plan shows what is left; something else on the hosts may be changing the same things"

PHASES = (
    Phase("Read the inventory", Deployment.read),
    Phase("Bring up the lab", Deployment.bring_up),
    Phase("Look at the hosts", Deployment.look),
    Phase("Plan", Deployment.decide),
    Phase("Apply with Ansible", Deployment.apply),
    Phase("Read back", Deployment.read_back),
    Phase("Judge", Deployment.judge),
)


def deploy(wish: Wish, progress: Progress) -> DeployReport:
    """Make the hosts what the inventory says, and prove it.

    Raises UsageError for the inventory or the limit, AnsibleError and MqctlError for hosts and while another
    run changes them, GateError for what forbids the plan. Gates that do not pass are in the report.
    """
    threading.Thread(target=_import_clients, daemon=True).start()
    with ExitStack() as held:
        state = Deployment(wish, progress, held)
        took = run_phases(PHASES, state, progress)
    return DeployReport(
        state.topology, tuple(state.applied), state.status, state.results, took, connections(state.topology)
    )


def _import_clients() -> None:
    """While ansible-inventory reads the inventory; whoever needs one of them earlier waits for it."""
    for name in _CLIENTS:
        importlib.import_module(name)


def _summary(plan: Plan) -> str:
    parts = (
        (len(plan.packages), "packages"),
        (len(plan.files), "files"),
        (len(plan.services), "service actions"),
        (len(plan.membership), "membership changes"),
        (len(plan.objects), "objects"),
    )
    counted = ", ".join(f"{count} {what}" for count, what in parts if count)
    return counted or ("the list of mqctl's objects" if plan.requests else "nothing to change")


def _as_state(results: tuple[GateResult, ...]) -> HostState:
    return "ok" if overall(list(results)) == "pass" else "failed"
