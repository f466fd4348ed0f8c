"""Failover tests of a real cluster: both scenarios pass, real losses are found, and nothing stays broken."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mqctl import cli, lab
from mqctl.errors import ExitCode, MqctlError
from mqctl.faults.base import Reach
from mqctl.faults.broken import Broken
from mqctl.gates.wait import wait
from mqctl.model import history as h
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import PREFIX, ClientSpec, Patience, WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.verdict.judge import judge
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.scenario import Live
from mqctl.workflows.stage import Stage, shell
from mqctl.workload import journal, queues
from mqctl.workload.crew import Crew
from mqctl.workload.journal import Journal, Tail
from tests.lab.failover import findings, ours, quiet

pytestmark = pytest.mark.lab

RATE = 200
"""Messages per second of all publishers together."""
SETTINGS = WorkloadSettings(duration=10, rate=RATE)
LEADER = workflow.Choice(("kill-queue-leader",))


MEASURED = {
    "kill-queue-leader": ("node_gone", "leader_moved", "leader_confirmed", "node_back", "in_sync"),
    "power-off-vip-holder": ("node_gone", "holder_moved", "node_back"),
}
"""The times that each scenario must have seen."""


def under_load(events: Iterable[h.Event]) -> float:
    """Seconds from the first publish until the publishers are told to stop."""
    known = tuple(events)
    began = min(event.t for event in known if isinstance(event, h.Published))
    return next(event.t for event in known if isinstance(event, h.Phase) and event.name == "finish") - began


@pytest.mark.parametrize("scenario", MEASURED)
def test_a_mirrored_cluster_survives(healthy: Topology, tmp_path: Path, scenario: str) -> None:
    report = workflow.failover_test(healthy, SETTINGS, workflow.Choice((scenario,)), tmp_path, quiet)
    (verdict,) = report.verdicts
    assert findings(verdict) == dict.fromkeys(findings(verdict), "pass")
    assert report.outcome == "pass"
    assert verdict.messages.lost == verdict.messages.missing == 0
    assert verdict.messages.confirmed > 1000
    most = 1.1 * RATE * under_load(journal.read(report.histories[0]).events)
    assert verdict.messages.confirmed < most + RATE  # a second's worth until they hear that they may stop
    assert [name for name in MEASURED[scenario] if getattr(verdict.effects, name) is None] == []
    assert ours(healthy) == ""
    assert Broken(healthy.state_dir).read() == ()
    assert workflow.replay(report.histories).verdicts == report.verdicts


class Witness:
    """Asks a broker, once while clients work, what the test has made."""

    def __init__(self, hosts: Hosts, broker: str) -> None:
        self._ask = partial(shell, hosts, broker)
        self.types: set[tuple[str, ...]] = set()
        """(its place behind the run's name, type) of each queue and exchange."""

    def __call__(self, live: Live) -> None:
        if live.tally.confirmed and not self.types:
            script = "; ".join(f"rabbitmqctl -q list_{kind} name type" for kind in ("queues", "exchanges"))
            rows = [line.split("\t") for line in self._ask(script, 60).splitlines()]
            own = [row for row in rows if row[0].startswith(PREFIX)]
            self.types = {(name.partition(live.scenario)[2], kind) for name, kind in own}


def play(
    topology: Topology, path: Path, scenario: str, settings: WorkloadSettings
) -> tuple[Verdict, Path, Any]:
    with Hosts.of(topology) as hosts:
        witness = Witness(hosts, "mq3")
        choice = workflow.Choice((scenario,))
        report = workflow.failover_test(topology, settings, choice, path, witness)
    assert ours(topology) == ""
    return report.verdicts[0], report.histories[0], witness.types


def arrived(events: Iterable[h.Event]) -> dict[str, set[tuple[str, int]]]:
    """The messages that came out of each queue."""
    found: dict[str, set[tuple[str, int]]] = {}
    for event in events:
        if isinstance(event, h.Delivered):
            for span in event.spans:
                numbers = range(span.seq, span.seq + span.length)
                known = found.setdefault(event.queue.rpartition(".")[2], set())
                known.update((span.publisher, number) for number in numbers)
    return found


def test_quorum_queues_behind_a_topic_exchange_and_a_list_of_brokers(
    healthy: Topology, tmp_path: Path
) -> None:
    """The broker dies that leads the first queue; clients find another one on their own."""
    brokers = workflow.endpoints(healthy, "mq1,mq2,mq3")
    settings = SETTINGS.model_copy(
        update={
            **{"queue_type": "quorum", "exchange_type": "topic", "queues": 2, "endpoints": brokers},
            "publishers": 6,  # each client chooses a broker by chance: all the same one once in two thousand
        }
    )
    verdict, path, types = play(healthy, tmp_path, "kill-queue-leader", settings)
    assert types == {(".1", "quorum"), (".2", "quorum"), ("", "topic")}
    assert findings(verdict) == dict.fromkeys(findings(verdict), "pass")
    assert verdict.messages.confirmed > 800
    events = journal.read(path).events
    met = {event.endpoint for event in events if isinstance(event, h.Connected)}
    assert met <= {f"{broker.host}:{broker.port}" for broker in brokers}
    assert len(met) > 1
    queues_of = arrived(events)
    publishers = {name: {p for p, _ in seen} for name, seen in queues_of.items()}
    assert publishers == {"1": {"p1", "p3", "p5"}, "2": {"p2", "p4", "p6"}}


def test_a_fanout_exchange_reaches_every_queue_while_the_entrance_dies(
    healthy: Topology, tmp_path: Path
) -> None:
    settings = SETTINGS.model_copy(update={"exchange_type": "fanout", "queues": 3})
    verdict, path, types = play(healthy, tmp_path, "kill-haproxy", settings)
    assert types == {(".1", "classic"), (".2", "classic"), (".3", "classic"), ("", "fanout")}
    assert findings(verdict) == dict.fromkeys(findings(verdict), "pass")
    queues_of = arrived(journal.read(path).events)
    assert {*queues_of} == {"1", "2", "3"}
    assert len(set.intersection(*queues_of.values())) >= verdict.messages.confirmed > 800


NOT_MIRRORED = (
    f"rabbitmqctl -q set_policy --priority 100 --apply-to queues plain '^{PREFIX}' '{{\"expires\":3600000}}'"
)


def test_a_queue_that_no_policy_mirrors_fails(healthy: Topology, tmp_path: Path) -> None:
    """The same fault, the same clients; only the mirrors are missing."""
    broker = healthy.brokers[0].name
    with Hosts.of(healthy) as hosts:
        shell(hosts, broker, NOT_MIRRORED, 60)
        try:
            stage = Stage(healthy, "plain", tmp_path, hosts, hosts)
            run = workflow.Run(stage, workflow.scenarios.choose(LEADER)[0], SETTINGS, quiet)
            verdict = judge(journal.read(run.play()))
        finally:
            shell(hosts, broker, "rabbitmqctl -q clear_policy plain", 60)
    assert verdict.outcome == "fail"
    assert findings(verdict)["fault.moves"] == "fail"
    assert findings(verdict)["fault.effect"] == "pass"


def test_real_hosts_lose_their_services_over_ssh_alone(healthy: Topology, tmp_path: Path) -> None:
    """What `power-off` means where nobody can cut the power."""
    with Hosts.of(healthy) as hosts, Hosts.of(healthy) as watchers:
        stage = Stage(healthy, "ssh", tmp_path, hosts, watchers)
        stage.reach = Reach(partial(shell, hosts), power=None)
        run = workflow.Run(
            stage, workflow.scenarios.choose(workflow.Choice(("power-off-vip-holder",)))[0], SETTINGS, quiet
        )
        verdict = judge(journal.read(run.play()))
    assert findings(verdict) == dict.fromkeys(findings(verdict), "pass")
    assert verdict.effects.evidence is not None
    assert verdict.effects.evidence.startswith("haproxy.service, keepalived.service of lb")


PATIENCE = Patience()


class Bench:
    """Clients without a scenario: what a test wants, in the order it wants."""

    def __init__(self, topology: Topology, path: Path) -> None:
        self.path = path / "bench.ndjson"
        self.hosts = Hosts.of(topology)
        self.account = Stage(topology, "bench", path, self.hosts, self.hosts).account
        self.exchange = f"{PREFIX}bench"
        self.queue = f"{self.exchange}.1"
        self.journal = Journal(self.path)
        self.crew = Crew()
        self.events: list[h.Event] = []
        self.tail = Tail(self.path)
        queues.declare(self.account, self.exchange, (self.queue,), SETTINGS)

    def start(self, role: Any, name: str, patience: Patience = PATIENCE, **settings: Any) -> None:
        spec = ClientSpec(
            name=name, run="bench", account=self.account, journal=self.path, exchange=self.exchange,
            queue=self.queue, routing_key=self.queue, settings=WorkloadSettings(**settings),
            **patience.model_dump(),
        )  # fmt: skip
        self.crew.start(role, spec)

    def count(self, kind: type[h.Confirmed | h.Delivered]) -> int:
        self.events += self.tail.read()
        if kind is h.Confirmed:
            return sum(e.last - e.first + 1 for e in self.events if isinstance(e, h.Confirmed))
        return sum(s.length for e in self.events if isinstance(e, h.Delivered) for s in e.spans)

    def publish(self, least: int) -> int:
        """At least so many confirmed messages; how many it were."""
        self.start("publisher", "p1")
        wait(lambda: self.count(h.Confirmed) >= least, timeout=60, what="confirms")
        assert self.crew.finish(["p1"], 30) == ()
        return self.count(h.Confirmed)

    def drain(self) -> Verdict:
        """Everything that is left, to the last message."""
        self.start("consumer", "c2")
        wait(lambda: queues.depth(self.account, (self.queue,)) == 0, timeout=60, what="the drain")
        seen = [-1]

        def settled() -> bool:
            seen.append(self.count(h.Delivered))
            return seen[-1] == seen[-2]

        wait(settled, timeout=60, interval=2, what="the last deliveries")
        assert self.crew.finish(["c2"], 30) == ()
        self.journal.write(h.Drained(complete=True, left=0), h.Ended())
        return judge(journal.read(self.path))

    def close(self) -> None:
        self.crew.stop()
        queues.remove(self.account, self.exchange, (self.queue,))
        self.hosts.close()
        self.tail.close()
        self.journal.close()


@pytest.fixture
def bench(healthy: Topology, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(healthy, tmp_path)
    yield made
    made.close()


def lost(verdict: Verdict) -> str:
    return findings(verdict)["messages.lost"]


def test_nothing_is_lost_when_nothing_happens(bench: Bench) -> None:
    confirmed = bench.publish(2000)
    verdict = bench.drain()
    assert (lost(verdict), verdict.messages.confirmed, verdict.messages.lost) == ("pass", confirmed, 0)


def test_purged_messages_are_lost(bench: Bench) -> None:
    confirmed = bench.publish(2000)
    with queues.channel(bench.account) as talk:
        purged = talk.queue_purge(bench.queue).method.message_count
    verdict = bench.drain()
    assert purged == confirmed
    assert (lost(verdict), verdict.messages.lost) == ("fail", purged)
    assert verdict.outcome == "fail"


def test_a_consumer_that_acknowledges_before_it_works_loses(bench: Bench) -> None:
    """Automatic acknowledgement: what was on the wire when the consumer died is gone."""
    confirmed = bench.publish(20_000)
    bench.start("consumer", "c1", acknowledge="automatic")
    wait(lambda: bench.count(h.Delivered) > 0, timeout=30, interval=0.01, what="a delivery")
    bench.crew.stop()
    verdict = bench.drain()
    assert verdict.messages.confirmed == confirmed
    assert lost(verdict) == "fail"
    assert 0 < verdict.messages.lost < confirmed


def test_a_consumer_that_acknowledges_after_its_work_loses_nothing(bench: Bench) -> None:
    """The same death, with manual acknowledgements: messages come again, marked."""
    bench.publish(20_000)
    bench.start("consumer", "c1")
    wait(lambda: bench.count(h.Delivered) > 0, timeout=30, interval=0.01, what="a delivery")
    bench.crew.stop()
    verdict = bench.drain()
    assert (lost(verdict), verdict.messages.lost) == ("pass", 0)


@contextmanager
def frozen(client: str) -> Iterator[None]:
    """The client's process is stopped inside, and goes on afterwards."""
    (process,) = [child for child in multiprocessing.active_children() if child.name == client]
    assert process.pid is not None
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)


def test_a_consumer_holds_no_more_than_its_prefetch(bench: Bench) -> None:
    """The broker's own count, while the consumer neither acknowledges nor dies."""
    bench.start("consumer", "c1", Patience(heartbeat=60), prefetch=7)
    subscribed = partial(queues.consumers, bench.account, (bench.queue,))
    wait(lambda: subscribed() == 1, timeout=30, what="the consumer")
    with frozen("c1"):
        bench.publish(500)
        columns = "name messages_unacknowledged messages_ready"
        script = f"rabbitmqctl -q --no-table-headers list_queues {columns} | grep -F {bench.queue}"
        _, unacknowledged, ready = shell(bench.hosts, "mq2", script, 60).split()
        assert bench.count(h.Delivered) == 0
    assert int(unacknowledged) == 7
    assert int(ready) >= 500 - 7
    wait(lambda: bench.count(h.Delivered) > 7, timeout=30, what="more deliveries")
    assert bench.crew.finish(["c1"], 30) == ()
    verdict = bench.drain()
    assert (lost(verdict), verdict.messages.lost) == ("pass", 0)


def test_unroutable_messages_are_returned_and_not_lost(bench: Bench) -> None:
    """The broker confirms them all the same, although it stores them nowhere."""
    bench.start("publisher", "p1")
    wait(lambda: bench.count(h.Confirmed) > 1000, timeout=60, what="confirms")
    with queues.channel(bench.account) as talk:
        talk.queue_unbind(bench.queue, bench.exchange, bench.queue)
    routed = bench.count(h.Confirmed)
    wait(lambda: bench.count(h.Confirmed) > routed + 1000, timeout=60, what="more confirms")
    assert bench.crew.finish(["p1"], 30) == ()
    counts = bench.drain().messages
    assert counts.returned > 0
    assert counts.returned + counts.confirmed == counts.sent
    assert counts.delivered == counts.confirmed >= 1000
    assert (counts.lost, counts.missing) == (0, 0)


def _interrupted(topology: Topology, path: Path) -> None:
    """A failover test as a process of its own, to be killed."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored when this runs in the background
    workflow.failover_test(topology, SETTINGS, LEADER, path, quiet)


def _broken_by_a_process(topology: Topology, path: Path) -> multiprocessing.process.BaseProcess:
    """Runs until the fault is in the history."""
    process = multiprocessing.get_context("spawn").Process(target=_interrupted, args=(topology, path))
    process.start()

    def injected() -> bool:
        assert process.is_alive()
        files = list(path.glob("*.ndjson"))
        return bool(files) and '"fault-observed"' in files[0].read_text()

    wait(injected, timeout=90, what="the fault")
    assert len(Broken(topology.state_dir).read()) == 1
    return process


def test_ctrl_c_heals(healthy: Topology, tmp_path: Path) -> None:
    process = _broken_by_a_process(healthy, tmp_path)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGINT)
    process.join(60)
    assert process.exitcode not in (None, 0)
    assert Broken(healthy.state_dir).read() == ()
    assert ours(healthy) == ""


def test_a_crash_leaves_a_list_to_heal_and_a_history_to_judge(healthy: Topology, tmp_path: Path) -> None:
    process = _broken_by_a_process(healthy, tmp_path)
    process.kill()
    process.join()
    (path,) = tmp_path.glob("*.ndjson")
    assert workflow.replay([path]).outcome == "unknown"
    (healed,) = workflow.heal_all(healthy)
    assert healed.startswith("kill-broker of mq")
    assert Broken(healthy.state_dir).read() == ()
    assert ours(healthy) != ""
    report = workflow.failover_test(healthy, SETTINGS, LEADER, tmp_path / "next", quiet)
    assert report.outcome == "pass"
    assert ours(healthy) == ""


COURSE = ("kill-mirror", "power-off-queue-leader", "kill-haproxy")
"""The second one lasts until somebody heals it: nothing on the host starts a host."""


def has_power(topology: Topology, host: str) -> bool:
    """Whether the lab host runs at all."""
    assert topology.lab is not None
    try:
        lab.host_pid(topology.lab.name, host)
    except MqctlError:
        return False
    return True


def _course(topology: Topology, path: Path) -> None:
    """The command with three scenarios, as a process group of its own."""
    os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    chosen = [word for name in COURSE for word in ("-s", name)]
    places = ["--keep-history", str(path), "--report", str(path / "report")]
    sys.exit(cli.run(["failover-test", str(topology.inventory), *chosen, "--duration", "8", *places]))


def test_ctrl_c_in_the_second_scenario_heals_and_reports_the_first(healthy: Topology, tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_course, args=(healthy, tmp_path))
    process.start()

    def second_is_broken() -> bool:
        assert process.is_alive()
        files = list(tmp_path.glob(f"*-{COURSE[1]}.ndjson"))
        return bool(files) and '"fault-observed"' in files[0].read_text()

    wait(second_is_broken, timeout=180, what="the second fault")
    (breakage,) = Broken(healthy.state_dir).read()
    assert not has_power(healthy, breakage.host)
    assert process.pid is not None
    os.killpg(process.pid, signal.SIGINT)
    process.join(90)
    assert process.exitcode == ExitCode.UNKNOWN
    assert Broken(healthy.state_dir).read() == ()
    assert has_power(healthy, breakage.host)
    with Hosts.of(healthy) as hosts:
        started = partial(shell, hosts, breakage.host, "systemctl is-active rabbitmq-server || :", 60)
        wait(lambda: started().strip() == "active", timeout=120, interval=1, what="the broker's boot")
    assert ours(healthy) == ""
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    assert [(part["name"], part["verdict"]["outcome"]) for part in report["scenarios"]] == [
        (COURSE[0], "pass"),
        (COURSE[1], "unknown"),
    ]
    assert [untested["name"] for untested in report["untested"] if untested["aborted"]] == [COURSE[2]]
    assert "the run did not come to its end: interrupted" in "".join(report["reasons"])
    assert {file.name for file in (tmp_path / "report").iterdir()} == {
        "report.html",
        "report.json",
        "junit.xml",
    }
