"""Bundled scenarios on mirrored-3node that no other test plays, the default set, and one of our own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl.errors import ExitCode
from mqctl.faults import scenarios
from mqctl.faults.broken import Broken
from mqctl.model import history as h
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import WorkloadSettings
from mqctl.process import Result, run
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workload import journal
from tests.lab.conftest import healthy_around
from tests.lab.failover import findings, holders, ours, quiet

pytestmark = pytest.mark.lab

MOST = 1700.0
"""Seconds for a command: the default set takes 6 minutes where nothing else runs."""


@dataclass(frozen=True)
class Played:
    """One scenario, and what was seen of it."""

    verdict: Verdict
    events: tuple[h.Event, ...]

    def rounds(self) -> list[set[str]]:
        """The hosts on which something was seen broken, from one healing to the next."""
        found: list[set[str]] = []
        for event in self.events:
            if isinstance(event, h.Phase) and event.name == "fault":
                found.append(set())
            elif isinstance(event, h.FaultObserved):
                found[-1].add(event.host)
        return found

    def blocked(self) -> dict[str, list[bool]]:
        """What the broker told each publisher, in order."""
        told: dict[str, list[bool]] = {}
        for event in self.events:
            if isinstance(event, h.Blocked):
                told.setdefault(event.client, []).append(event.blocked)
        return told

    def passed(self) -> None:
        """Every gate, and nothing lost of what there was."""
        assert findings(self.verdict) == dict.fromkeys(findings(self.verdict), "pass")
        assert self.verdict.messages.confirmed > 300
        assert self.verdict.messages.lost == self.verdict.messages.missing == 0


def played(topology: Topology, place: Path, names: Sequence[str], duration: float) -> dict[str, Played]:
    settings = WorkloadSettings(duration=duration)
    report = workflow.failover_test(topology, settings, workflow.Choice(tuple(names)), place, quiet)
    events = [journal.read(path).events for path in report.histories]
    pairs = zip(report.verdicts, events, strict=True)
    return {verdict.scenario: Played(verdict, recorded) for verdict, recorded in pairs}


SHORT = ("freeze-haproxy", "kill-keepalived", "reload-entrance", "memory-alarm")
"""What no other test of every run plays as a scenario, and is soon over."""


@pytest.fixture(scope="module")
def short(deployed: Topology, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Played]:
    """One after the other in one test: each of them leaves a healthy cluster to the next."""
    place = tmp_path_factory.mktemp("short")
    with healthy_around(deployed, place):
        return played(deployed, place, SHORT, duration=5)


def test_short_scenarios_pass(short: dict[str, Played]) -> None:
    assert {*short} == {*SHORT}
    for scenario in short.values():
        scenario.passed()


def test_a_hung_haproxy_loses_the_vip(deployed: Topology, short: dict[str, Played]) -> None:
    scenario = short["freeze-haproxy"]
    assert findings(scenario.verdict)["fault.moves"] == "pass"
    assert scenario.verdict.effects.holder_moved is not None
    (hung,) = scenario.rounds()
    elsewhere = {router.name for router in deployed.routers} - hung
    looks = [{*event.holders} for event in scenario.events if isinstance(event, h.HoldersSeen)]
    assert hung in looks
    assert elsewhere in looks[looks.index(hung) :]


def test_a_killed_keepalived_leaves_one_holder(deployed: Topology, short: dict[str, Played]) -> None:
    verdict = short["kill-keepalived"].verdict
    assert findings(verdict)["vip.holders"] == "pass"
    assert len(verdict.effects.holders) == 1
    with Hosts.of(deployed) as hosts:
        assert len(holders(hosts, deployed)) == 1


def test_a_reload_reaches_every_load_balancer(deployed: Topology, short: dict[str, Played]) -> None:
    assert short["reload-entrance"].rounds() == [{host.name for host in deployed.balancers}]


def test_a_memory_alarm_blocks_every_publisher_until_it_is_over(short: dict[str, Played]) -> None:
    scenario = short["memory-alarm"]
    (chosen,) = scenarios.choose(workflow.Choice(("memory-alarm",)))
    assert scenario.blocked() == {"p1": [True, False], "p2": [True, False]}
    gap = scenario.verdict.continuity.publish_gap
    assert gap is not None
    assert gap >= chosen.hold


LONG = {
    "kill-every-broker-in-turn": [1, 1, 1],
    "power-off-all-brokers": [3],
    "disk-alarm": [1],
    "freeze-mirror": [1],
    "power-off-majority": [2],
}
"""By scenario how many brokers each round breaks."""


@pytest.mark.matrix
@pytest.mark.parametrize("name", LONG)
def test_scenarios_that_want_all_lose_nothing(healthy: Topology, tmp_path: Path, name: str) -> None:
    (scenario,) = played(healthy, tmp_path, (name,), duration=10).values()
    scenario.passed()
    rounds = scenario.rounds()
    assert [len(broken) for broken in rounds] == LONG[name]
    if name == "kill-every-broker-in-turn":
        assert set.union(*rounds) == {broker.name for broker in healthy.brokers}
    if name == "disk-alarm":
        assert scenario.blocked() == {"p1": [True, False], "p2": [True, False]}


def failover_test(topology: Topology, *options: str) -> tuple[Result, dict[str, Any]]:
    """As a person calls it, and what it prints."""
    said = run(
        [sys.executable, "-m", "mqctl", "failover-test", str(topology.inventory), "--json", *options],
        timeout=MOST,
    )
    assert said.stdout, said.stderr
    return said, json.loads(said.stdout)


@pytest.mark.matrix
@pytest.mark.timeout(MOST + 300)
def test_the_default_set_runs_unattended_and_passes(healthy: Topology) -> None:
    by_default = [scenario.name for scenario in scenarios.bundled() if scenario.run == "by-default"]
    said, report = failover_test(healthy)
    lost = {verdict["scenario"]: verdict["messages"]["lost"] for verdict in report["verdicts"]}
    assert said.returncode == ExitCode.DONE, (said.stderr, report)
    assert lost == dict.fromkeys(by_default, 0)
    assert [verdict["scenario"] for verdict in report["verdicts"]] == by_default
    assert {verdict["outcome"] for verdict in report["verdicts"]} == {"pass"}
    assert all(verdict["messages"]["confirmed"] > 300 for verdict in report["verdicts"])
    assert (report["not_run"], report["leftovers"]) == ([], [])
    place = healthy.inventory / ".mqctl" / "failover" / report["run"]
    assert {path.name for path in place.iterdir()} == {"report.html", "report.json", "junit.xml"}
    assert f"report: {place / 'report.html'}" in said.stderr
    written = json.loads((place / "report.json").read_text())
    assert [part["name"] for part in written["scenarios"]] == by_default
    assert Broken(healthy.state_dir).read() == ()
    assert ours(healthy) == ""
    verified = run([sys.executable, "-m", "mqctl", "verify", str(healthy.inventory)], timeout=120)
    assert verified.returncode == ExitCode.DONE, verified.stdout


def persistent(directory: Path) -> str:
    """A directory with the control of transient messages as a scenario of one's own: the same power loss and
    the same consumer, but persistent messages. Gives its name."""
    (control,) = scenarios.choose(workflow.Choice(("control-transient-messages",)))
    assert control.workload == {"delivery": "transient", "consume": "after-healing"}
    own = {
        "title": "persistent messages wait in the queue while all brokers lose their power",
        "fault": control.fault,
        "target": control.target,
        "hold": control.hold,
        "workload": {"consume": "after-healing"},
    }
    directory.mkdir()
    (directory / "persistent-messages.yaml").write_text(yaml.safe_dump(own))
    return "persistent-messages"


@pytest.mark.matrix
@pytest.mark.timeout(MOST + 300)
def test_persistent_messages_survive_the_power_loss_that_transient_ones_do_not(
    healthy: Topology, tmp_path: Path
) -> None:
    name = persistent(tmp_path / "own")
    said, report = failover_test(
        healthy, "--scenarios", str(tmp_path / "own"), "--keep-history", str(tmp_path)
    )
    assert said.returncode == ExitCode.DONE, (said.stderr, report)
    (verdict,) = report["verdicts"]
    assert (verdict["scenario"], verdict["outcome"]) == (name, "pass")
    assert verdict["messages"]["lost"] == 0
    (path,) = tmp_path.glob("*.ndjson")
    events = journal.read(path).events
    broken = next(event.t for event in events if isinstance(event, h.FaultObserved))
    stored = sum(e.last - e.first + 1 for e in events if isinstance(e, h.Confirmed) and e.t < broken)
    assert stored > 100
    healed = max(event.t for event in events if isinstance(event, h.FaultHealed))
    assert min(event.t for event in events if isinstance(event, h.Delivered)) > healed
