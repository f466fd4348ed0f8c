"""What the gates judge from: results in one shape, and whose word counts for what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mqctl.model.gate import GateResult, Outcome
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, QueueStatus
from mqctl.model.topology import Host, Topology


@dataclass(frozen=True)
class Gate:
    """One gate on one subject, and what it expects."""

    name: str
    subject: str
    expected: str

    def says(self, good: bool, got: str) -> GateResult:
        """Pass or fail."""
        return self._result("pass" if good else "fail", got)

    def equals(self, got: str) -> GateResult:
        """Pass when that is what was expected, word for word."""
        return self.says(got == self.expected, got)

    def unknown(self, why: str) -> GateResult:
        """There is no evidence, and why."""
        return self._result("unknown", why)

    def skipped(self, why: str) -> GateResult:
        """There is nothing to judge."""
        return self._result("skipped", why)

    def _result(self, outcome: Outcome, got: str) -> GateResult:
        return GateResult(
            gate=self.name, subject=self.subject, outcome=outcome, expected=self.expected, got=got
        )


def exactly_one(gate: Gate, what: str, found: Iterable[str], silent: Iterable[str]) -> GateResult:
    """That one host does it. Two fail whoever is silent; one passes only when nobody is."""
    names, mute = sorted(found), sorted(silent)
    got = f"{len(names)} {what if len(names) == 1 else f'{what}s'}"
    if names:
        got += f" ({', '.join(names)})"
    if mute and len(names) < 2:
        return gate.unknown(f"{got}, no answer from {', '.join(mute)}")
    return gate.says(len(names) == 1, got)


def silence(status: ClusterStatus, host: str) -> str | None:
    """Why a host gives no evidence; None when it does."""
    answer = status.host(host)
    if answer is None:
        return "the host was not asked"
    return None if answer.answered else f"the host did not answer: {answer.error}"


WAITS = "waits for the data directory"


@dataclass(frozen=True)
class View:
    """A broker of the inventory and its own view, or why there is none."""

    host: Host
    node: str
    broker: BrokerStatus | None
    why: str = ""


def views(topology: Topology, status: ClusterStatus) -> list[View]:
    """Every broker's view; only a running broker has one.

    Brokers that share a data directory are one node: whoever runs it speaks for it.
    """
    seen = [_view(host, status) for host in topology.brokers]
    return _serving(seen) if topology.shared_dir else seen


def _serving(seen: list[View]) -> list[View]:
    """Those that run the node; when nobody does, the first one that ought to tell why."""
    running = [view for view in seen if view.broker]
    silent = [view for view in seen if view.why != WAITS]
    return running or (silent or seen)[:1]


def _view(host: Host, status: ClusterStatus) -> View:
    assert host.broker is not None
    node = host.broker.node
    why = silence(status, host.name)
    if why is not None:
        return View(host, node, None, why)
    if _answer(status, host.name).waits:
        return View(host, node, None, WAITS)
    broker = _answer(status, host.name).broker
    if broker is None:
        return View(host, node, None, "the host was not asked for a broker")
    if not broker.running:
        return View(host, node, None, broker.error or "the broker does not run")
    return View(host, node, broker)


def _answer(status: ClusterStatus, host: str) -> HostStatus:
    answer = status.host(host)
    assert answer is not None
    return answer


def queues(all_views: Iterable[View]) -> list[QueueStatus]:
    """Every queue once, as its leader's broker sees it, else as the first running broker does."""
    seen: dict[tuple[str, str], QueueStatus] = {}
    for view in all_views:
        for queue in view.broker.queues if view.broker else ():
            key = (queue.vhost, queue.name)
            if key not in seen or queue.leader == view.node:
                seen[key] = queue
    return [seen[key] for key in sorted(seen)]


def label(vhost: str, name: str) -> str:
    """A queue's or exchange's name, with its vhost where that is not the default one."""
    return name if vhost == "/" else f"{vhost}: {name}"


def listed(names: Iterable[str]) -> str:
    """Names in order, or `none`."""
    return ", ".join(sorted(names)) or "none"
