"""Brokers that share a data directory: takeover has a bound, and must bring the same messages."""

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
from mqctl.verdict.bounds import bounds
from mqctl.verdict.judge import judge
from mqctl.workflows.stage import greeting
from tests.topologies import mirrored_3node, warren, warren_shared, with_address
from tests.unit.failover.histories import clean, confirmed, delivered, event, published, whole

WARREN = warren_shared()


def scenario(name: str) -> Any:
    (found,) = scenarios.choose(Choice((name,)))
    return found


@pytest.mark.parametrize(
    "name", ["lose-primary", "lose-shared-primary", "rolling-restart", "power-off-vip-holder"]
)
def test_what_can_be_played(name: str) -> None:
    assert targets.missing(scenario(name), WARREN) is None


@pytest.mark.parametrize("name", ["kill-queue-leader", "power-off-majority"])
def test_what_only_a_cluster_has(name: str) -> None:
    said = "a cluster, and the brokers of warren-shared stay apart"
    assert targets.missing(scenario(name), WARREN) == said


@pytest.mark.parametrize("other", [warren(), mirrored_3node()])
def test_the_same_messages_take_a_shared_directory(other: Any) -> None:
    said = f"one data directory for all brokers, and those of {other.name} have one each"
    assert targets.missing(scenario("lose-shared-primary"), other) == said


@pytest.mark.parametrize("host", ["mq1", "mq2"])
def test_whoever_comes_back_waits(host: str) -> None:
    expect = Expectation(broker_after="as-configured")
    assert targets.settled(expect, WARREN, host).broker_after == "stays"


BOOT = "a broker's boot 20 + downinter 1 + 1 x fastinter 1"
REST = "reconnect 0.25 + connection, login and first confirm 0.5"


@pytest.mark.parametrize(
    ("name", "lease", "formula", "limit"),
    [
        ("lose-primary", 0, f"1.5 x (lease 0 + {BOOT} + {REST}) (s)", 34.125),
        ("lose-primary", 90, f"1.5 x (lease 90 + {BOOT} + {REST}) (s)", 169.125),
        ("rolling-restart", 90, f"1.5 x ({BOOT} + {REST}) (s)", 34.125),
        ("kill-every-broker-in-turn", 90, f"1.5 x ({BOOT} + {REST}) (s)", 34.125),
    ],
)
def test_takeover_is_bound_by_lock_boot_and_checks(
    name: str, lease: float, formula: str, limit: float
) -> None:
    wanted = warren_shared(shared_lease=lease)
    found = {b.metric: b for b in bounds(wanted, scenario(name), WorkloadSettings(), Patience())}
    assert (found["publish_gap"].formula, found["publish_gap"].limit) == (formula, limit)


def test_slower_checks_than_boots_are_the_bound() -> None:
    slow = warren_shared()
    hosts = tuple(
        host.model_copy(
            update={
                "haproxy": host.haproxy.model_copy(update={"check_inter": 60, "check_downinter": 60})
                if host.haproxy
                else None
            }
        )
        for host in slow.hosts
    )
    wanted = slow.model_copy(update={"hosts": hosts})
    found = {b.metric: b for b in bounds(wanted, scenario("lose-primary"), WorkloadSettings(), Patience())}
    assert found["publish_gap"].limit > 1.5 * 80


def test_one_that_only_hangs_keeps_the_lock_until_it_is_healed() -> None:
    frozen = scenario("lose-primary").model_copy(update={"fault": "freeze-broker", "hold": 7})
    found = {b.metric: b for b in bounds(WARREN, frozen, WorkloadSettings(), Patience())}
    assert found["publish_gap"].formula.startswith("1.5 x (hold 7 + the fault is seen 2 + downinter 1")


SAME = Expectation(backlog="delivered-meanwhile")
FAULT, HEALED = 6.05, 11.05


def backlog(events: list[h.Event]) -> tuple[str, str]:
    (finding,) = [one for one in judge(whole(events)).findings if one.gate == "fault.backlog"]
    return finding.outcome, finding.got


def waiting(came: float) -> list[h.Event]:
    """The 50 messages from before the fault are delivered together at this moment, and not before."""
    kept = [e for e in clean(SAME) if not isinstance(e, h.Delivered)]
    return [*kept, delivered(came, 1, 50), delivered(16, 51, 100)]


def test_everything_that_waited_is_delivered_meanwhile() -> None:
    assert backlog(waiting(8)) == ("pass", "50 of 50 delivered within 5.0 s")


def test_what_comes_back_only_with_its_broker_is_not_the_same_storage() -> None:
    assert backlog(waiting(12)) == ("fail", "0 of 50 delivered within 5.0 s")


def test_one_that_is_missing_fails() -> None:
    events = [*waiting(12), delivered(8, 1, 49)]
    assert backlog(events) == ("fail", "49 of 50 delivered within 5.0 s")


def test_a_further_copy_of_a_message_is_not_the_stored_one() -> None:
    """Sent again after the fault, it proves nothing about what was stored before."""
    again = [published(7, 1, tag=900, epoch=2), confirmed(7.1, 900, epoch=2)]
    events = [*waiting(12), *again, delivered(8, 1, tag=900, epoch=2)]
    assert backlog(events) == ("fail", "0 of 50 delivered within 5.0 s")


def test_what_came_back_to_its_publisher_was_not_stored() -> None:
    returned = event(h.Returned, 1.105, client="p1", epoch=1, tag=1, reason="NO_ROUTE")
    kept = [e for e in clean(SAME) if not isinstance(e, h.Delivered)]
    events = [*kept, returned, delivered(8, 2, 49), delivered(16, 51, 100)]
    assert backlog(events) == ("pass", "49 of 49 delivered within 5.0 s")


def test_without_a_message_that_waits_nothing_is_proved() -> None:
    assert backlog(clean(SAME)) == ("unknown", "no message waited when the fault came")


def test_a_fault_that_nobody_healed_has_no_meanwhile() -> None:
    events = [e for e in waiting(8) if not isinstance(e, h.FaultHealed)]
    assert backlog(events) == ("unknown", "nobody saw it from its beginning to its end")


def test_only_who_asks_for_it_is_judged_by_it() -> None:
    assert "fault.backlog" not in {finding.gate for finding in judge(whole(clean())).findings}


TABLE = b"\x0ccluster_nameS\x00\x00\x00\x0dwarren-shared"
START = b"\x00\x0a\x00\x0a\x00\x09" + len(TABLE).to_bytes(4, "big") + TABLE


def test_the_one_that_greets_has_the_clients() -> None:
    """mq1 has no listener, mq2 greets: both at 127.0.0.x, on the same port."""
    with socket.create_server(("127.0.0.2", 0)) as server:
        port = server.getsockname()[1]

        def greet() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"\x01\x00\x00" + len(START).to_bytes(4, "big") + START + b"\xce")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        wanted = with_address(warren_shared(port=port), {"mq1": "127.0.0.1", "mq2": "127.0.0.2"})
        assert greeting(wanted) == ["mq2"]
        thread.join(10)
    assert greeting(wanted) == []
