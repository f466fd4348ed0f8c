"""One scenario: load, fault, heal, recover, finish, drain; everything into one history."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

from mqctl.faults import targets
from mqctl.faults.targets import Rounds
from mqctl.gates.wait import DeadlineError, wait
from mqctl.model import history
from mqctl.model.scenario import Scenario
from mqctl.model.workload import PREFIX, Patience, WorkloadSettings
from mqctl.verdict import tested
from mqctl.verdict.bounds import bounds
from mqctl.workflows.clients import Clients
from mqctl.workflows.damage import Damage
from mqctl.workflows.stage import Stage
from mqctl.workload.journal import Journal, Tail
from mqctl.workload.queues import BrokerUnreachableError
from mqctl.workload.tally import Tally
from mqctl.workload.watch import Watch

_START = 30.0
"""Seconds until every publisher must have its first confirms."""
_BASELINE = 3.0
"""Seconds under load before the fault: what normal looks like."""
_INJECT = 900.0
"""Seconds for a fault to be injected: a rolling restart takes its time."""
_EFFECT = 20.0
"""Seconds within which a fault must show."""
_AFTER = 3.0
"""Seconds under load after recovery."""
RECOVER = 300.0
"""Seconds until every gate must pass again: a broker's boot, and its mirrors' synchronisation."""
_RETURN = 30.0
"""Seconds for a router that preempts to take the VIP back: its boot, and an election."""
_FINISH = 60.0
"""Seconds for publishers to learn the fate of everything they sent."""
_DRAIN = 120.0
"""Seconds for the queues to empty."""
_QUIET = 20.0
"""Seconds without a delivery from empty queues after which what has not arrived is lost: more than the broker
takes to notice a dead consumer (two heartbeats of 5 s, checked every half) and deliver its messages again."""
_LOOK = 0.25
T = TypeVar("T")


@dataclass(frozen=True)
class Live:
    """What a person wants to see while it runs."""

    scenario: str
    tally: Tally
    rate: float
    """Confirms per second since the last look."""
    gap: float
    """Seconds since the publisher that waits longest had a confirm."""
    broken: str


Report = Callable[[Live], None]


class Run:
    """The clients, the watch and the history of one scenario."""

    def __init__(
        self,
        stage: Stage,
        scenario: Scenario,
        settings: WorkloadSettings,
        report: Report,
        asked: history.Asked | None = None,
    ) -> None:
        self._stage = stage
        self._asked = asked
        self._scenario = scenario
        self._settings = scenario.settings(settings)
        self._report = report
        self.path = stage.histories / f"{stage.run}-{scenario.name}.ndjson"
        self._journal = Journal(self.path)
        self._tail = Tail(self.path)
        self._tally = Tally()
        exchange = f"{PREFIX}{stage.run}.{scenario.name}"
        self._expect = scenario.expect
        self._clients = Clients(stage, self._settings, exchange, self.path)
        self._crew = self._clients.crew
        self._broken = ""
        self._looked = (time.monotonic(), 0)

    def play(self) -> Path:
        """The whole sequence; gives the history's path. What was broken is healed, whatever happens."""
        with ExitStack() as stack:
            stack.callback(self._close)
            stack.callback(self._clients.remove)
            self._clients.declare()
            rounds = self._stage.find(self._scenario.target, self._clients.queues[0])
            stack.callback(self._crew.stop)
            watch = Watch(self._journal)
            stack.callback(watch.stop)
            self._expect = targets.settled(self._scenario.expect, self._stage.topology, rounds[0][0])
            self._begin(watch)
            self._load(rounds)
            self._drain()
            watch.stop()
            self._journal.write(history.Ended())
        return self.path

    def _begin(self, watch: Watch) -> None:
        topology, clients = self._stage.home, self._clients
        self._journal.write(
            history.Started(
                run=self._stage.run,
                topology=topology.name,
                scenario=self._scenario.name,
                publishers=clients.publishers,
                consumers=clients.consumers,
                queues=clients.queues,
                rate=clients.rate,
                expect=self._expect,
                title=self._scenario.title,
                tested=tested.facts(topology, self._settings, self._stage.versions),
                routes=clients.routes,
                bounds=bounds(topology, self._scenario, self._settings, Patience()),
                asked=self._asked,
            )
        )
        self._stage.watch(watch, clients.queues)
        if self._settings.consume == "throughout":
            clients.consume()
            # first, so that a balancer that counts connections gives each broker some of them
            self._until(self._all_consume, _START, "every consumer's connection")
        clients.publish()
        self._until(self._all_confirmed, _START, "first confirms of every publisher")

    def _load(self, rounds: Rounds) -> None:
        began = time.monotonic()
        self._phase("load")
        self._for(_BASELINE)
        self._prepare()
        holders, active = self._tally.holders, self._tally.leader
        self._journal.write(self._break_all(rounds))
        if self._expect.vip_after == "returns":
            self._await(lambda: self._tally.holders == holders, _RETURN, "the VIP's return")
        if self._expect.broker_after == "returns":
            self._await(lambda: self._tally.leader == active, _RETURN, "the clients' return")
        self._phase("after")
        self._for(max(_AFTER, began + self._settings.duration - time.monotonic()))
        if self._stage.apart:
            self._see_consumers()
        self._phase("finish")

    def _see_consumers(self) -> None:
        """Where they are once those that were cut off are back; who is split between brokers stays so."""
        seen: Mapping[str, int] = {}

        def gathered() -> bool:
            nonlocal seen
            try:
                seen = self._stage.consumers(self._clients.queues)
            except BrokerUnreachableError:
                return False
            return sorted(seen.values()) == [*[0] * (len(seen) - 1), len(self._clients.consumers)]

        self._await(gathered, _RETURN, "the consumers' return")
        if seen:
            self._journal.write(history.ConsumersSeen(brokers=seen))

    def _prepare(self) -> None:
        """What the scenario wants to have happened right before the fault."""
        late = self._settings.policy_before_fault
        if late:
            self._clients.set_policy(late)
            api, (queue, *_) = self._stage.api(), self._clients.queues
            self._until(lambda: bool((seen := api.queue(queue)) and seen.mirrors), _EFFECT, "the new mirrors")
        if self._settings.consume == "from-fault":
            self._clients.consume()
            self._until(lambda: self._tally.delivered > 0, _START, "a first delivery")

    def _break_all(self, rounds: Rounds) -> history.Recovered:
        """One round after the other, as long as the cluster recovers in between."""
        problem = ""
        for number, group in enumerate(rounds):
            with self._fault(group):
                if number == 0 and self._settings.consume == "from-effect":
                    self._clients.consume()
                self._for(self._scenario.hold)
            if number == 0 and self._settings.consume == "after-healing":
                self._clients.consume()
            problem = self._recover()
            if problem:
                break
        return history.Recovered(healthy=not problem, detail=problem)

    @contextmanager
    def _fault(self, group: tuple[str, ...]) -> Iterator[None]:
        """Broken inside, healed after; the list of what is broken is on disc in between."""
        name = self._scenario.fault
        faults = self._stage.faults(name, group, self._scenario.hold)
        damage = Damage(name, faults, self._stage.broken, self._journal)
        self._phase("fault")
        self._broken = f"{name} {', '.join(group)}"
        try:
            damage.announce()
            self._aside(damage.inject, _INJECT, "the fault")
            for host in damage.hosts:
                self._await(partial(damage.seen, host), _EFFECT, "the fault's effect")
            yield
        finally:
            self._phase("heal")
            damage.heal()
            self._broken = ""

    def _await(self, check: Callable[[], bool], timeout: float, what: str) -> bool:
        """Whether it came true in time; what that means is the verdict's affair."""
        try:
            self._until(check, timeout, what)
        except DeadlineError:
            return False
        return True

    def _recover(self) -> str:
        """Gates again and again, while the load goes on; gives the gate that does not pass in the end."""
        self._phase("recover")
        problem = ""

        def healthy() -> bool:
            nonlocal problem
            problem = self._aside(self._stage.problem, RECOVER, "the gates' answer")
            return not problem

        try:
            wait(healthy, timeout=RECOVER, interval=1, what="recovery")
        except DeadlineError:
            return problem
        return ""

    def _aside(self, work: Callable[[], T], timeout: float, what: str) -> T:
        """Works in a thread, and looks at the clients meanwhile."""
        with ThreadPoolExecutor(1) as thread:
            asked = thread.submit(work)
            self._until(asked.done, timeout, what)
        return asked.result()

    def _drain(self) -> None:
        self._crew.finish(self._clients.publishers, _FINISH)
        self._phase("drain")
        self._clients.collect()
        left: int | None = None

        def empty() -> bool:
            nonlocal left
            try:
                left = self._clients.left()
            except BrokerUnreachableError:
                left = None
            quiet = time.monotonic() - max(self._tally.last_delivery, finished) > _QUIET
            return left == 0 and (quiet or not self._tally.on_their_way)

        finished = time.monotonic()
        complete = self._await(empty, _DRAIN, "empty queues")
        self._crew.finish((*self._clients.consumers, *self._clients.collectors), _FINISH)
        self._journal.write(history.Drained(complete=complete, left=left))

    def _all_consume(self) -> bool:
        return self._tally.connected >= {*self._clients.consumers}

    def _all_confirmed(self) -> bool:
        return len(self._tally.last_confirm) == len(self._clients.publishers)

    def _phase(self, name: history.PhaseName) -> None:
        self._journal.write(history.Phase(name=name))

    def _for(self, seconds: float) -> None:
        """Goes on looking for that long."""
        end = time.monotonic() + seconds
        self._until(lambda: time.monotonic() >= end, seconds + _LOOK, "the load")

    def _until(self, check: Callable[[], bool], timeout: float, what: str) -> None:
        def looked() -> bool:
            self._look()
            return check()

        wait(looked, timeout=timeout, interval=_LOOK, what=what)

    def _look(self) -> None:
        self._crew.check()
        self._tally.feed(self._tail.read())
        now, (before, confirmed) = time.monotonic(), self._looked
        if now - before < _LOOK:
            return
        self._looked = (now, self._tally.confirmed)
        waiting = [now - t for t in self._tally.last_confirm.values()]
        rate = (self._tally.confirmed - confirmed) / (now - before)
        self._report(Live(self._scenario.name, self._tally, rate, max(waiting, default=0), self._broken))

    def _close(self) -> None:
        self._tail.close()
        self._journal.close()
