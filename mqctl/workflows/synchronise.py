"""What `mqctl queues sync` does: have queues copied to mirrors that have not caught up, and see it done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from mqctl.errors import EXIT, MqctlError, UsageError
from mqctl.gates.evidence import label, queues, views
from mqctl.gates.wait import DeadlineError, wait
from mqctl.model.audit import Changed
from mqctl.model.gate import Outcome
from mqctl.model.status import ClusterStatus, QueueStatus
from mqctl.model.topology import Topology
from mqctl.model.versions import FEATURES, has, line_of
from mqctl.workflows.alone import alone, everywhere
from mqctl.workflows.audit import audited
from mqctl.workflows.management import management
from mqctl.workflows.status import Reader
from mqctl.workload.api import Api

INTERVAL = 1.0
"""Seconds between two looks at the mirrors."""


@dataclass(frozen=True)
class Choice:
    """Which queues."""

    queue: str | None = None
    """Every one when None."""
    vhost: str | None = None
    """Every one when None; for a named queue the default one."""

    @property
    def options(self) -> list[str]:
        """As the command line has them."""
        given = (("--queue", self.queue), ("--vhost", self.vhost))
        return [part for name, value in given if value is not None for part in (name, value)]

    def takes(self, queue: QueueStatus) -> bool:
        """Whether it is among the chosen."""
        vhost = self.vhost or ("/" if self.queue else None)
        return self.queue in (None, queue.name) and vhost in (None, queue.vhost)


@dataclass(frozen=True)
class Row:
    """One queue whose mirrors were behind."""

    cluster: str
    vhost: str
    name: str
    mirrors: tuple[str, ...]
    behind: tuple[str, ...]
    """Mirrors that lack messages now."""
    before: tuple[str, ...]
    """Those that lacked some at first."""
    messages: int | None
    copied: int | None = None
    """How far the copying is, while it runs."""
    seconds: float | None = None
    """From the order until no mirror was behind; None: some still are."""
    refused: bool = False
    """No broker took the order."""

    @property
    def outcome(self) -> Outcome:
        """fail: a mirror is still behind."""
        return "fail" if self.behind else "pass"


@dataclass(frozen=True)
class Report:
    """How it ended."""

    topology: str
    rows: tuple[Row, ...]
    in_sync: int
    """Mirrored queues among the chosen that lacked nothing to begin with."""

    @property
    def outcome(self) -> Outcome:
        """Nothing to do is done."""
        return "fail" if any(row.outcome == "fail" for row in self.rows) else "pass"


Read = Callable[[], ClusterStatus]
Tell = Callable[[Sequence[Row]], None]


class Copying:
    """The unsynchronised queues of one cluster, from the order to the last look."""

    def __init__(self, cluster: Topology, choice: Choice, api: Api) -> None:
        self._cluster = cluster
        self._choice = choice
        self._api = api
        self._began = time.monotonic()
        self.rows: dict[tuple[str, str], Row] = {}
        self.in_sync = 0

    def begin(self, status: ClusterStatus) -> None:
        """Orders every copy that is wanted."""
        chosen = self._mirrored(status)
        for queue in chosen:
            if not behind(queue):
                self.in_sync += 1
                continue
            refused = not self._api.synchronise(queue.name, queue.vhost)
            self.rows[queue.vhost, queue.name] = Row(
                cluster=self._cluster.cluster_name,
                vhost=queue.vhost,
                name=queue.name,
                mirrors=queue.mirrors,
                behind=behind(queue),
                before=behind(queue),
                messages=queue.messages,
                refused=refused,
            )

    def look(self, status: ClusterStatus) -> bool:
        """Takes in what the brokers say now; whether no mirror is behind any more."""
        now = {(queue.vhost, queue.name): queue for queue in self._mirrored(status)}
        for key, row in self.rows.items():
            if row.seconds is None and key in now:
                self.rows[key] = self._seen(row, now[key])
        return not any(row.behind for row in self.rows.values())

    def _seen(self, row: Row, queue: QueueStatus) -> Row:
        lacking = behind(queue)
        return replace(
            row,
            mirrors=queue.mirrors,
            behind=lacking,
            messages=queue.messages,
            copied=self._api.copied(row.name, row.vhost) if lacking else None,
            seconds=None if lacking else round(time.monotonic() - self._began, 1),
            refused=row.refused and bool(lacking),
        )

    def _mirrored(self, status: ClusterStatus) -> list[QueueStatus]:
        """The chosen queues that have mirrors."""
        found = queues(views(self._cluster, status))
        return [
            queue
            for queue in found
            if queue.type == "classic" and queue.mirrors and self._choice.takes(queue)
        ]


def behind(queue: QueueStatus) -> tuple[str, ...]:
    """The mirrors that lack messages."""
    return tuple(sorted({*queue.mirrors} - {*queue.synchronised}))


def synchronise(topology: Topology, choice: Choice, patience: float, tell: Tell) -> Report:
    """Has every chosen queue copied, and waits `patience` seconds for it; `tell` hears each look.

    Raises UsageError on a line without mirroring and for a queue that does not exist, MqctlError when nobody
    can be asked or another run changes the hosts.
    """
    with audited("queues sync", choice.options) as account:
        account.open(topology.state_dir)
        with (
            alone(topology.state_dir, "queues sync") as turn,
            everywhere(topology, turn),
            Reader(topology) as reader,
        ):
            account.succeeds(turn)
            report = carry_out(topology, Order(choice, patience), reader.read, management, tell)
        account.changed = _copied(report, "pass")
        account.not_done = _copied(report, "fail")
        account.exit_code = EXIT[report.outcome]
    return report


def _copied(report: Report, outcome: Outcome) -> Changed:
    names = (label(row.vhost, row.name) for row in report.rows if row.outcome == outcome)
    return Changed(other=tuple(f"synchronise {name}" for name in names))


@dataclass(frozen=True)
class Order:
    """What is to be copied, and how many seconds are waited for it."""

    choice: Choice
    patience: float


def carry_out(
    topology: Topology, order: Order, read: Read, api: Callable[[Topology], Api], tell: Tell
) -> Report:
    """The same with the ways to ask and to order given; `api` is asked for each cluster's."""
    status = read()
    require_mirroring(topology, status)
    require_queue(topology, order.choice, status)
    copies = [Copying(cluster, order.choice, api(cluster)) for cluster in topology.clusters]
    for copying in copies:
        copying.begin(status)
    if _rows(copies):
        _follow(read, copies, order.patience, tell)
    return Report(topology.name, _rows(copies), sum(copying.in_sync for copying in copies))


def _follow(read: Read, copies: Sequence[Copying], patience: float, tell: Tell) -> None:
    def done() -> bool:
        try:
            status = read()
        except MqctlError:
            return False
        finished = [copying.look(status) for copying in copies]
        tell(_rows(copies))
        return all(finished)

    try:
        wait(done, timeout=patience, interval=INTERVAL, what="synchronised mirrors")
    except DeadlineError:
        return


def _rows(copies: Iterable[Copying]) -> tuple[Row, ...]:
    return tuple(row for copying in copies for row in copying.rows.values())


def require_mirroring(topology: Topology, status: ClusterStatus) -> None:
    """Raises UsageError when a broker runs a line that has no mirrors."""
    for view in views(topology, status):
        version = view.broker.version if view.broker else None
        line = line_of(version) if version else None
        if line and not has(line, "mirroring"):
            raise UsageError(
                f"{view.host.name} runs RabbitMQ {line}, which has no mirrors to synchronise",
                FEATURES["mirroring"].instead,
            )


def require_queue(topology: Topology, choice: Choice, status: ClusterStatus) -> None:
    """Raises UsageError when a queue was named and no running broker knows it, MqctlError when none runs."""
    told = [cluster for cluster in topology.clusters if any(view.broker for view in views(cluster, status))]
    if not told:
        raise MqctlError("no broker told its queues", "`mqctl status` shows which ones run")
    known = [queue for cluster in told for queue in queues(views(cluster, status))]
    if choice.queue and not any(choice.takes(queue) for queue in known):
        where = choice.vhost or "/"
        raise UsageError(f"no queue {label(where, choice.queue)}", "`mqctl status` lists the queues")
