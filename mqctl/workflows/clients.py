"""The queues and the clients of one scenario: made, started, finished, removed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mqctl.errors import MqctlError
from mqctl.model.history import Routes
from mqctl.model.workload import Account, ClientSpec, WorkloadSettings
from mqctl.workflows.stage import Stage
from mqctl.workload import queues
from mqctl.workload.api import Api
from mqctl.workload.crew import Crew
from mqctl.workload.policy import clear_policy, set_policy
from mqctl.workload.shovel import clear_shovel, set_shovel


class Clients:
    """Publishers and a consumer for each queue, all writing into one history."""

    def __init__(self, stage: Stage, settings: WorkloadSettings, exchange: str, journal: Path) -> None:
        numbers = range(1, settings.queues + 1)
        self.queues = tuple(f"{exchange}.{number}" for number in numbers)
        self.publishers = settings.names
        self.consumers = tuple(f"c{number}" for number in numbers)
        self.collectors: tuple[str, ...] = ()
        """Consumers that came last, and not through the entrance."""
        self.rate = settings.rate and settings.rate / len(self.publishers)
        """Messages per second of each publisher; None: as fast as it goes."""
        self.crew = Crew()
        self._stage = stage
        self._settings = settings
        self._exchange = exchange
        self._journal = journal

    @property
    def routes(self) -> Routes:
        """The queues that each publisher's messages go to."""
        return queues.routes(self.queues, self._settings)

    def declare(self) -> None:
        """The policy before the queues, so that they are never anything else; shovels between them last."""
        if self._settings.queue_policy:
            self.set_policy(self._settings.queue_policy)
        for cluster, definition in self._stage.policies.items():
            set_policy(self._apis[cluster], self._exchange, definition)
        for account in self._stage.accounts.values():
            queues.declare(account, self._exchange, self.queues, self._settings)
        for cluster, shovel in self._stage.shovels.items():
            for queue in self.queues:
                set_shovel(self._apis[cluster], queue, shovel)

    def set_policy(self, definition: Mapping[str, str | int]) -> None:
        """In place of what the queues had."""
        for api in self._stage.apis():
            set_policy(api, self._exchange, definition)

    def publish(self) -> None:
        """Starts the publishers."""
        kind = self._settings.exchange_type
        for name in self.publishers:
            queue = self.routes[name][0]
            key = queues.routing_key(kind, queue, name)
            self.crew.start("publisher", self._spec(name, queue, key, self._account))

    def consume(self) -> None:
        """Starts the consumers."""
        for name, queue in zip(self.consumers, self.queues, strict=True):
            self.crew.start("consumer", self._spec(name, queue, "", self._at(self._stage.reader)))

    def collect(self) -> None:
        """Where brokers stay apart: consumers at each, for what lies where the entrance does not lead."""
        for cluster, host in self._stage.apart.items():
            for name, queue in zip(self.consumers, self.queues, strict=True):
                own = f"{name}-{host}"
                self.crew.start("consumer", self._spec(own, queue, "", self._stage.accounts[cluster]))
                self.collectors += (own,)

    def left(self) -> int:
        """Messages ready in all the queues; raises BrokerUnreachableError."""
        return sum(queues.depth(account, self.queues) for account in self._stage.accounts.values())

    def remove(self) -> None:
        """What cannot be removed now has a name that says what it is; the next test removes it."""
        for cluster in self._stage.shovels:
            for queue in self.queues:
                clear_shovel(self._apis[cluster], queue)
        try:
            for account in self._stage.accounts.values():
                queues.remove(account, self._exchange, self.queues)
            for cluster in self._stage.policies:
                clear_policy(self._apis[cluster], self._exchange)
            if self._settings.queue_policy or self._settings.policy_before_fault:
                for api in self._stage.apis():
                    clear_policy(api, self._exchange)
        except MqctlError:
            self._stage.leftovers.extend(self.queues)

    @property
    def _account(self) -> Account:
        """Where an application's clients connect."""
        return self._at(self._stage.account)

    @property
    def _apis(self) -> Mapping[str, Api]:
        clusters = (one.cluster_name for one in self._stage.topology.clusters)
        return dict(zip(clusters, self._stage.apis(), strict=True))

    def _at(self, account: Account) -> Account:
        chosen = self._settings.endpoints
        return account.model_copy(update={"endpoints": chosen}) if chosen else account

    def _spec(self, name: str, queue: str, key: str, account: Account) -> ClientSpec:
        return ClientSpec(
            name=name,
            run=self._stage.run,
            account=account,
            journal=self._journal,
            exchange=self._exchange,
            queue=queue,
            routing_key=key,
            settings=self._settings,
            rate=self.rate,
        )
