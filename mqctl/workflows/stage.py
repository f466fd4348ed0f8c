"""Where failover tests play: the cluster with its accounts, the ways to its hosts, its gates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from mqctl.errors import InconclusiveError, UsageError
from mqctl.faults import catalogue, targets
from mqctl.faults.base import Fault, Place, Reach
from mqctl.faults.broken import Broken
from mqctl.gates import cluster
from mqctl.inventory import VaultOptions
from mqctl.model.bundle import HostBundle
from mqctl.model.gate import GateResult, overall
from mqctl.model.links import Parameter
from mqctl.model.scenario import FaultName, Target
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Host, Topology
from mqctl.model.workload import PREFIX, Account, Endpoint
from mqctl.probe.entrance import cluster_behind
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.management import management, password
from mqctl.workflows.reach import reach, shell
from mqctl.workload import queues
from mqctl.workload.api import Api
from mqctl.workload.policy import clear_policy
from mqctl.workload.shovel import clear_shovel
from mqctl.workload.watch import Watch

_CONNECT = 2.0
"""Seconds for each step of an SSH login while hosts are broken on purpose."""


@dataclass
class Stage:
    """One topology under test. `hosts` and `watchers` are two pools: watching never waits for faults."""

    topology: Topology
    run: str
    histories: Path
    hosts: Hosts
    watchers: Hosts
    vault: VaultOptions = field(default_factory=VaultOptions)
    leftovers: list[str] = field(default_factory=list)
    """Queues that could not be removed."""

    @cached_property
    def account(self) -> Account:
        """The client user, through the VIP when there is one, else any broker."""
        broker = self._first.broker
        assert broker is not None
        return Account(
            endpoints=self._entrance(self._amqp),
            user=broker.settings.client_user,
            password=password(self.topology, broker.settings.client_user),
            authorities=self.topology.trusted,
        )

    @cached_property
    def accounts(self) -> Mapping[str, Account]:
        """Where each cluster is asked: the entrance, or in a warren each broker itself, by cluster name."""
        clusters = self.topology.clusters
        if len(clusters) == 1:
            return {clusters[0].cluster_name: self.account}
        return {
            one.cluster_name: self.account.model_copy(update={"endpoints": _direct(one)}) for one in clusters
        }

    @property
    def apart(self) -> Mapping[str, str]:
        """The brokers' hosts by cluster name where each broker is a cluster of its own, else none."""
        own = not self.topology.site.clustered and not self.topology.shared_dir
        clusters = self.topology.clusters if own else ()
        return {one.cluster_name: one.brokers[0].name for one in clusters}

    @property
    def reader(self) -> Account:
        """Who consumes, and where."""
        return self.account

    @property
    def home(self) -> Topology:
        """The site whose clients are judged."""
        return self.topology

    @property
    def policies(self) -> Mapping[str, Mapping[str, str | int]]:
        """What a run's queues need besides the workload's own policy, by cluster name."""
        return {}

    @property
    def shovels(self) -> Mapping[str, Parameter]:
        """The shovel that moves a run's queues as it moves its own, by cluster name."""
        return {}

    @cached_property
    def broken(self) -> Broken:
        """The list of what is broken."""
        return Broken(self.topology.state_dir)

    @cached_property
    def reach(self) -> Reach:
        """The ways to the hosts."""
        return reach(self.topology, self.hosts, self.vault, self._probe)

    @cached_property
    def versions(self) -> Mapping[str, Mapping[str, str]]:
        """What runs where, by program and host."""
        hosts = self._probe().hosts
        found = {
            "RabbitMQ": {host.host: host.broker.version for host in hosts if host.broker},
            "Erlang": {host.host: host.broker.erlang for host in hosts if host.broker},
            "HAProxy": {host.host: host.haproxy.version for host in hosts if host.haproxy},
        }
        return {
            program: {host: version for host, version in by_host.items() if version}
            for program, by_host in found.items()
        }

    def gates(self) -> list[GateResult]:
        """What the gates say now."""
        return cluster.judge(self.topology, self._probe())

    def problem(self) -> str:
        """The first gate that does not pass, as a sentence; empty when all do."""
        results = self.gates()
        if overall(results) == "pass":
            return ""
        bad = [result for result in results if result.outcome in ("fail", "unknown")]
        return (
            f"{bad[0].gate} of {bad[0].subject}: expected {bad[0].expected}, got {bad[0].got}"
            if bad
            else "no gate could be asked"
        )

    def clean(self) -> None:
        """Removes what interrupted tests left in the cluster."""
        self.clear_shovels()
        brokers = [host.broker for host in self._probe().hosts if host.broker]
        for queue in sorted(
            {q.name for broker in brokers for q in broker.queues if q.name.startswith(PREFIX)}
        ):
            for account in self.accounts.values():
                queues.remove(account, queue.rpartition(".")[0], (queue,))
        for api in self.apis():
            for name in api.policies():
                if name.startswith(PREFIX):
                    clear_policy(api, name)

    def clear_shovels(self) -> None:
        """Removes the shovels that interrupted tests left in any of the clusters."""
        for api in self.apis():
            for name in api.shovels():
                if name.startswith(PREFIX):
                    clear_shovel(api, name)

    def find(self, target: Target, queue: str) -> targets.Rounds:
        """The hosts to break something on, round by round."""
        if target != "active-broker":
            return targets.find(target, self.topology, self._probe(), queue)
        active = self.active()
        if active is None:
            raise InconclusiveError(
                "active-broker: the entrance leads to no broker", "`mqctl verify` says why"
            )
        return ((active,),)

    def active(self) -> str | None:
        """The broker of a warren that the entrance leads to; None: to nobody.

        Brokers that share a data directory all say the same name: the one that greets is it.
        """
        if self.topology.shared_dir:
            return next(iter(greeting(self.topology)), None)
        where = self.account.endpoints[0]
        return self.apart.get(cluster_behind(where.host, where.port, self.topology.trusted) or "")

    def consumers(self, names: tuple[str, ...]) -> Mapping[str, int]:
        """The queues' consumers by host where brokers stay apart; raises BrokerUnreachableError."""
        return {host: queues.consumers(self.accounts[one], names) for one, host in self.apart.items()}

    def faults(self, name: FaultName, group: tuple[str, ...], hold: float = 0.0) -> dict[str, Fault]:
        """The fault for each host of a group, or one that stands for all of them."""
        hosts = group[:1] if name in catalogue.AS_ONE else group
        return {
            host: catalogue.make(name, self.reach, Place(self.topology, host, group, hold)) for host in hosts
        }

    def watch(self, watch: Watch, queues: Sequence[str]) -> None:
        """Sets everything under watch that this topology has."""
        if self.apart:
            watch.active(queues, self.active)
            watch.alone(dict(zip(self.apart.values(), self.apis(), strict=True)))
        elif self.topology.shared_dir:
            watch.active(queues, self.active)
            watch.alone({host.name: management(_only(self.topology, host)) for host in self.topology.brokers})
        else:
            self._watch_cluster(watch, queues)
        routers = [host.name for host in self.topology.routers]
        if routers:
            watch.holders(routers, self._holds)

    def _watch_cluster(self, watch: Watch, queues: Sequence[str]) -> None:
        nodes = {host.broker.node: host.name for host in self.topology.brokers if host.broker}
        for queue in queues:
            watch.queue(self.api(), queue, nodes)
        watch.nodes(self.api(), nodes)

    @cached_property
    def _first(self) -> Host:
        if not self.topology.brokers:
            raise UsageError(f"{self.topology.name} has no brokers", "put hosts into the group rabbitmq")
        return self.topology.brokers[0]

    def apis(self) -> list[Api]:
        """Each cluster's management API."""
        return [management(cluster) for cluster in self.topology.clusters]

    def api(self) -> Api:
        """The management API of whichever broker answers, for one thread."""
        return management(self.topology)

    def _holds(self, router: str) -> bool:
        vip = self.topology.virtual_address
        return bool(shell(self.watchers, router, f"ip -o address show to {vip}", _CONNECT).strip())

    def _probe(self) -> ClusterStatus:
        return probe(self.topology, self._bundles, pool=self.hosts)

    @cached_property
    def _bundles(self) -> Mapping[str, HostBundle]:
        return render(self.topology)

    @cached_property
    def _amqp(self) -> int | None:
        balancer = next((host.haproxy for host in self.topology.balancers), None)
        return self.topology.amqp(balancer.amqp_port) if balancer else None

    def _entrance(self, port: int | None) -> tuple[Endpoint, ...]:
        vip = self.topology.virtual_address
        if vip and port:
            return (Endpoint(host=str(vip), port=port),)
        return _direct(self.topology)


def greeting(topology: Topology) -> list[str]:
    """The hosts whose brokers answer AMQP now, in the inventory's order; all are asked at once."""
    brokers = [(host.name, host.broker) for host in topology.brokers if host.broker]
    with ThreadPoolExecutor(len(brokers)) as pool:
        asked = [
            (
                name,
                pool.submit(
                    cluster_behind, str(broker.listens), topology.amqp(broker.settings.port), topology.trusted
                ),
            )
            for name, broker in brokers
        ]
    return [name for name, answer in asked if answer.result()]


def _only(topology: Topology, broker: Host) -> Topology:
    """One broker of several that are one cluster, to be asked itself."""
    return topology.model_copy(update={"hosts": (broker,)})


def _direct(topology: Topology) -> tuple[Endpoint, ...]:
    """Every broker itself."""
    return tuple(
        Endpoint(host=str(host.address), port=topology.amqp(host.broker.settings.port))
        for host in topology.brokers
        if host.broker
    )
