"""What the lab tests share: one deployed cluster, from the bundled topology, in a network of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqctl import lab, share
from mqctl.model.topology import Topology
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent

NAME = f"mqctl-tests-{os.getpid()}"
"""Of this run alone: a second one at the same time fails on the network, and does not take down this lab."""
SUBNET = "10.93.41."


def be_patient(inventory: Path) -> None:
    """These tests prove what survives, on machines of any speed; how fast is the benchmarks' question."""
    objectives = inventory / "group_vars" / "all" / "objectives.yml"
    objectives.write_text("mqctl_objectives: {publish_gap: 60, delivery_gap: 60, vip_moved: 30}\n")


def copy_topology(name: str, target: Path, subnet: str) -> Path:
    """A bundled topology as an inventory of its own, its addresses moved to another network."""
    shutil.copytree(
        share.root() / "inventories" / name, target, ignore=shutil.ignore_patterns(".mqctl", "secrets.yml")
    )
    for path in target.rglob("*.yml"):
        path.write_text(path.read_text().replace("10.93.17.", subnet))
    be_patient(target)
    return target


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What mqctl remembers of these deploys stays out of the user's own state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """mirrored-3node, deployed from nothing. Whoever changes it puts it back."""
    inventory = copy_topology("mirrored-3node", tmp_path_factory.mktemp("inventories") / NAME, SUBNET)
    try:
        report = deploy(Wish(str(inventory)), Silent())
        bad = [result for result in report.results if result.outcome != "pass"]
        assert not bad
        yield report.topology
    finally:
        lab.down(NAME)
