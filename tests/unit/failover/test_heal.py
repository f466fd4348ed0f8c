"""`mqctl heal`: what the list says, and brokers that stand still; nothing else is touched."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from mqctl.errors import MqctlError
from mqctl.faults.broken import Broken
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.ssh.session import Output
from mqctl.workflows import heal as module
from mqctl.workflows.heal import heal, wake
from mqctl.workflows.stage import Stage
from tests.topologies import mirrored_3node


@dataclass
class Brokers:
    """Hosts as a pool of connections: who answers what, and who was restarted."""

    says: dict[str, str]
    """What each says that its RabbitMQ does; a host that is not here does not answer."""
    then: dict[str, str] = field(default_factory=dict)
    """What a host says from its second answer on."""
    restarted: list[str] = field(default_factory=list)

    def run(self, host: str, argv: Sequence[str], stdin: str, timeout: float) -> Output:
        if host not in self.says:
            raise MqctlError(f"{host} is silent")
        if "systemctl restart rabbitmq-server" in stdin:
            self.restarted.append(host)
            self.says[host] = "running"
            return Output(0, "", "")
        assert "rabbit:is_running()" in stdin
        said, self.says[host] = self.says[host], self.then.get(host, self.says[host])
        return Output(0, said + "\n", "")


@dataclass
class Scene:
    stage: Stage
    brokers: Brokers


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    topology: Topology = mirrored_3node().model_copy(update={"state_dir": tmp_path})
    brokers = Brokers({"mq1": "running", "mq2": "still"})
    pool = cast("Hosts", brokers)
    return Scene(Stage(topology, "heal", tmp_path, pool, pool), brokers)


def test_a_broker_that_stands_still_is_restarted_and_no_other(scene: Scene) -> None:
    assert wake(scene.stage) == ("rabbitmq-server of mq2, whose RabbitMQ stayed down",)
    assert scene.brokers.restarted == ["mq2"]
    assert wake(scene.stage) == ()


@pytest.mark.parametrize(("state", "woken"), [("booting", ["mq1", "mq2"]), ("paused", ["mq2"])])
def test_a_boot_that_does_not_end_is_one_too_and_a_pause_is_not(
    scene: Scene, state: str, woken: list[str]
) -> None:
    scene.brokers.says["mq1"] = state
    assert len(wake(scene.stage, patience=0)) == len(woken)
    assert sorted(scene.brokers.restarted) == woken


def test_a_boot_that_ends_needs_nobody(scene: Scene) -> None:
    scene.brokers.says = {"mq1": "paused", "mq2": "booting", "mq3": "running"}
    scene.brokers.then = {"mq1": "running", "mq2": "running"}
    assert wake(scene.stage, patience=30) == ()


def test_nothing_broken_and_nothing_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def problem(_: Stage) -> str:
        raise AssertionError("nobody asked")

    monkeypatch.setattr(Stage, "problem", problem)
    assert heal(scene.stage) == ()


def test_gates_that_a_still_broker_holds_up_pass_once_it_is_awake(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    Broken(scene.stage.topology.state_dir).add("kill-haproxy", "lb1")
    monkeypatch.setattr(Stage, "problem", lambda _: "" if scene.brokers.restarted else "running of mq2")
    monkeypatch.setattr(module, "stubborn", _once)
    monkeypatch.setattr(Stage, "faults", lambda *_: {"lb1": _Healed()})
    first, second = heal(scene.stage)
    assert first.startswith("kill-haproxy of lb1, broken since ")
    assert second == "rabbitmq-server of mq2, whose RabbitMQ stayed down"
    assert Broken(scene.stage.topology.state_dir).read() == ()


class _Healed:
    def heal(self) -> None:
        """Nothing was broken for real."""


def _once(work: Callable[[], None], timeout: float) -> None:
    work()
