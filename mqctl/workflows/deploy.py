"""What `mqctl deploy` does: read, bring the lab up, look, plan, apply, read back, judge."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

from mqctl.ansible.events import Record
from mqctl.ansible.runner import AnsibleError, Play, run
from mqctl.errors import EXIT, GateError, MqctlError
from mqctl.gates.cluster import judge
from mqctl.gates.timeouts import SETTLE, STEADY
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.inventory.last import remember
from mqctl.lock import HostLock
from mqctl.model.audit import together
from mqctl.model.bundle import HostBundle
from mqctl.model.changes import Plan
from mqctl.model.claim import untouched
from mqctl.model.gate import GateResult, Outcome, overall
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.plan import for_ansible, make
from mqctl.probe.entrance import measure_all
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.alone import Turn, alone
from mqctl.workflows.audit import Account, audited
from mqctl.workflows.connect import Connect, connections
from mqctl.workflows.done import Step, account, changed, elsewhere, not_done, steps
from mqctl.workflows.phase import HostState, Phase, Progress, Took, run_phases
from mqctl.workflows.plan import asked, limited
from mqctl.workflows.strangers import Ask, never, require_consent, told
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
    accept_removed: bool = False
    """Go on beside members of the cluster that the inventory does not name."""

    @property
    def options(self) -> list[str]:
        """Those of the command line that say what is deployed."""
        limit = ["--limit", self.limit] if self.limit is not None else []
        return [*limit, *(["--accept-removed"] if self.accept_removed else [])]


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
    """The locks and the connections to the hosts, until the end."""
    account: Account
    ask: Ask = never
    applied: list[Plan] = field(default_factory=list)
    rounds: list[tuple[tuple[Step, ...], Record]] = field(default_factory=list)
    """What was to be done, and what Ansible said of it."""
    turn: Turn | None = None
    results: tuple[GateResult, ...] = ()
    _topology: Topology | None = None
    _bundles: dict[str, HostBundle] = field(default_factory=dict)
    _hosts: tuple[str, ...] = ()
    _status: ClusterStatus | None = None
    _plan: Plan | None = None
    _pool: Hosts | None = None
    _lock: HostLock | None = None
    _accepted: bool = False
    """Nobody is asked twice."""

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
        self.account.open(self.topology.state_dir)
        self.turn = self.held.enter_context(alone(self.topology.state_dir, "deploy"))
        self.account.succeeds(self.turn)
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
        for stranger in self.plan.strangers:
            self._tell(told(stranger), "failed")
        for note in self.plan.notes:
            self._tell(note, "ok")
        self._tell(_summary(self.plan), "ok" if self.plan.empty else "changed")
        require_consent(self.plan, self._accepted or self.wish.accept_removed, self.ask)
        self._accepted = self._accepted or not self.plan.empty

    def apply(self) -> None:
        """With Ansible; not even started when there is nothing to change."""
        if self.plan.empty:
            self._tell("nothing to change, Ansible is not needed", "ok")
            return
        self.lock()
        if self.plan.empty:
            self._tell("another run has made it so in the meantime", "ok")
            return
        work = for_ansible(self.plan, self.topology, self.status)
        todo, record = steps(self.plan, work), Record()
        self.rounds.append((todo, record))
        self.applied.append(self.plan)
        try:
            self._run(work, record)
        except AnsibleError as error:
            self._finish_elsewhere(work, record)
            raise AnsibleError(error.message, self._so_far(), record) from None
        finally:
            self.account.changed = together([changed(*one) for one in self.rounds])
            self.account.not_done = not_done(todo, record)

    def _run(self, work: Mapping[str, Any], record: Record) -> None:
        play = Play("apply.yml", self.topology.inventory, self.wish.vault.argv())
        run(play, work, Teller(self.progress, record))

    def _finish_elsewhere(self, work: Mapping[str, Any], record: Record) -> None:
        """After a host died, the packages and files of the others: those need no order among the hosts.

        Nothing is restarted or reloaded any more. What cannot be finished either is told with the rest.
        """
        rest = elsewhere(work, record)
        if rest is None:
            return
        self._tell(f"finishing packages and files of {', '.join(rest['hosts'])}; nothing else", "running")
        more = Record()
        with suppress(MqctlError):
            self._run(rest, more)
        record.finished |= more.finished

    def _so_far(self) -> str:
        """What was and was not done, host by host; everything is known to the next deploy without it."""
        lines = [line for todo, record in self.rounds for line in account(todo, record)]
        return "\n".join([*lines, _AGAIN])

    def lock(self) -> None:
        """The hosts' own lock, which runs from other machines and directories heed; not worth it for nothing.

        The plan was made without it: it is made again when another run may have had the lock since the look.
        """
        if self._lock is not None:
            self._lock.require()
            return
        assert self.turn is not None
        assert self._pool is not None
        self._lock = self.held.enter_context(HostLock(self.topology, self.turn.claim, self._pool))
        found, silent = self._lock.take(host.host for host in self.status.hosts if host.answered)
        for host in self._hosts:
            if host in silent:
                raise silent[host]
        touched = [host for host, text in found.items() if not untouched(self._seen(host), text)]
        if touched:
            self._tell(f"another run was on {', '.join(touched)} since the look: looking again", "ok")
            self.look()
            self.decide()

    def _seen(self, host: str) -> str | None:
        answer = self.status.host(host)
        return answer.lock if answer else None

    def read_back(self) -> None:
        """Whether the hosts now are as the inventory says, by the same look and plan as before."""
        if not self.applied:
            self._tell("the hosts are as the inventory says", "ok")
            return
        self._look_again()
        while not self.plan.empty:
            if len(self.applied) == ROUNDS:
                raise GateError(
                    f"the hosts are still not as the inventory says: {_summary(self.plan)}", _HINT
                )
            self.apply()
            self._look_again()

    def _look_again(self) -> None:
        """Raises what a look and a plan raise, with what was done by then."""
        try:
            self.look()
            self.decide()
        except MqctlError as error:
            error.hint = "\n".join(filter(None, [error.hint, self._so_far()]))
            raise

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


_AGAIN = "the same command can be run again, and does what is left"
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


def deploy(wish: Wish, progress: Progress, ask: Ask = never) -> DeployReport:
    """Make the hosts what the inventory says, and prove it; `ask` is asked about members it does not name.

    Raises UsageError for the inventory, the limit and unwanted members, AnsibleError and MqctlError for hosts
    and while another run changes them, GateError for what forbids the plan. Gates that do not pass are in the
    report.
    """
    threading.Thread(target=_import_clients, daemon=True).start()
    with audited("deploy", wish.options) as account, ExitStack() as held:
        state = Deployment(wish, progress, held, account, ask)
        took = run_phases(PHASES, state, progress)
        account.exit_code = EXIT[overall(list(state.results))]
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
