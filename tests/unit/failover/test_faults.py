"""Scenarios, targets, the list of what is broken, and faults against hosts that answer from a script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from mqctl.errors import InconclusiveError, MqctlError, UsageError
from mqctl.faults import catalogue, scenarios, targets
from mqctl.faults.alarm import Alarm
from mqctl.faults.base import Fault, Place, Reach
from mqctl.faults.broken import Broken
from mqctl.faults.host import PowerOff
from mqctl.faults.operate import Reload, RollingRestart
from mqctl.faults.process import Freeze, Kill, Lose, Stop
from mqctl.faults.scenarios import Choice
from mqctl.model.scenario import Expectation, FaultName, NamedNode, Scenario, Target
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, KeepalivedStatus, QueueStatus
from tests.topologies import mirrored_3node


@dataclass
class Host:
    """Answers the scripts it was told of, in order, and refuses any other."""

    answers: list[tuple[str, str | MqctlError]]
    asked: list[str] = field(default_factory=list)

    def shell(self, host: str, script: str, timeout: float) -> str:
        assert host == "mq1"
        self.asked.append(script)
        wanted, answer = self.answers.pop(0)
        assert wanted in script
        if isinstance(answer, MqctlError):
            raise answer
        return answer

    @property
    def reach(self) -> Reach:
        return Reach(self.shell, None)


@dataclass
class Switch:
    states: list[str] = field(default_factory=list)

    def off(self, host: str) -> None:
        self.states.append(f"off {host}")

    def on(self, host: str) -> None:
        self.states.append(f"on {host}")


TOPOLOGY = mirrored_3node()


def place(host: str) -> Place:
    return Place(TOPOLOGY, host, (host,))


KILLED = ("systemctl kill --kill-who=main --signal=KILL rabbitmq-server", "58 4711\n")


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("58 S 4711\nactive\n", None),
        ("58 Z 4711\nactivating\n", "process 58 is gone, rabbitmq-server of mq1 is activating"),
        ("58 S 9999\nactive\n", "process 58 is gone, rabbitmq-server of mq1 is active"),
        ("activating\n", "process 58 is gone, rabbitmq-server of mq1 is activating"),
    ],
)
def test_a_killed_broker_is_one_whose_process_is_gone(said: str, evidence: str | None) -> None:
    host = Host([KILLED, ("/proc/58/stat", said)])
    fault = Kill(host.reach, "mq1", "rabbitmq-server")
    fault.inject()
    assert fault.evidence() == evidence


def test_what_does_not_run_cannot_be_killed() -> None:
    fault = Kill(Host([("kill-who=all --signal=KILL haproxy", "")]).reach, "mq1", "haproxy")
    with pytest.raises(MqctlError, match="mq1: haproxy has no process to kill"):
        fault.inject()


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("58\nactive\n", None),
        ("58\ndeactivating\n", None),
        ("0\nactivating\n", None),
        ("0\ninactive\n", "rabbitmq-server of mq1 is inactive, without a process"),
        ("0\nfailed\n", "rabbitmq-server of mq1 is failed, without a process"),
    ],
)
def test_a_stopped_service_has_no_process(said: str, evidence: str | None) -> None:
    host = Host([("systemctl stop --no-block rabbitmq-server", ""), ("ActiveState,MainPID", said)])
    fault = Stop(host.reach, "mq1", "rabbitmq-server")
    fault.inject()
    assert fault.evidence() == evidence


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("S\nS\n", None),
        ("T\nS\n", None),
        ("", None),
        ("T\n", "1 process of haproxy of mq1 stopped by a signal (state T)"),
        ("T\nT\n", "2 processes of haproxy of mq1 stopped by a signal (state T)"),
    ],
)
def test_frozen_is_every_process_in_state_t(said: str, evidence: str | None) -> None:
    host = Host([("systemctl kill --signal=STOP haproxy", ""), ("children", said)])
    fault = Freeze(host.reach, "mq1", "haproxy")
    fault.inject()
    assert fault.evidence() == evidence


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("haproxy\nenabled haproxy.service\nenabled keepalived.service\n", None),
        ("", None),
        ("enabled haproxy.service\n", "haproxy.service of mq1 is down"),
        (
            "enabled keepalived.service\nenabled haproxy.service\n",
            "haproxy.service, keepalived.service of mq1 are down",
        ),
    ],
)
def test_services_are_lost_when_none_of_the_enabled_runs(said: str, evidence: str | None) -> None:
    host = Host([("systemctl stop $unit", ""), ("is-active", said)])
    fault = Lose(host.reach, "mq1", ("haproxy", "keepalived"))
    fault.inject()
    assert fault.evidence() == evidence


@pytest.mark.parametrize(
    ("said", "evidence"),
    [
        ("[]\n", None),
        ("[{{resource_limit,disk,rabbit@mq1},[]}]\n", None),
        (
            "[{{resource_limit,memory,rabbit@mq1},[]}]\n",
            "mq1 reports its memory alarm: [{{resource_limit,memory,rabbit@mq1},[]}]",
        ),
    ],
)
def test_an_alarm_is_one_that_the_broker_lists(said: str, evidence: str | None) -> None:
    host = Host([("set_vm_memory_high_watermark 0.00001", ""), ("get_local_alarms", said)])
    fault = Alarm(host.reach, "mq1", "memory")
    fault.inject()
    assert fault.evidence() == evidence


HEALING: dict[FaultName, str] = {
    "kill-broker": "systemctl start --no-block rabbitmq-server",
    "stop-broker": "systemctl start --no-block rabbitmq-server",
    "freeze-broker": "systemctl kill --signal=CONT rabbitmq-server",
    "memory-alarm": "vm_memory_monitor:set_vm_memory_high_watermark(Limit)",
    "disk-alarm": "rabbit_disk_monitor:set_disk_free_limit(Limit)",
    "rolling-restart": "systemctl start --no-block rabbitmq-server",
    "power-off": "systemctl start --no-block $unit",
    "cut-from-peers": "-D ${chain}PUT -j MQCTL-$chain",
    "cut-one-way": "-D ${chain}PUT -j MQCTL-$chain",
    "cut-from-clients": "-D ${chain}PUT -j MQCTL-$chain",
    "cut-from-all": "-D ${chain}PUT -j MQCTL-$chain",
    "cut-vrrp": "-D ${chain}PUT -j MQCTL-$chain",
    "kill-haproxy": "systemctl start --no-block haproxy",
    "lose-haproxy": "systemctl start --no-block $unit",
    "freeze-haproxy": "systemctl kill --signal=CONT haproxy",
    "kill-keepalived": "systemctl start --no-block keepalived",
}


@pytest.mark.parametrize("name", HEALING)
def test_every_fault_is_healed_by_a_process_that_knows_nothing(name: FaultName) -> None:
    host = Host([(HEALING[name], "")])
    catalogue.make(name, Reach(host.shell, None, operator=Roll()), place("mq1")).heal()
    assert host.answers == []


def test_no_fault_is_forgotten_here() -> None:
    names = {*get_args(FaultName)}
    assert names == {*HEALING, "reload-configuration", "cut-sites"}


def test_a_host_is_off_when_it_does_not_answer() -> None:
    switch, host = Switch(), Host([("true", ""), ("true", MqctlError("mq1: no route"))])
    fault = PowerOff(host.reach, switch, "mq1")
    fault.inject()
    assert fault.evidence() is None
    assert fault.evidence() == "mq1 does not answer over SSH: mq1: no route"
    fault.heal()
    assert switch.states == ["off mq1", "on mq1"]


def test_without_a_power_switch_services_are_killed() -> None:
    host = Host([])
    assert isinstance(catalogue.make("power-off", host.reach, place("lb1")), Lose)
    assert isinstance(catalogue.make("power-off", Reach(host.shell, Switch()), place("lb1")), PowerOff)


@dataclass
class Roll:
    done: list[str] = field(default_factory=list)

    def restart(self, brokers: Sequence[str]) -> None:
        self.done += brokers


@pytest.mark.parametrize(
    ("after", "evidence"),
    [("7 100\n", None), ("", None), ("9 200\n", "mq1 run as new processes")],
)
def test_a_rolling_restart_leaves_new_processes(after: str, evidence: str | None) -> None:
    roll, host = Roll(), Host([("MainPID", "7 100\n"), ("MainPID", after)])
    fault: Fault = RollingRestart(host.reach, roll, place("mq1"))
    fault.inject()
    assert (roll.done, fault.evidence()) == (["mq1"], evidence)


def test_brokers_are_not_restarted_without_gates() -> None:
    with pytest.raises(MqctlError, match="nobody can restart brokers through the gates here"):
        catalogue.make("rolling-restart", Host([]).reach, place("mq1"))


@pytest.mark.parametrize(
    ("workers", "reloaded", "evidence"),
    [
        ("12", "start_time=[8:00] status=0", None),
        ("13", "start_time=[7:00] status=0", None),
        ("13", "", None),
        ("13", "start_time=[8:00] status=0", "haproxy and keepalived of lb1 were reloaded"),
    ],
)
def test_a_reload_makes_a_new_worker(workers: str, reloaded: str, evidence: str | None) -> None:
    said = ["12", "start_time=[7:00] status=0", "", workers, reloaded]
    asked: list[str] = []

    def shell(host: str, script: str, timeout: float) -> str:
        asked.append(script)
        return said.pop(0)

    fault = Reload(Reach(shell, None), place("lb1"))
    fault.inject()
    assert "for unit in haproxy keepalived; do systemctl reload $unit" in asked[2]
    assert fault.evidence() == evidence


def test_a_broker_has_no_entrance_to_reload() -> None:
    with pytest.raises(MqctlError, match="mq1 has neither HAProxy nor Keepalived"):
        Reload(Host([]).reach, place("mq1")).inject()


def test_the_list_of_what_is_broken_survives(tmp_path: Path) -> None:
    Broken(tmp_path).add("kill-broker", "mq1")
    Broken(tmp_path).add("power-off", "lb1")
    assert [(b.fault, b.host) for b in Broken(tmp_path).read()] == [
        ("kill-broker", "mq1"),
        ("power-off", "lb1"),
    ]
    Broken(tmp_path).remove("kill-broker", "mq1")
    Broken(tmp_path).remove("power-off", "lb1")
    assert Broken(tmp_path).read() == ()
    assert list(tmp_path.iterdir()) == []


def test_a_list_that_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('[{"fault": "burn", "host": "mq1"}]')
    with pytest.raises(MqctlError, match=r"broken\.json cannot be read"):
        Broken(tmp_path).read()


def test_the_bundled_scenarios() -> None:
    known = scenarios.bundled()
    assert [s.name for s in known] == sorted(s.name for s in known)
    assert {"kill-queue-leader", "power-off-vip-holder"} <= {s.name for s in scenarios.choose(Choice())}
    assert {s.run for s in scenarios.choose(Choice())} == {"by-default"}
    assert {s.run for s in scenarios.choose(Choice(breadth="with-all"))} == {"by-default", "with-all"}
    assert [s.name for s in scenarios.choose(Choice(("split-vip",)))] == ["split-vip"]
    twice = Choice(("split-vip", "kill-mirror", "split-vip"))
    assert [s.name for s in scenarios.choose(twice)] == ["split-vip", "kill-mirror"]  # one history each
    assert {s.fault for s in known} == {*get_args(FaultName)}


def test_an_unknown_scenario() -> None:
    with pytest.raises(UsageError) as caught:
        scenarios.choose(Choice(("kill-leader", "power-off-vip-holder")))
    assert caught.value.message == "no scenario kill-leader"
    assert "kill-queue-leader, " in caught.value.hint


def test_scenarios_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(GOOD)
    (tmp_path / "rare.yaml").write_text(GOOD + "run: by-name\n")
    (tmp_path / "notes.txt").write_text("no scenario")
    assert [s.name for s in scenarios.choose(Choice(directory=tmp_path))] == ["mine"]
    chosen = scenarios.choose(Choice(("rare", "kill-mirror"), tmp_path))
    assert [s.name for s in chosen] == ["rare", "kill-mirror"]


def test_directories_of_scenarios_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no directory .*/nowhere"):
        scenarios.choose(Choice(directory=tmp_path / "nowhere"))
    with pytest.raises(UsageError, match="no scenario in "):
        scenarios.choose(Choice(directory=tmp_path))
    (tmp_path / "kill-mirror.yaml").write_text(GOOD)
    with pytest.raises(UsageError, match="mqctl has a scenario kill-mirror already"):
        scenarios.choose(Choice(directory=tmp_path))


GOOD = "title: a b\nfault: kill-broker\ntarget: queue-leader\nhold: 2\n"


def test_a_scenario_reads_like_prose() -> None:
    assert scenarios.parse(GOOD, "my-own.yaml") == Scenario(
        name="my-own", title="a b", fault="kill-broker", target="queue-leader", hold=2
    )
    named = scenarios.parse(GOOD.replace("queue-leader", "{node: mq2}"), "my-own.yaml")
    assert (named.target, str(named.target)) == (NamedNode(node="mq2"), "mq2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "limit: 3\n", "x.yaml: limit: Extra inputs are not permitted"),
        (GOOD + "expect: {publish_gaps: 1}\n", "x.yaml: expect.publish_gaps: Extra inputs are not permitted"),
        (
            GOOD.replace("kill-broker", "tickle"),
            "x.yaml: fault: Input should be 'kill-broker', 'stop-broker', ",
        ),
        (
            GOOD.replace("kill-broker", "kill-haproxy"),
            "x.yaml: kill-haproxy happens to the entrance: its target is vip-holder, entrance or a node",
        ),
        (
            GOOD.replace("queue-leader", "vip-holder"),
            "x.yaml: kill-broker happens to brokers: its target is queue-leader, mirror, ",
        ),
        (
            GOOD.replace("kill-broker", "cut-from-peers").replace("queue-leader", "all"),
            "x.yaml: cut-from-peers of all brokers leaves nobody to cut them from",
        ),
        (
            GOOD.replace("kill-broker", "rolling-restart"),
            "x.yaml: rolling-restart is of all brokers: its target is all",
        ),
        (
            GOOD.replace("queue-leader", "leader"),
            "x.yaml: target: leader is no role: they are queue-leader, ",
        ),
        (GOOD.replace("queue-leader", "{host: mq1}"), "x.yaml: target: a target is a role, or"),
        (GOOD.replace("2", "-1"), "x.yaml: hold: Input should be greater than or equal to 0"),
        ("title: a b\n", "x.yaml: fault: Field required; target: Field required"),
        ("- a\n", "x.yaml: a scenario is a mapping: title, fault, target, hold, expect"),
        ("a: [", "x.yaml: while parsing a flow node"),
    ],
)
def test_scenarios_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenarios.parse(text, "x.yaml")
    assert caught.value.message.startswith(said)


QUEUE = "mqctl.failover.r.s.1"


def answer(host: str, leader: str | None, *, running: bool = True) -> HostStatus:
    queue = QueueStatus(vhost="/", name=QUEUE, type="classic", durable=True, leader=leader)
    return HostStatus(host=host, broker=BrokerStatus(running=running, node=f"rabbit@{host}", queues=(queue,)))


def router(host: str, holds: bool) -> HostStatus:
    return HostStatus(host=host, keepalived=KeepalivedStatus(holds_address=holds))


def led(*seen: tuple[str, str, str], mirrors: str = "mq1 mq3") -> ClusterStatus:
    """Each broker's view: who sees which leader and which synchronised mirrors."""
    hosts = []
    for host, leader, synchronised in seen:
        queue = QueueStatus(
            vhost="/", name=QUEUE, type="classic", durable=True, leader=f"rabbit@{leader}",
            mirrors=tuple(f"rabbit@{name}" for name in mirrors.split()),
            synchronised=tuple(f"rabbit@{name}" for name in synchronised.split()),
        )  # fmt: skip
        hosts.append(HostStatus(host=host, broker=BrokerStatus(running=True, queues=(queue,))))
    return ClusterStatus(at=datetime.now(UTC), hosts=tuple(hosts))


ALL_SEE = (("mq1", "mq2", "mq1 mq3"), ("mq2", "mq2", "mq1 mq3"), ("mq3", "mq2", "mq1 mq3"))


@pytest.mark.parametrize(
    ("target", "status", "rounds"),
    [
        ("queue-leader", led(*ALL_SEE), (("mq2",),)),
        ("mirror", led(*ALL_SEE), (("mq1",),)),
        ("mirror", led(("mq1", "mq2", "mq1 mq3"), ("mq2", "mq2", "mq3")), (("mq3",),)),
        ("every-node", led(), (("mq1",), ("mq2",), ("mq3",))),
        ("all", led(), (("mq1", "mq2", "mq3"),)),
        ("minority", led(*ALL_SEE), (("mq2",),)),
        ("majority", led(*ALL_SEE), (("mq2", "mq1"),)),
        ("entrance", led(), (("lb1", "lb2"),)),
        (NamedNode(node="mq3"), led(), (("mq3",),)),
    ],
)
def test_a_target_is_rounds_of_hosts(target: Target, status: ClusterStatus, rounds: targets.Rounds) -> None:
    assert targets.find(target, TOPOLOGY, status, QUEUE) == rounds


@pytest.mark.parametrize(
    "status",
    [
        led(),
        led(("mq1", "mq2", "")),
        led(("mq1", "mq2", "mq1"), ("mq2", "mq2", "mq3")),
        led(("mq1", "mq2", "mq9"), mirrors="mq9"),
    ],
)
def test_a_mirror_that_is_not_surely_in_sync_is_no_target(status: ClusterStatus) -> None:
    with pytest.raises(InconclusiveError, match="no broker holds a synchronised mirror of"):
        targets.find("mirror", TOPOLOGY, status, QUEUE)


@pytest.mark.parametrize(
    ("host", "preempt", "asked", "means"),
    [
        ("lb1", True, "as-configured", "returns"),
        ("lb1", False, "as-configured", "stays"),
        ("lb2", True, "as-configured", "stays"),
        ("mq1", True, "as-configured", "stays"),
        ("lb2", True, "returns", "returns"),
        ("lb1", True, None, None),
    ],
)
def test_where_the_vip_must_be_in_the_end(
    host: str, preempt: bool, asked: str | None, means: str | None
) -> None:
    """lb1 has the higher priority."""
    expect = Expectation.model_validate({"vip_after": asked})
    topology = mirrored_3node(keepalived={"preempt": preempt})
    assert targets.settled(expect, topology, host).vip_after == means


@pytest.mark.parametrize(
    ("fault", "target", "brokers", "lack"),
    [
        ("kill-broker", "queue-leader", 1, None),
        ("kill-broker", "mirror", 1, "at least 2 brokers, and few has 1"),
        ("kill-broker", "minority", 2, "at least 3 brokers, and few has 2"),
        ("kill-broker", "majority", 2, None),
        ("cut-from-peers", "queue-leader", 1, "at least 2 brokers, and few has 1"),
        ("kill-broker", NamedNode(node="mq2"), 1, "a host mq2, and few has none"),
        ("kill-broker", NamedNode(node="mq2"), 2, None),
        ("power-off", "vip-holder", 3, "a VIP, and few has none"),
        ("cut-vrrp", "entrance", 3, "a VIP, and few has none"),
    ],
)
def test_what_a_topology_lacks(fault: FaultName, target: Target, brokers: int, lack: str | None) -> None:
    few = TOPOLOGY.model_copy(update={"name": "few", "hosts": TOPOLOGY.hosts[:brokers]})
    scenario = Scenario(name="s", title="t", fault=fault, target=target)
    assert targets.missing(scenario, few) == lack
    assert targets.missing(scenario, TOPOLOGY) is None


@pytest.mark.parametrize(
    ("role", "hosts", "expected"),
    [
        ("queue-leader", [answer("mq1", "rabbit@mq2"), answer("mq2", "rabbit@mq2")], "mq2"),
        ("queue-leader", [answer("mq1", "rabbit@mq1", running=False), answer("mq2", "rabbit@mq2")], "mq2"),
        ("queue-leader", [answer("mq1", "rabbit@mq1"), answer("mq2", "rabbit@mq2")], "found mq1, mq2"),
        ("queue-leader", [answer("mq1", None)], "found none"),
        ("queue-leader", [answer("mq1", "rabbit@elsewhere")], "found none"),
        ("vip-holder", [router("lb1", False), router("lb2", True)], "lb2"),
        ("vip-holder", [router("lb1", True), router("lb2", True)], "found lb1, lb2"),
        ("vip-holder", [router("lb1", False), HostStatus(host="lb2", error="no route")], "found none"),
    ],
)
def test_a_role_is_one_host_or_nobody_knows(role: str, hosts: list[HostStatus], expected: str) -> None:
    status = ClusterStatus(at=datetime.now(UTC), hosts=tuple(hosts))
    if expected.startswith("found"):
        with pytest.raises(InconclusiveError, match=f"{role}: expected one host, {expected}"):
            targets.find(role, TOPOLOGY, status, QUEUE)  # type: ignore[arg-type]
    else:
        assert targets.find(role, TOPOLOGY, status, QUEUE) == ((expected,),)  # type: ignore[arg-type]
