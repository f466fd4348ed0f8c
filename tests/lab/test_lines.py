"""The same inventories on other RabbitMQ lines, by changing images: deployed, judged, and broken once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqctl import lab
from mqctl.faults.scenarios import Choice
from mqctl.inventory import VaultOptions, load
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.model.versions import DEBIAN, line_of
from mqctl.model.workload import WorkloadSettings
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.init import init_lab
from mqctl.workflows.phase import Silent
from mqctl.workflows.verify import verify
from mqctl.workload.fit import queue_type
from tests.lab import subnets
from tests.lab.failover import beside_waits, quiet
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

GAP = 60
"""Seconds that clients may wait, on machines of any speed."""
PATIENT = f"mqctl_objectives: {{publish_gap: {GAP}, delivery_gap: {GAP}}}\n"
Kind = tuple[str, int]
"""Type of a queue, and how many mirrors (members besides the leader) it has."""


@dataclass(frozen=True)
class Run:
    """A topology with the images of its sites, what its queues must be there, and the scenario to play."""

    name: str
    releases: tuple[Release, ...]
    kinds: tuple[Kind, ...]
    scenario: str = "power-off-queue-leader"

    def __str__(self) -> str:
        return "-".join((self.name, *self.releases))


RUNS = [
    *(Run("standalone", (release,), (("classic", 0),), "lose-queue-node") for release in DEBIAN),
    *(Run("quorum-3node", (release,), (("quorum", 2),)) for release in DEBIAN),
    Run("quorum-5node", ("bookworm",), (("quorum", 4),), "power-off-minority"),
    Run("mirrored-2node", ("bullseye",), (("classic", 1),)),
    Run("mirrored-3node", ("bullseye",), (("classic", 2),)),
    Run("mirrored-exactly", ("bullseye",), (("classic", 1),)),
    Run("mirrored-nodes", ("bullseye",), (("classic", 1),)),
    # bookworm and trixie are its own images
    Run("federation-2site", ("bullseye", "sid"), (("classic", 2), ("quorum", 2)), "lose-upstream"),
]


@dataclass(frozen=True)
class Deployed:
    """What stands."""

    run: Run
    topology: Topology


@pytest.fixture(scope="module", params=RUNS, ids=str)
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    run: Run = request.param
    directory = tmp_path_factory.mktemp("lines") / own_name(str(run))
    init_lab(run.name, directory, subnets.take(), VaultOptions())
    variables = directory / "group_vars"
    (variables / "all" / "objectives.yml").write_text(PATIENT)
    choose(variables / "all" / "lab.yml", run.releases[0])
    for release in run.releases[1:]:
        choose(variables / "west.yml", release)
    try:
        report = deploy(Wish(str(directory)), Silent())
        assert report.outcome == "pass", [r for r in report.results if r.outcome != "pass"]
        yield Deployed(run, load(directory))
    finally:
        lab.down(directory.name)


def choose(settings: Path, release: Release) -> None:
    """Another image in this file."""
    changed, count = re.subn(r"(?m)^  image: \w+", f"  image: {release}", settings.read_text())
    assert count == 1
    settings.write_text(changed)


def test_it_is_that_line_and_every_gate_passes(deployed: Deployed) -> None:
    topology = deployed.topology
    assert topology.lab is not None
    names = {host.name for host in topology.brokers}
    lines = [DEBIAN[topology.lab.release(host)] for host in topology.lab.hosts if host.name in names]
    found = verify(topology, patience=120)
    assert found.outcome == "pass", [r for r in found.results if r.outcome != "pass"]
    versions = [host.broker.version or "" for host in found.status.hosts if host.broker]
    assert [line_of(version) for version in versions] == lines
    assert [r.outcome for r in found.results if r.gate == "erlang"] == ["pass"] * len(versions)


def test_its_queues_are_as_durable_as_was_declared(deployed: Deployed) -> None:
    status = verify(deployed.topology).status
    for site, kind in zip(deployed.topology.sites, deployed.run.kinds, strict=True):
        declared = {queue.name for queue in site.objects.queues}
        brokers = [host.broker for host in status.of(site.site.hosts).hosts if host.broker]
        found = [queue for broker in brokers for queue in broker.queues if queue.name in declared]
        assert {queue.name for queue in found} == declared
        assert {(queue.type, len(queue.mirrors)) for queue in found} == {kind}


def test_a_second_deploy_has_nothing_to_do(deployed: Deployed) -> None:
    assert deploy(Wish(str(deployed.topology.inventory)), Silent()).plans == ()


def test_it_survives_there_too(deployed: Deployed, tmp_path: Path) -> None:
    """Of the standalone broker: publishing stops, as expected, and what was confirmed is there afterwards."""
    verify(deployed.topology, patience=120)
    choice = Choice((deployed.run.scenario,))
    settings = WorkloadSettings(duration=10, queue_type=queue_type(deployed.topology))
    report = workflow.failover_test(deployed.topology, settings, choice, tmp_path, quiet)
    assert report.verdicts
    against = [beside_waits(verdict) for verdict in report.verdicts if verdict.as_expected != "pass"]
    assert list(filter(None, against)) == []
    waits = [verdict.continuity.publish_gap or 0 for verdict in report.verdicts if verdict.expected == "pass"]
    assert max(waits, default=0) <= GAP
    assert all(verdict.messages.confirmed > 0 for verdict in report.verdicts)
    assert [verdict.messages.lost for verdict in report.verdicts] == [0] * len(report.verdicts)
