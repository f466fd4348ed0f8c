"""The same inventories on every RabbitMQ line, by changing images: one broker, quorum queues, two sites."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mqctl import lab
from mqctl.inventory import VaultOptions, load
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.model.versions import DEBIAN, line_of
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.init import init_lab
from mqctl.workflows.phase import Silent
from mqctl.workflows.verify import verify
from tests.lab import subnets
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

RUNS: list[tuple[str, tuple[Release, ...]]] = [
    *(("standalone", (release,)) for release in DEBIAN),
    *(("quorum-3node", (release,)) for release in DEBIAN),
    ("federation-2site", ("bullseye", "sid")),  # bookworm and trixie are its own images
]
"""A topology, and the images of its sites."""


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: "-".join((run[0], *run[1])))
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    name, releases = request.param
    directory = tmp_path_factory.mktemp("lines") / own_name("-".join((name, *releases)))
    init_lab(name, directory, subnets.take(), VaultOptions())
    variables = directory / "group_vars"
    choose(variables / "all" / "lab.yml", releases[0])
    for release in releases[1:]:
        choose(variables / "west.yml", release)
    try:
        report = deploy(Wish(str(directory)), Silent())
        assert report.outcome == "pass", [r for r in report.results if r.outcome != "pass"]
        yield load(directory)
    finally:
        lab.down(directory.name)


def choose(settings: Path, release: Release) -> None:
    """Another image in this file."""
    changed, count = re.subn(r"(?m)^  image: \w+", f"  image: {release}", settings.read_text())
    assert count == 1
    settings.write_text(changed)


def test_it_is_that_line_and_every_gate_passes(deployed: Topology) -> None:
    assert deployed.lab is not None
    names = {host.name for host in deployed.brokers}
    lines = [DEBIAN[deployed.lab.release(host)] for host in deployed.lab.hosts if host.name in names]
    found = verify(deployed, patience=120)
    assert found.outcome == "pass", [r for r in found.results if r.outcome != "pass"]
    versions = [host.broker.version or "" for host in found.status.hosts if host.broker]
    assert [line_of(version) for version in versions] == lines
    assert [r.outcome for r in found.results if r.gate == "erlang"] == ["pass"] * len(versions)


def wanted(site: Topology) -> tuple[str, int]:
    """Type and number of mirrors of a site's queues: east of the two sites mirrors classic ones."""
    if len(site.brokers) == 1:
        return "classic", 0
    return ("classic" if site.site.name == "east" else "quorum"), 2


def test_its_queues_are_as_durable_as_was_declared(deployed: Topology) -> None:
    status = verify(deployed).status
    for site in deployed.sites:
        declared = {queue.name for queue in site.objects.queues}
        found = [
            queue for host in status.of(site.site.hosts).hosts if host.broker for queue in host.broker.queues
        ]
        kinds = {(queue.type, len(queue.mirrors)) for queue in found if queue.name in declared}
        assert {queue.name for queue in found} >= declared
        assert kinds == {wanted(site)}


def test_a_second_deploy_has_nothing_to_do(deployed: Topology) -> None:
    assert deploy(Wish(str(deployed.inventory)), Silent()).plans == ()
