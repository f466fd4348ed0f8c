"""Three sites that all feed each other: an event of any of them is everywhere once, and goes no further."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mqctl.faults.site_links import site_links
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.workflows.stage import Stage
from tests.lab.conftest import copied, settled
from tests.lab.sites import Link, cut_off, fetch, publish, ready, running

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

EACH = 100
"""Messages from each site."""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    place = tmp_path_factory.mktemp("inventories")
    with copied("federation-3site", "federation", place) as inventory:
        topology = settled(inventory)
        with Hosts.of(topology, 3) as hosts, Hosts.of(topology, 3) as watchers:
            yield Stage(topology, "federation", place, hosts, watchers)


def everywhere_once(stage: Stage, sent: list[str]) -> None:
    """No event is missing, and none came twice, by whatever way."""
    for site in stage.topology.sites:
        assert sorted(fetch(site, "events", len(sent))) == sorted(sent)


def links_of(topology: Topology, site: Topology) -> set[Link]:
    """The running links that lead to this site or away from it."""
    name = site.site.name
    ends = [
        (link.declared.site.hosts, link.name)
        for link in site_links(topology)
        if name in (link.downstream.site.name, link.upstream.site.name)
    ]
    return {
        one for one in running(topology) for hosts, link in ends if one.host in hosts and one.upstream == link
    }


def test_an_event_is_at_every_site_once(stage: Stage) -> None:
    sites = stage.topology.sites
    assert len(sites) == 3
    everywhere_once(stage, [body for site in sites for body in publish(site, "shared.events", "any", EACH)])


def test_it_is_so_too_when_a_site_was_cut_off_meanwhile(stage: Stage) -> None:
    """For so long that its connections were given up: new ones bring what was not taken."""
    alone, *others = stage.topology.sites
    with cut_off(stage, alone):
        sent = [body for site in stage.topology.sites for body in publish(site, "shared.events", "any", EACH)]
        for site in others:
            wait(
                lambda site=site: ready(site, "events") == 2 * EACH,  # type: ignore[misc]
                timeout=30,
                what=f"the events of both sites at {site.site.name}",
            )
        assert ready(alone, "events") == EACH
        wait(
            lambda: not links_of(stage.topology, alone), timeout=120, interval=1, what="the end of its links"
        )
        assert [ready(site, "events") for site in (alone, *others)] == [EACH, 2 * EACH, 2 * EACH]
    everywhere_once(stage, sent)
