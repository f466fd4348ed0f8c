"""One data directory for several brokers: the same everywhere, one broker on it, everybody else waiting."""

from __future__ import annotations

from mqctl.gates.evidence import WAITS, Gate, exactly_one, listed, silence
from mqctl.model.gate import GateResult
from mqctl.model.status import ClusterStatus, HostStatus
from mqctl.model.topology import Host, Topology


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All of this module's gates; none where each broker has a data directory of its own."""
    if topology.shared_dir is None:
        return []
    return [
        one_serves(topology, status),
        *standbys(topology, status),
        *directories(topology, status),
        one_directory(topology, status),
    ]


def one_serves(topology: Topology, status: ClusterStatus) -> GateResult:
    """Exactly one broker runs on it: two would destroy each other's data."""
    gate = Gate("one broker serves", topology.cluster_name, "exactly 1 broker on the data directory")
    names = [host.name for host in topology.brokers]
    running = [name for name in names if _runs(status.host(name))]
    return exactly_one(gate, "broker", running, [name for name in names if silence(status, name)])


def standbys(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Every broker that does not serve waits for its turn."""
    return [_stands_by(host, status) for host in topology.brokers if not _runs(status.host(host.name))]


def _stands_by(host: Host, status: ClusterStatus) -> GateResult:
    gate = Gate("standby", host.name, WAITS)
    answer = status.host(host.name)
    why = silence(status, host.name)
    if why is not None or answer is None:
        return gate.unknown(why or "")
    if answer.waits:
        return gate.equals(WAITS)
    broker = answer.broker
    return gate.says(False, (broker.error if broker else None) or "the broker does not run")


def directories(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """On every host the directory is a mount that the broker's user can write to."""
    return [_directory(host, topology, status) for host in topology.brokers]


def _directory(host: Host, topology: Topology, status: ClusterStatus) -> GateResult:
    gate = Gate("shared directory", f"{topology.shared_dir} on {host.name}", "mounted, writable by rabbitmq")
    why = silence(status, host.name)
    answer = status.host(host.name)
    if why is not None or answer is None or answer.shared is None:
        return gate.unknown(why or "the host did not tell")
    seen = answer.shared
    if not seen.exists:
        return gate.says(False, "does not exist")
    mounted = "mounted" if seen.mounted else "not a mount point"
    return gate.equals(f"{mounted}, {'writable' if seen.writable else 'not writable'} by rabbitmq")


def one_directory(topology: Topology, status: ClusterStatus) -> GateResult:
    """The lock is the same file on all hosts: two locks would let two brokers in."""
    gate = Gate("one directory", str(topology.shared_dir), "the same lock on every host")
    answers = [(host.name, status.host(host.name)) for host in topology.brokers]
    locks = {name: answer.shared.identity for name, answer in answers if answer and answer.shared}
    mute = [name for name, _ in answers if not locks.get(name)]
    if len({lock for lock in locks.values() if lock}) > 1:
        return gate.says(False, f"different ones on {listed(name for name in locks if locks[name])}")
    if mute:
        return gate.unknown(f"no lock seen on {listed(mute)}")
    return gate.equals("the same lock on every host")


def _runs(answer: HostStatus | None) -> bool:
    return bool(answer and answer.broker and answer.broker.running)
