"""What the lab tests share: one deployed cluster, from the bundled topology, in a network of its own."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from ipaddress import IPv4Network
from pathlib import Path

import pytest
import yaml
from docker.errors import DockerException

from mqctl import lab, share
from mqctl.errors import MqctlError
from mqctl.faults.scenarios import Choice, listed
from mqctl.gates.wait import wait
from mqctl.inventory import VaultOptions
from mqctl.model.lab import LabHost, LabSpec, Release
from mqctl.model.objectives import Bound, Objectives
from mqctl.model.topology import Topology
from mqctl.model.workload import Patience, WorkloadSettings
from mqctl.private import STATE_DIR
from mqctl.ssh import Hosts
from mqctl.verdict.bounds import bounds
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.plan import plan
from mqctl.workflows.stage import Stage
from tests import inventories
from tests.lab import subnets
from tests.lab.leftovers import is_alive_elsewhere, own_name, remove_abandoned


def be_patient(inventory: Path) -> None:
    """These tests prove what survives, on machines of any speed; how fast is the benchmarks' question."""
    objectives = inventory / "group_vars" / "all" / "objectives.yml"
    objectives.write_text("mqctl_objectives: {publish_gap: 60, delivery_gap: 60, vip_moved: 30}\n")


def connection_of(name: str) -> str:
    """A bundled lab's connection variables, for an inventory that a test writes itself."""
    return (share.root() / "inventories" / name / "group_vars" / "all" / "connection.yml").read_text()


def copy_topology(name: str, target: Path, subnet: IPv4Network) -> Path:
    """A bundled topology as an inventory of its own, its addresses moved to another network."""
    inventories.bare(name, target)
    lab_settings = yaml.safe_load((target / "group_vars" / "all" / "lab.yml").read_text())["mqctl_lab"]
    home = subnets.beginning(IPv4Network(lab_settings["subnet"]))
    for path in target.rglob("*.yml"):
        path.write_text(path.read_text().replace(home, subnets.beginning(subnet)))
    be_patient(target)
    return target


@contextmanager
def own_lab(
    what: str, place: Path, hosts: Mapping[str, int], image: Release = "bookworm"
) -> Iterator[LabSpec]:
    """Running hosts without an inventory, by the last number of their addresses, on a free network."""
    subnet = subnets.take()
    spec = LabSpec(
        name=own_name(what),
        image=image,
        subnet=subnet,
        hosts=tuple(LabHost(name=host, address=subnet[number]) for host, number in hosts.items()),
        state_dir=place / STATE_DIR,
    )
    try:
        lab.up(spec, lambda what, message: None)
        yield spec
    finally:
        lab.down(spec.name)


@contextmanager
def copied(bundled: str, what: str, parent: Path, gap: float = 60) -> Iterator[Path]:
    """A bundled topology as an inventory of this process's own, whose lab is gone afterwards.

    Clients may wait `gap` seconds, for anything but a move of the address: nothing moves it in these tests.
    """
    name = own_name(what)
    path = copy_topology(bundled, parent / name, subnets.take())
    objectives = f"mqctl_objectives: {{publish_gap: {gap}, delivery_gap: {gap}}}\n"
    (path / "group_vars" / "all" / "objectives.yml").write_text(objectives)
    try:
        yield path
    finally:
        lab.down(name)


def by_timers(topology: Topology, scenario: str, settings: WorkloadSettings) -> tuple[Bound, ...]:
    """What the timers in use allow, whatever the inventory's objectives do: these replace computed limits."""
    (played,) = listed(Choice((scenario,)))
    unasked = topology.model_copy(update={"objectives": Objectives()})
    return bounds(unasked, played, played.settings(settings), Patience())


def settled(inventory: Path) -> Topology:
    """Deployed, with no gate against it and nothing left to change."""
    report = deploy(Wish(str(inventory)), Silent())
    assert {result.outcome for result in report.results} <= {"pass", "skipped"}
    assert plan(str(inventory), VaultOptions()).plan.empty
    return report.topology


@pytest.fixture(scope="session", autouse=True)
def _without_leftovers() -> None:
    """What a killed run left takes memory; where it cannot be removed it is in nobody's way."""
    with suppress(MqctlError, DockerException):
        remove_abandoned(is_alive_elsewhere)


@pytest.fixture(scope="session", autouse=True)
def interruptible() -> None:
    """A shell starts background jobs deaf to SIGINT, and so would be the programs that tests interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What mqctl remembers of these deploys stays out of the user's own state."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """mirrored-3node, deployed from nothing. Whoever changes it puts it back."""
    name = own_name("deployed")
    inventory = copy_topology("mirrored-3node", tmp_path_factory.mktemp("inventories") / name, subnets.take())
    try:
        yield _deployed(inventory)
    finally:
        lab.down(name)


@contextmanager
def healthy_around(topology: Topology, place: Path) -> Iterator[None]:
    """Every gate passes before, and again afterwards."""
    with Hosts.of(topology) as hosts, Hosts.of(topology) as watchers:
        stage = Stage(topology, "check", place, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=120, interval=1, what="health before the test")
        yield
        wait(lambda: not stage.problem(), timeout=180, interval=1, what="health after the test")


@pytest.fixture
def healthy(deployed: Topology, tmp_path: Path) -> Iterator[Topology]:
    """The deployed cluster with every gate passing, before and after."""
    with healthy_around(deployed, tmp_path):
        yield deployed


def _deployed(inventory: Path) -> Topology:
    """A failure in one line: every test repeats it, and only the first shows the traceback."""
    try:
        report = deploy(Wish(str(inventory)), Silent())
    except Exception as error:
        traceback.print_exc()
        pytest.fail(f"no cluster to test on: {error!r}", pytrace=False)
    bad = [result for result in report.results if result.outcome != "pass"]
    if bad:
        pytest.fail(f"no cluster to test on: {bad}", pytrace=False)
    return report.topology
