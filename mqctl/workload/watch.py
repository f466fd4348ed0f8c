"""Looks at the system while clients work: where the queues live, which brokers run, who holds the VIP.

One thread for each thing to ask, so that a host that does not answer delays only what is known of itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from mqctl.errors import MqctlError
from mqctl.model.history import Event, NodesSeen, QueueSeen
from mqctl.workload.api import Api
from mqctl.workload.holding import Holding
from mqctl.workload.journal import Journal

_EVERY = 0.25
"""Seconds between two looks: how exact the times of moves are."""


class Watch:
    """Writes an observation into the history when it differs from the one before."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._last: dict[str, Event] = {}
        self._lock = threading.Lock()

    def queue(self, api: Api, queue: str, hosts: Mapping[str, str]) -> None:
        """Watches a queue; `hosts` has the host name of each node name."""
        self._start(partial(self._see_queue, api, queue, hosts))

    def nodes(self, api: Api, hosts: Mapping[str, str]) -> None:
        """Watches which brokers run."""
        self._start(partial(self._see_nodes, api, hosts))

    def active(self, queues: Sequence[str], lead: Callable[[], str | None]) -> None:
        """Watches which broker of a warren has the queues' clients; None: the entrance leads nowhere."""
        self._start(partial(self._see_active, tuple(queues), lead))

    def alone(self, apis: Mapping[str, Api]) -> None:
        """Watches brokers that stay apart, by host: each is asked itself."""
        running: dict[str, bool] = {}
        for host, api in apis.items():
            self._start(partial(self._see_alone, tuple(apis), running, host, api))

    def holders(self, routers: Sequence[str], holds: Callable[[str], bool]) -> None:
        """Watches the VIP; `holds` raises MqctlError for a router that does not answer."""
        holding = Holding(tuple(routers))
        for router in routers:
            self._start(partial(self._see_holder, holding, router, holds))

    def stop(self) -> None:
        """Returns when no look is under way any more."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _start(self, look: Callable[[], None]) -> None:
        def looking() -> None:
            while not self._stop.wait(_EVERY):
                look()

        thread = threading.Thread(target=looking, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _see_queue(self, api: Api, queue: str, hosts: Mapping[str, str]) -> None:
        seen = api.queue(queue)
        if seen is None:
            return

        def names(nodes: Sequence[str]) -> tuple[str, ...]:
            return tuple(sorted(hosts.get(node, node) for node in nodes))

        self._write(
            queue,
            QueueSeen(
                queue=queue,
                leader=hosts.get(seen.leader, seen.leader) if seen.leader else None,
                mirrors=names(seen.mirrors),
                synchronised=names(seen.synchronised),
            ),
        )

    def _see_nodes(self, api: Api, hosts: Mapping[str, str]) -> None:
        running = api.running()
        if running is None:
            return
        names = {node: hosts.get(node, node) for node in running}
        self._write(
            "nodes",
            NodesSeen(
                running=tuple(sorted(name for node, name in names.items() if running[node])),
                stopped=tuple(sorted(name for node, name in names.items() if not running[node])),
            ),
        )

    def _see_active(self, queues: tuple[str, ...], lead: Callable[[], str | None]) -> None:
        leader = lead()
        for queue in queues:
            self._write(queue, QueueSeen(queue=queue, leader=leader))

    def _see_alone(self, hosts: tuple[str, ...], known: dict[str, bool], host: str, api: Api) -> None:
        answered = api.running() is not None
        with self._lock:
            known[host] = answered
            if len(known) == len(hosts):
                running = tuple(name for name in hosts if known[name])
                stopped = tuple(name for name in hosts if not known[name])
                self._write("nodes", NodesSeen(running=running, stopped=stopped))

    def _see_holder(self, holding: Holding, router: str, holds: Callable[[str], bool]) -> None:
        with self._lock:
            holding.ask(router)
        try:
            answer: bool | None = holds(router)
        except MqctlError:
            answer = None
        with self._lock:
            for event in holding.answer(router, answer, time.monotonic(), time.time()):
                self._write("holders", event)

    def _write(self, kind: str, event: Event) -> None:
        """Only news."""
        before = self._last.get(kind)
        if before is None or before.model_copy(update={"t": event.t, "w": event.w}) != event:
            self._last[kind] = event
            self._journal.write(event)
