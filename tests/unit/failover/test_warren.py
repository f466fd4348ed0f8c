"""Brokers that stay apart: their scenarios, where their clients must end, and that split ones are seen."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from mqctl.faults import scenarios, targets
from mqctl.faults.scenarios import Choice
from mqctl.model import history as h
from mqctl.model.scenario import Expectation
from mqctl.model.workload import Patience, WorkloadSettings
from mqctl.probe import entrance
from mqctl.probe.entrance import cluster_behind
from mqctl.verdict.bounds import bounds
from mqctl.verdict.judge import judge
from tests.topologies import mirrored_3node, warren
from tests.unit.failover.histories import QUEUE, clean, event, whole

WARREN = warren()


def lack(name: str) -> str | None:
    (scenario,) = scenarios.choose(Choice((name,)))
    return targets.missing(scenario, WARREN)


@pytest.mark.parametrize(
    "name", ["kill-queue-leader", "kill-mirror", "power-off-majority", "control-plain-queue"]
)
def test_what_only_a_cluster_has(name: str) -> None:
    assert lack(name) == "a cluster, and the brokers of warren stay apart"


@pytest.mark.parametrize("name", ["lose-primary", "power-off-vip-holder", "kill-every-broker-in-turn"])
def test_what_a_warren_survives(name: str) -> None:
    assert lack(name) is None


def test_a_cluster_has_no_active_broker() -> None:
    (scenario,) = scenarios.choose(Choice(("lose-primary",)))
    said = "brokers that stay apart, and those of mirrored-3node are one cluster"
    assert targets.missing(scenario, mirrored_3node()) == said


@pytest.mark.parametrize(
    ("failback", "host", "means"),
    [(True, "mq1", "returns"), (True, "mq2", "stays"), (False, "mq1", "stays"), (False, "mq2", "stays")],
)
def test_where_the_clients_must_be_in_the_end(failback: bool, host: str, means: str) -> None:
    expect = Expectation(broker_after="as-configured")
    assert targets.settled(expect, warren({"failback": failback}), host).broker_after == means


def test_takeover_is_bound_by_the_checks_alone() -> None:
    """No net_ticktime: the standby waits for nobody."""
    (scenario,) = scenarios.choose(Choice(("lose-primary",)))
    found = {b.metric: b for b in bounds(WARREN, scenario, WorkloadSettings(), Patience())}
    assert found["publish_gap"].formula == (
        "1.5 x (inter 5 + 1 x fastinter 5 + fall 2 x timeout 1 + reconnect 0.25 "
        "+ connection, login and first confirm 0.5) (s)"
    )
    assert found["publish_gap"].limit == pytest.approx(1.5 * 12.75)


def judged(where: str, *looks: h.Event) -> dict[str, tuple[str, str]]:
    """mq1 was active before the fault and mq2 after it; then `looks`."""
    expect = Expectation.model_validate({"broker_after": where, "moves": "active-broker"})
    verdict = judge(whole([*clean(expect), *looks]))
    return {f.gate: (f.outcome, f.got) for f in verdict.findings}


def active(host: str | None) -> h.Event:
    return event(h.QueueSeen, 13.0, queue=QUEUE, leader=host)


def consumers(**brokers: int) -> h.Event:
    return event(h.ConsumersSeen, 14.0, brokers=brokers)


@pytest.mark.parametrize(
    ("where", "last", "outcome"),
    [
        ("returns", "mq1", ("pass", "on mq1, before on mq1")),
        ("returns", "mq2", ("fail", "on mq2, before on mq1")),
        ("stays", "mq2", ("pass", "on mq2, before on mq1")),
        ("stays", "mq1", ("fail", "on mq1, before on mq1")),
        ("returns", None, ("unknown", "nobody saw it before, or in the end")),
    ],
)
def test_where_the_clients_are_in_the_end(where: str, last: str | None, outcome: tuple[str, str]) -> None:
    found = judged(where, active(last))
    assert found["warren.settled"] == outcome
    assert found["fault.moves"][0] == "pass"


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        ({"mq1": 2, "mq2": 0}, ("pass", "2 on mq1, 0 on mq2")),
        ({"mq1": 1, "mq2": 1}, ("fail", "1 on mq1, 1 on mq2")),
        ({"mq1": 0, "mq2": 2}, ("fail", "0 on mq1, 2 on mq2")),
        ({"mq1": 0, "mq2": 0}, ("fail", "0 on mq1, 0 on mq2")),
    ],
)
def test_consumers_are_where_the_entrance_leads(seen: dict[str, int], outcome: tuple[str, str]) -> None:
    assert judged("returns", active("mq1"), consumers(**seen))["warren.consumers"] == outcome


def test_a_takeover_that_nobody_sees_fails() -> None:
    expect = Expectation(moves="active-broker")
    events = [e for e in clean(expect) if not (isinstance(e, h.QueueSeen) and e.leader == "mq2")]
    found = {f.gate: f for f in judge(whole(events)).findings}
    assert (found["fault.moves"].outcome, found["fault.moves"].expected) == (
        "fail",
        "active broker on another host",
    )


def test_a_look_that_found_nobody_is_written_and_read() -> None:
    look = h.QueueSeen(queue=QUEUE, leader=None)
    assert h.decode(h.encode(look)) == look


TABLE = b"\x0ccluster_nameS\x00\x00\x00\x0awarren-mq2\x07versionS\x00\x00\x00\x011"
START = b"\x00\x0a\x00\x0a\x00\x09" + len(TABLE).to_bytes(4, "big") + TABLE


class Speaker:
    """A server for one connection that says these bytes, in two pieces, and closes."""

    def __init__(self, said: bytes) -> None:
        self._said = said
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Speaker:
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._thread.join(10)
        self._server.close()

    def _serve(self) -> None:
        connection, _ = self._server.accept()
        with connection:
            assert connection.recv(8) == entrance.HEADER
            connection.sendall(self._said[:20])
            connection.sendall(self._said[20:])


def frame(payload: bytes) -> bytes:
    return b"\x01\x00\x00" + len(payload).to_bytes(4, "big") + payload + b"\xce"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        (frame(START), "warren-mq2"),
        (frame(START)[:-9], None),
        (frame(b"\x00\x0a\x00\x0a"), None),
        (b"", None),
    ],
)
def test_a_broker_says_whose_it_is(said: bytes, name: str | None) -> None:
    with Speaker(said) as speaker:
        assert cluster_behind("127.0.0.1", speaker.port) == name


def test_nobody_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert cluster_behind("127.0.0.1", port) is None
