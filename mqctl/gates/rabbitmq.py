"""The brokers: running, one cluster of one version, whole, without alarms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from mqctl.gates.evidence import Gate, View, listed, silence, views
from mqctl.model.gate import GateResult
from mqctl.model.status import BrokerStatus, ClusterStatus
from mqctl.model.topology import Topology
from mqctl.model.versions import ERLANG, line_of, number


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All of this module's gates."""
    gates = (
        running,
        membership,
        peers_running,
        one_version,
        version_line,
        erlang_pair,
        node_types,
        cluster_name,
        partitions,
        alarms,
        plugins,
        feature_flags,
        maintenance,
    )
    return [result for gate in gates for result in gate(topology, status)]


def running(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Every broker of the inventory runs. One that says that it does not fails, silence is unknown."""
    return [_runs(view, status) for view in views(topology, status)]


def _runs(view: View, status: ClusterStatus) -> GateResult:
    gate = Gate("broker running", view.node, "running")
    if view.broker is not None:
        return gate.equals("running")
    answer = status.host(view.host.name)
    broker = answer.broker if answer else None
    if silence(status, view.host.name) or broker is None or (broker.error and not broker.node):
        return gate.unknown(view.why)
    return gate.says(False, view.why)


def membership(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Each broker knows exactly the inventory's brokers as members: a second cluster shows here."""
    return _each(topology, status, "membership", _nodes(topology), lambda broker: listed(broker.members))


def peers_running(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Each broker sees every member running: one that is cut off shows here."""
    return _each(
        topology, status, "running members", _nodes(topology), lambda broker: listed(broker.running_members)
    )


def one_version(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """All brokers run the same RabbitMQ."""
    gate = Gate("one version", topology.cluster_name, "the same version on every broker")
    all_views = views(topology, status)
    versions = Counter(view.broker.version for view in all_views if view.broker and view.broker.version)
    got = ", ".join(f"{version} on {count}" for version, count in sorted(versions.items()))
    if len(versions) > 1:
        return [gate.says(False, got)]
    if sum(versions.values()) < len(all_views) or not versions:
        return [gate.unknown(f"{got or 'no version'}, the other brokers are not known")]
    return [gate.says(True, got)]


def version_line(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """The packages are of the line that the inventory says, where it says one."""
    results = []
    for view in views(topology, status):
        line = view.host.broker.settings.version if view.host.broker else None
        if line is None:
            continue
        gate = Gate("version", view.node, f"{line}.x")
        if view.broker is None or view.broker.version is None:
            results.append(gate.unknown(view.why or "the broker does not tell its version"))
        else:
            results.append(gate.says(view.broker.version.startswith(f"{line}."), view.broker.version))
    return results


def erlang_pair(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Each broker runs on an Erlang that its RabbitMQ line is made for."""
    return [_runs_on(view) for view in views(topology, status)]


def _runs_on(view: View) -> GateResult:
    gate = Gate("erlang", view.node, "an Erlang that its RabbitMQ line is made for")
    if view.broker is None or view.broker.version is None or view.broker.erlang is None:
        return gate.unknown(view.why or "the broker does not tell its versions")
    line = line_of(view.broker.version)
    pair = ERLANG.get(number(line))
    if pair is None:
        return gate.skipped(f"nothing is known of RabbitMQ {line}")
    oldest, newest = pair
    fits = oldest <= int(view.broker.erlang.split(".")[0]) <= newest
    expected = f"Erlang {oldest}" if oldest == newest else f"Erlang {oldest} to {newest}"
    return Gate(gate.name, gate.subject, f"{expected} for RabbitMQ {line}").says(fits, view.broker.erlang)


def node_types(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Each broker is the disc or RAM node that the inventory says."""
    results = []
    for view in views(topology, status):
        assert view.host.broker is not None
        gate = Gate("node type", view.node, view.host.broker.settings.node_type)
        results.append(gate.equals(node_type(view.broker)) if view.broker else gate.unknown(view.why))
    return results


def node_type(broker: BrokerStatus) -> str:
    """What a broker says it is itself."""
    if broker.node in broker.ram_members:
        return "ram"
    return "disc" if broker.node in broker.disc_members else "no member"


def cluster_name(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """The cluster carries the inventory's name for it."""
    return _each(
        topology, status, "cluster name", topology.cluster_name, lambda broker: broker.cluster_name or "none"
    )


def partitions(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """No broker says that it was partitioned from another."""
    return _each(
        topology,
        status,
        "partitions",
        "none",
        lambda broker: listed(node for apart in broker.partitions.values() for node in apart),
    )


def alarms(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """No memory, disc or file descriptor alarm: publishers would be blocked."""
    return _each(topology, status, "alarms", "none", lambda broker: listed(broker.alarms))


def plugins(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Every plugin of the inventory runs; what else runs with them is theirs."""
    results = []
    for view in views(topology, status):
        assert view.host.broker is not None
        wanted = set(view.host.broker.settings.plugins)
        gate = Gate("plugins", view.node, listed(wanted))
        if view.broker is None:
            results.append(gate.unknown(view.why))
        else:
            results.append(gate.equals(listed(wanted & set(view.broker.enabled_plugins))))
    return results


def feature_flags(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """Every stable feature flag is enabled: newer lines do not boot without them (guide "Feature Flags")."""
    return [_flags(view) for view in views(topology, status)]


def _flags(view: View) -> GateResult:
    assert view.host.broker is not None
    gate = Gate("feature flags", view.node, "every stable one enabled")
    if view.host.broker.settings.feature_flags:
        return gate.skipped("the inventory chooses them in rabbitmq_environment")
    if view.broker is None:
        return gate.unknown(view.why)
    disabled = listed(view.broker.disabled_flags)
    if view.broker.disabled_flags:
        return gate.says(False, f"disabled: {disabled} (`rabbitmqctl enable_feature_flag NAME` enables one)")
    return gate.equals(gate.expected)


def maintenance(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """No broker was left drained."""
    return _each(
        topology,
        status,
        "maintenance",
        "in service",
        lambda broker: "under maintenance" if broker.maintenance else "in service",
    )


def _nodes(topology: Topology) -> str:
    return listed({host.broker.node for host in topology.brokers if host.broker})


def _each(
    topology: Topology, status: ClusterStatus, name: str, expected: str, read: Callable[[BrokerStatus], str]
) -> list[GateResult]:
    """One result per broker: what it says must be what is expected, word for word."""
    results = []
    for view in views(topology, status):
        gate = Gate(name, view.node, expected)
        results.append(gate.equals(read(view.broker)) if view.broker else gate.unknown(view.why))
    return results
