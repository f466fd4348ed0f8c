"""Which scenarios are played: those that a person names, else the inventory's, else the default ones."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mqctl.errors import UsageError
from mqctl.faults import scenarios
from mqctl.faults.targets import find
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.workflows.failover_test import Choice, applicable
from tests.topologies import mirrored_3node, standalone


def chosen(topology: Topology, choice: Choice) -> list[str]:
    return [scenario.name for scenario in applicable(topology, choice)[0]]


def naming(*names: str) -> Topology:
    return mirrored_3node().model_copy(update={"scenarios": names})


def test_the_inventory_decides_when_nobody_else_does() -> None:
    topology = naming("power-off-minority", "kill-queue-leader")
    assert chosen(topology, Choice()) == ["power-off-minority", "kill-queue-leader"]
    assert chosen(topology, Choice(("memory-alarm",))) == ["memory-alarm"]
    everything = chosen(mirrored_3node(), Choice(breadth="with-all"))
    assert chosen(topology, Choice(breadth="with-all")) == everything


def test_a_directory_of_ones_own_wins_too(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("{title: t, fault: kill-broker, target: queue-leader}")
    assert chosen(naming("memory-alarm"), Choice(directory=tmp_path)) == ["mine"]


def test_without_any_the_default_ones_that_have_a_target() -> None:
    by_default = [scenario.name for scenario in scenarios.bundled() if scenario.run == "by-default"]
    assert chosen(mirrored_3node(), Choice()) == by_default
    assert set(chosen(standalone(), Choice())) < set(by_default)


def test_an_unknown_name_is_refused_with_where_it_stands() -> None:
    with pytest.raises(UsageError) as caught:
        applicable(naming("kill-queue-leader", "kill-everything"), Choice())
    assert caught.value.exit_code == 2
    assert caught.value.message == "no scenario kill-everything in mqctl_scenarios"
    assert caught.value.hint.startswith("there are: control-")


def test_one_without_a_target_here_is_refused() -> None:
    topology = standalone().model_copy(update={"scenarios": ("power-off-vip-holder",)})
    with pytest.raises(UsageError, match="power-off-vip-holder needs a VIP, and standalone has none"):
        applicable(topology, Choice())


def test_every_host_in_turn() -> None:
    scenario = next(one for one in scenarios.bundled() if one.name == "power-off-every-host-in-turn")
    nobody_asked = ClusterStatus(at=datetime(2026, 1, 1, tzinfo=UTC), hosts=())
    rounds = find(scenario.target, mirrored_3node(), nobody_asked, "q")
    assert rounds == (("mq1",), ("mq2",), ("mq3",), ("lb1",), ("lb2",))
