"""The same inventories on every RabbitMQ line: one broker, and quorum queues, by changing the image alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mqctl import lab
from mqctl.inventory import VaultOptions, load
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.model.versions import DEBIAN
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.init import init_lab
from mqctl.workflows.phase import Silent
from mqctl.workflows.verify import verify
from tests.lab import subnets
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

RUNS: list[tuple[str, Release]] = [
    *(("standalone", release) for release in DEBIAN),
    *(("quorum-3node", release) for release in DEBIAN),
]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: "-".join(run))
def deployed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    name, release = request.param
    directory = tmp_path_factory.mktemp("lines") / own_name(f"{name}-{release}")
    init_lab(name, directory, subnets.take(), VaultOptions())
    settings = directory / "group_vars" / "all" / "lab.yml"
    text = settings.read_text()
    settings.write_text("".join(_chosen(line, release) for line in text.splitlines(keepends=True)))
    try:
        report = deploy(Wish(str(directory)), Silent())
        assert report.outcome == "pass", [r for r in report.results if r.outcome != "pass"]
        yield load(directory)
    finally:
        lab.down(directory.name)


def _chosen(line: str, release: Release) -> str:
    return f"  image: {release}\n" if line.lstrip().startswith("image:") else line


def test_it_is_that_line_and_every_gate_passes(deployed: Topology) -> None:
    assert deployed.lab is not None
    line = DEBIAN[deployed.lab.image]
    found = verify(deployed, patience=120)
    assert found.outcome == "pass", [r for r in found.results if r.outcome != "pass"]
    versions = [host.broker.version or "" for host in found.status.hosts if host.broker]
    assert len(versions) == len(deployed.brokers)
    assert all(version.startswith(f"{line}.") for version in versions)
    assert [r.outcome for r in found.results if r.gate == "erlang"] == ["pass"] * len(versions)


def test_its_queues_have_the_type_that_was_declared(deployed: Topology) -> None:
    wanted = "quorum" if len(deployed.brokers) > 1 else "classic"
    status = verify(deployed).status
    queues = [queue for host in status.hosts if host.broker for queue in host.broker.queues]
    assert {queue.name for queue in queues} == {"orders", "orders.dead"}
    assert {queue.type for queue in queues} == {wanted}
    assert {len(queue.mirrors) for queue in queues} == {2 if wanted == "quorum" else 0}


def test_a_second_deploy_has_nothing_to_do(deployed: Topology) -> None:
    assert deploy(Wish(str(deployed.inventory)), Silent()).plans == ()
