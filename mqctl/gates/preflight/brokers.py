"""A broker that is there already: mqctl's own, a blank one, or somebody else's cluster."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.gates.evidence import listed
from mqctl.gates.preflight.evidence import Check, Subject
from mqctl.gates.preflight.ports import written_broker
from mqctl.model.preflight import CheckResult
from mqctl.model.status import BrokerStatus
from mqctl.model.topology import Topology


def foreign_cluster(subject: Subject) -> Iterator[CheckResult]:
    """The host's broker is a member of no cluster but the inventory's."""
    broker = subject.status.broker
    if subject.host.broker is None or broker is None:
        return
    check, own = subject.check("cluster"), written_broker(subject)
    if subject.status.waits:
        yield check.passes("waits for the shared data directory")
    elif broker.running:
        yield _running(check, _cluster(subject), broker, own)
    elif broker.error and not broker.node:
        yield check.unknown(broker.error)
    elif broker.blank:
        yield check.passes("no broker has run here")
    elif own:
        yield check.passes("mqctl's own broker, stopped")
    else:
        yield check.warns(
            "a broker that mqctl did not set up has data here, and does not run",
            "start it and look, or empty its node database when its data may go",
        )


def _running(check: Check, cluster: Topology, broker: BrokerStatus, own: bool) -> CheckResult:
    nodes = {host.broker.node for host in cluster.brokers if host.broker}
    strangers = set(broker.members) - nodes
    name = broker.cluster_name or ""
    if name != cluster.cluster_name and (strangers or not _default(name, broker)):
        beside = f" with {listed(strangers)}" if strangers else ""
        return check.fails(
            f"expected cluster {cluster.cluster_name} or none, got a member of {name or 'one without a name'}"
            f"{beside}",
            "is it the right host? a deploy would change that cluster",
        )
    if strangers:
        return check.warns(
            f"a member with {listed(strangers)}, which the inventory does not name", "a deploy asks about it"
        )
    if name != cluster.cluster_name and not own:
        count = len(broker.queues)
        held = f"{count or 'no'} queue{'' if count == 1 else 's'}"
        return check.warns(
            f"a broker that mqctl did not set up runs here, with {held}: a deploy takes it over"
        )
    return check.passes(f"a member of {name}")


def _default(name: str, broker: BrokerStatus) -> bool:
    """Unless somebody names it, a cluster is called after its first node, with that host's domain."""
    return not name or any(name == node or name.startswith(f"{node}.") for node in broker.members)


def _cluster(subject: Subject) -> Topology:
    mine = [one for one in subject.site.clusters if subject.host.name in {host.name for host in one.brokers}]
    return mine[0]
