"""Mirrors that are behind are copied, seen to be done, and told; what cannot be asked for is refused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import pytest

from mqctl.cli import queues_view
from mqctl.errors import ExitCode, MqctlError, UsageError
from mqctl.model.status import ClusterStatus, QueueStatus
from mqctl.workflows.synchronise import Choice, Order, Report, Row, carry_out
from mqctl.workload.api import Api
from tests.unit.gates import healthy as h

TOPOLOGY = h.topology()
BEHIND = ("rabbit@mq2",)
"""Only this mirror has everything."""


class Broker:
    """Takes orders for the queues that it is told of, and says how far it is."""

    def __init__(self, *willing: str, copied: int | None = None) -> None:
        self.willing = willing
        self.ordered: list[tuple[str, str]] = []
        self._copied = copied

    def synchronise(self, name: str, vhost: str) -> bool:
        self.ordered.append((vhost, name))
        return name in self.willing

    def copied(self, name: str, vhost: str) -> int | None:
        return self._copied


def status(*queues: QueueStatus, version: str = "3.10.8") -> ClusterStatus:
    return h.every_broker(queues=queues, version=version)(h.healthy(TOPOLOGY))


def ask(
    broker: Broker, *looks: ClusterStatus | MqctlError, choice: Choice | None = None, patience: float = 60
) -> tuple[Report, list[Row]]:
    """One look after the other, the last one for ever."""
    told: list[Row] = []
    coming: Iterator[ClusterStatus | MqctlError] = iter(looks)
    last: list[ClusterStatus | MqctlError] = []

    def read() -> ClusterStatus:
        last[:] = [next(coming, *last)]
        if isinstance(last[0], MqctlError):
            raise last[0]
        return last[0]

    def tell(rows: Sequence[Row]) -> None:
        told.extend(rows)

    order = Order(choice or Choice(), patience)
    return carry_out(TOPOLOGY, order, read, lambda cluster: cast("Api", broker), tell), told


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mqctl.workflows.synchronise.INTERVAL", 0.0)


def test_only_what_is_behind_is_copied() -> None:
    broker = Broker("orders", copied=40)
    late, other = h.queue(synchronised=BEHIND, messages=100), h.queue(name="paid")
    gone = MqctlError("no host could be asked")
    report, told = ask(broker, status(late, other), status(late, other), gone, status(h.queue(), other))
    assert broker.ordered == [("/", "orders")]
    assert (report.outcome, report.in_sync) == ("pass", 1)
    (row,) = report.rows
    assert (row.before, row.behind) == (("rabbit@mq3",), ())
    assert row.seconds is not None
    assert [queues_view.line(seen) for seen in told] == [
        "orders: 40 of 100 messages copied to rabbit@mq3",
        f"orders: synchronised after {row.seconds:g} s",
    ]


def test_nothing_to_do_is_done() -> None:
    broker = Broker()
    report, told = ask(broker, status(h.queue(), h.queue(name="own", mirrors=(), synchronised=())))
    assert (report, told, broker.ordered) == (Report(TOPOLOGY.name, (), 1), [], [])
    assert report.outcome == "pass"


def test_what_is_not_done_in_time_fails() -> None:
    late = status(h.queue(synchronised=()))
    report, _ = ask(Broker("orders"), late, patience=0.05)
    (row,) = report.rows
    assert (report.outcome, row.behind, row.seconds) == ("fail", ("rabbit@mq2", "rabbit@mq3"), None)
    assert queues_view.line(row) == "orders: rabbit@mq2, rabbit@mq3 behind"
    assert queues_view.document(report)["queues"][0]["outcome"] == "fail"


def test_an_order_that_nobody_took_is_told() -> None:
    report, _ = ask(Broker(), status(h.queue(synchronised=BEHIND)), patience=0)
    assert (report.outcome, report.rows[0].refused) == ("fail", True)
    (cells,) = zip(*(column.cells for column in queues_view.table(report).columns), strict=True)
    assert str(cells[-1]) == "no broker took the order"


@pytest.mark.parametrize(
    ("choice", "ordered"),
    [
        (Choice("orders"), [("/", "orders")]),
        (Choice("orders", "shop"), [("shop", "orders")]),
        (Choice(vhost="shop"), [("shop", "orders"), ("shop", "paid")]),
    ],
)
def test_chosen_queues_alone(choice: Choice, ordered: list[tuple[str, str]]) -> None:
    places = (("/", "orders"), ("shop", "orders"), ("shop", "paid"))
    late = [h.queue(vhost=vhost, name=name, synchronised=()) for vhost, name in places]
    broker = Broker("orders", "paid")
    ask(broker, status(*late), choice=choice, patience=0)
    assert broker.ordered == ordered


@pytest.mark.parametrize(
    ("choice", "said"),
    [(Choice("payments"), "no queue payments"), (Choice("orders", "shop"), "no queue shop: orders")],
)
def test_an_unknown_queue_is_refused(choice: Choice, said: str) -> None:
    broker = Broker()
    with pytest.raises(UsageError) as caught:
        ask(broker, status(h.queue()), choice=choice)
    assert (caught.value.message, caught.value.exit_code) == (said, ExitCode.REFUSED)
    assert broker.ordered == []


def test_a_line_without_mirrors_is_refused() -> None:
    broker = Broker()
    with pytest.raises(UsageError) as caught:
        ask(broker, status(version="4.0.5"))
    assert caught.value.message == "mq1 runs RabbitMQ 4.0, which has no mirrors to synchronise"
    assert caught.value.hint == "use quorum queues instead: x-queue-type: quorum in the queues' arguments"
    assert broker.ordered == []


def test_nobody_who_tells_is_an_error() -> None:
    stopped: Any = h.every_broker(running=False)(h.healthy(TOPOLOGY))
    with pytest.raises(MqctlError, match="no broker told its queues"):
        ask(Broker(), stopped)
