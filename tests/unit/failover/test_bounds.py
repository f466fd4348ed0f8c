"""Limits: each formula with values in place, who wins over whom, and that above the limit is a fail."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.faults import scenarios
from mqctl.faults.scenarios import Choice
from mqctl.model import timers
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.objectives import Bound, Limit, Objectives
from mqctl.model.scenario import Expectation, Scenario
from mqctl.model.topology import Topology
from mqctl.model.verdict import Continuity, Effects
from mqctl.model.workload import Patience, WorkloadSettings
from mqctl.verdict import limits
from mqctl.verdict.bounds import bounds
from tests.topologies import mirrored_3node, standalone


def router(**settings: Any) -> KeepalivedSettings:
    return KeepalivedSettings.model_validate(
        {"virtual_address": "192.0.2.100/24", "priority": 100, **settings}
    )


@pytest.mark.parametrize(
    ("settings", "seconds"),
    [
        ({}, 3 + 156 / 256),
        ({"priority": 200}, 3 + 56 / 256),
        ({"vrrp_version": 3, "advert_interval": 0.2}, 0.6 + 0.2 * 156 / 256),
        ({"vrrp_version": 3, "advert_interval": 1}, 3 + 156 / 256),
        ({"advert_interval": 2}, 6 + 156 / 256),
    ],
)
def test_a_backup_waits_for_three_adverts_and_its_skew(settings: dict[str, Any], seconds: float) -> None:
    assert timers.master_down(router(**settings)).seconds == pytest.approx(seconds)


def test_a_check_that_lowers_the_priority_is_slower_than_one_that_gives_up() -> None:
    backup = router()
    assert timers.gives_way(router(check_weight=0), backup).seconds == pytest.approx(156 / 256)
    assert timers.gives_way(router(check_weight=-20), backup) == timers.master_down(backup)


def test_a_hung_check_takes_its_timeout_too() -> None:
    assert timers.check_dead(router(check_fall=3, check_interval=2)).seconds == 6
    assert timers.check_hung(router(check_fall=3, check_interval=2, check_timeout=1.5)).seconds == 7.5


def test_haproxy_notices_refusals_sooner_than_silence() -> None:
    balancer = HaproxySettings(check_inter=2, check_fastinter=0.5, check_fall=3, check_timeout=1.5)
    assert timers.refused(balancer).seconds == 3
    assert timers.silent(balancer).seconds == 3 + 3 * 1.5
    assert timers.silent(balancer.model_copy(update={"timeout_connect": 5})).seconds == 3 + 3 * 2


def test_roundrobin_tries_the_next_server_at_once() -> None:
    assert timers.turnaround(HaproxySettings(balance="roundrobin")).seconds == 0
    assert timers.turnaround(HaproxySettings(balance="leastconn", timeout_connect=0.3)).seconds == 0.3
    assert timers.turnaround(HaproxySettings(balance="leastconn", timeout_connect=4)).seconds == 1


def test_formulas_show_their_values() -> None:
    assert timers.master_down(router()).formula == "3 adverts x 1 + skew (256 - 100)/256"
    assert timers.ticktime(60) == timers.Term(75, "1.25 x net_ticktime 60")


def computed(name: str, topology: Topology, settings: WorkloadSettings | None = None) -> dict[str, Any]:
    (scenario,) = scenarios.choose(Choice((name,)))
    found = bounds(topology, scenario, settings or WorkloadSettings(), Patience())
    return {bound.metric: pytest.approx(bound.limit / SLACK, abs=0.001) for bound in found}


SLACK = 1.5
"""What a busy machine gets on top of what the timers say."""
AGAIN = 0.25 + 0.5
"""Reconnect, and the first confirm."""
MOVED = 3 + 116 / 256

CASES: dict[str, dict[str, float]] = {
    "power-off-vip-holder": {"vip_moved": MOVED + 0.5, "publish_gap": MOVED + 0.5 + AGAIN},
    "kill-keepalived": {"publish_gap": MOVED + 0.5 + AGAIN},
    "lose-haproxy": {"vip_moved": 2 + 116 / 256 + 0.5, "publish_gap": 2 + 116 / 256 + 0.5 + AGAIN},
    "kill-haproxy": {"publish_gap": 2 + 116 / 256 + 0.5 + AGAIN},
    "freeze-haproxy": {"vip_moved": 3 + 116 / 256 + 0.5, "publish_gap": 3 + 116 / 256 + 0.5 + AGAIN},
    "kill-queue-leader": {"publish_gap": 1.5 + 1 + AGAIN},
    "stop-queue-leader": {"publish_gap": 1.5 + 1 + AGAIN},
    "rolling-restart": {"publish_gap": 1.5 + 1 + AGAIN},
    "power-off-queue-leader": {"publish_gap": 75 + AGAIN},
    "freeze-queue-leader": {"publish_gap": 4 + 2 + AGAIN},
    "cut-queue-leader-from-peers": {"publish_gap": 75 + AGAIN},
    "cut-queue-leader-from-clients": {"publish_gap": 4.5 + AGAIN},
    "memory-alarm": {"publish_gap": 5 + 2 + 10 + AGAIN},
    "power-off-all-brokers": {},
    "power-off-majority": {},
    "split-vip": {},
    "reload-entrance": {},
}


@pytest.mark.parametrize("name", CASES)
def test_bounds_of_the_bundled_scenarios(name: str) -> None:
    wanted = dict(CASES[name])
    if "publish_gap" in wanted:
        wanted["delivery_gap"] = wanted["publish_gap"] + 1
    assert computed(name, mirrored_3node()) == wanted


def test_faster_adverts_make_a_tighter_bound() -> None:
    fast = mirrored_3node(keepalived={"vrrp_version": 3, "advert_interval": 0.2, "auth_pass": None})
    assert computed("power-off-vip-holder", fast)["publish_gap"] == 0.6 + 0.2 * 116 / 256 + 0.5 + AGAIN


def test_the_timers_get_some_slack_and_the_formula_says_so() -> None:
    (scenario,) = scenarios.choose(Choice(("kill-keepalived",)))
    found = bounds(mirrored_3node(), scenario, WorkloadSettings(), Patience())
    assert found[0].limit == pytest.approx(1.5 * (MOVED + 0.5 + AGAIN), abs=0.001)
    assert found[0].formula.startswith("1.5 x (3 adverts x 1 + skew")


def test_without_checks_only_the_client_notices() -> None:
    blind = mirrored_3node(haproxy={"check": "none"})
    assert computed("cut-queue-leader-from-clients", blind)["publish_gap"] == 5 + AGAIN
    assert computed("kill-queue-leader", blind)["publish_gap"] == 0.25 + AGAIN


@pytest.mark.parametrize(("check", "seconds"), [("amqp", 5), ("tcp", 9)])
def test_a_port_that_only_accepts_is_no_check_of_a_frozen_process(check: str, seconds: float) -> None:
    scenario = Scenario(name="s", title="t", fault="freeze-broker", target="mirror", hold=3600)
    topology = mirrored_3node(rabbitmq={"net_ticktime": 4}, haproxy={"check": check})
    found = bounds(topology, scenario, WorkloadSettings(), Patience(confirm_timeout=9))
    assert found[0].limit == SLACK * (seconds + AGAIN)


def test_consumers_that_start_late_have_no_limit() -> None:
    late = WorkloadSettings(consume="after-healing")
    assert "delivery_gap" not in computed("kill-queue-leader", mirrored_3node(), late)


def test_one_broker_without_an_entrance() -> None:
    assert computed("kill-queue-leader", standalone())["publish_gap"] == 0.25 + AGAIN


def test_clients_whose_site_is_whole_may_not_notice_unless_the_objectives_say_so() -> None:
    """Sites of a lab boot on the same processors: only a person can know that."""
    for name in ("cut-link", "lose-upstream"):
        (scenario,) = scenarios.choose(Choice((name,)))
        assert scenario.expect.publish_gap is None
        found = bounds(mirrored_3node(), scenario, WorkloadSettings(), Patience())
        assert {(bound.limit, bound.formula) for bound in found} == {
            (3, "1.5 x (nothing breaks where the clients are 2) (s)")
        }
        judged = limits.judge(limits.measure(found, scenario.expect, Continuity(publish_gap=3.1), Effects()))
        assert "fail" in {result.outcome for result in judged}
        slow = mirrored_3node().model_copy(update={"objectives": Objectives(publish_gap=60)})
        limited = bounds(slow, scenario, WorkloadSettings(), Patience())
        assert {bound.metric: bound.limit for bound in limited}["publish_gap"] == 60


def test_across_a_link_only_the_scenario_limits_deliveries() -> None:
    """They stop as long as the link is cut, which no objective of a cluster foresees."""
    topology = mirrored_3node().model_copy(update={"objectives": Objectives(publish_gap=5, delivery_gap=5)})
    named = {name: scenarios.choose(Choice((name,)))[0] for name in ("cut-link", "lose-upstream")}
    found = {
        name: {bound.metric for bound in bounds(topology, scenario, WorkloadSettings(), Patience())}
        for name, scenario in named.items()
    }
    assert found == {"cut-link": {"publish_gap"}, "lose-upstream": {"publish_gap", "delivery_gap"}}
    asked = bounds(topology, named["cut-link"], WorkloadSettings(), Patience())
    late = Continuity(publish_gap=1, delivery_gap=84)
    for expect, outcomes in (
        (named["cut-link"].expect, ["pass"]),
        (Expectation(delivery_gap=60), ["pass", "fail"]),
    ):
        judged = limits.judge(limits.measure(asked, expect, late, Effects()))
        assert [result.outcome for result in judged] == outcomes


def test_objectives_win_over_formulas_and_the_scenario_over_both() -> None:
    topology = mirrored_3node().model_copy(update={"objectives": Objectives(publish_gap=5, in_sync=60)})
    (scenario,) = scenarios.choose(Choice(("kill-queue-leader",)))
    found = bounds(topology, scenario, WorkloadSettings(), Patience())
    by_metric = {bound.metric: (bound.limit, bound.formula) for bound in found}
    assert by_metric["publish_gap"] == (5, "mqctl_objectives.publish_gap")
    assert by_metric["in_sync"] == (60, "mqctl_objectives.in_sync")
    assert by_metric["delivery_gap"][0] == SLACK * (1.5 + 1 + AGAIN + 1)
    (limit, *_) = limits.measure(found, Expectation(publish_gap=2), Continuity(publish_gap=1), Effects())
    assert limit == Limit(
        metric="publish_gap", limit=2, formula="the scenario's expect.publish_gap", measured=1
    )


@pytest.mark.parametrize("metric", list(limits.GATES))
@pytest.mark.parametrize(("measured", "outcome"), [(1.0, "pass"), (2.0, "pass"), (2.01, "fail")])
def test_above_the_limit_fails(metric: Any, measured: float, outcome: str) -> None:
    limit = Limit(metric=metric, limit=2, formula="f", measured=measured)
    (result,) = limits.judge([limit])
    assert (result.gate, result.outcome) == (limits.GATES[metric], outcome)
    assert "2.00 s (f)" in result.expected
    assert result.got == f"{measured:.2f} s"


def test_what_was_not_measured_is_unknown_or_another_gates_matter() -> None:
    unmeasured = [Limit(metric=metric, limit=2, formula="f") for metric in limits.GATES]
    assert [(result.gate, result.outcome) for result in limits.judge(unmeasured)] == [
        ("continuity.publish", "unknown"),
        ("continuity.delivery", "unknown"),
    ]


def test_every_metric_is_measured() -> None:
    asked = [Bound(metric=metric, limit=1, formula="f") for metric in limits.GATES]
    gaps = Continuity(publish_gap=1, delivery_gap=2, latency={"p99": 3})
    seen = Effects(holder_moved=4, leader_moved=5, leader_confirmed=6, node_back=7, in_sync=8)
    measured = limits.measure(asked, Expectation(), gaps, seen)
    assert [limit.measured for limit in measured] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert set(limits.GATES) == set(Objectives.model_fields)
