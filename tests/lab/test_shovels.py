"""Two sites on real containers with shovels between them: what a cut does to messages, and to both sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl.faults.scenarios import Choice
from mqctl.faults.site_links import SiteLink, site_links
from mqctl.gates.wait import wait
from mqctl.model.base import reveal
from mqctl.model.scenario import Scenario
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import PREFIX, WorkloadSettings
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.verdict.judge import judge
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.clients import Clients
from mqctl.workflows.damage import at_once
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.heal import heal
from mqctl.workflows.link_stage import link_stage
from mqctl.workflows.management import management
from mqctl.workflows.phase import Silent
from mqctl.workflows.scenario import Run
from mqctl.workflows.stage import Stage
from mqctl.workload import journal
from tests.lab.conftest import copied, settled
from tests.lab.failover import findings, quiet
from tests.lab.sites import cut_off, fetch, publish, ready, running, started

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

SETTINGS = WorkloadSettings(duration=10)
SHORT = 12.0
"""Seconds of a cut over which the shovel's connection lives on."""
LONG = 45.0
"""Seconds after which it is dead for certain: the client sends heartbeats every 10 s, and misses a few."""
UPSTREAM = ("east-mq1", "east-mq2")
DYNAMIC, STATIC = "shovel-2site", "shovel-2site-static"
BACKLOG = 5000
"""Messages that wait before there is a shovel."""

dynamic = pytest.mark.parametrize("inventory", [DYNAMIC], indirect=True)
static = pytest.mark.parametrize("inventory", [STATIC], indirect=True)


@pytest.fixture(scope="module", params=[DYNAMIC, STATIC])
def inventory(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with copied(request.param, request.param, tmp_path_factory.mktemp("inventories")) as path:
        yield path


@pytest.fixture
def stage(inventory: Path, tmp_path: Path) -> Iterator[Stage]:
    """The deployed sites; whatever a test breaks is healed, and healthy in the end."""
    topology = settled(inventory)
    with Hosts.of(topology, 3) as hosts, Hosts.of(topology, 3) as watchers:
        made = Stage(topology, "shovels", tmp_path, hosts, watchers)
        wait(lambda: not made.problem(), timeout=120, interval=1, what="health before the test")
        yield made
        heal(made)
        wait(lambda: not made.problem(), timeout=120, interval=1, what="health after the test")


def cut(hold: float) -> Scenario:
    """The bundled scenario, shorter, and for a machine of any speed."""
    (bundled,) = workflow.listed(Choice(("cut-link",)))
    patient = bundled.expect.model_copy(update={"publish_gap": 60})
    return bundled.model_copy(update={"hold": hold, "expect": patient})


def play(stage: Stage, link: SiteLink, hold: float) -> tuple[Verdict, Path]:
    history = Run(link_stage(stage, link, "across-a-link"), cut(hold), SETTINGS, quiet).play()
    return judge(journal.read(history)), history


def link_of(topology: Topology, name: str) -> SiteLink:
    """A dynamic shovel from east to west, also one that is not the first of them."""
    east, west = topology.sites
    ((declared, shovel),) = [
        (site, one) for site in (east, west) for one in site.objects.parameters if one.name == name
    ]
    return SiteLink(west, east, declared, name, shovel)


@pytest.mark.parametrize("queue", ["orders", "backlog"])
def test_a_queue_comes_over_whole_and_in_order(stage: Stage, queue: str) -> None:
    """Of static ones that of `orders` stands in advanced.config, that of `backlog` in rabbitmq.config."""
    east, west = stage.topology.sites
    sent = publish(east, "", queue, 100)
    assert fetch(west, queue, len(sent)) == sent
    assert ready(east, queue) == 0


def test_what_is_published_to_an_exchange_comes_to_the_queues_of_the_other_one(stage: Stage) -> None:
    east, west = stage.topology.sites
    sent = publish(east, "events", "any.key", 100)
    assert fetch(west, "events", len(sent)) == sent


def test_a_backlog_moves_to_the_idle_site_when_a_shovel_comes(stage: Stage, inventory: Path) -> None:
    east, west = stage.topology.sites
    west_variables = inventory / "group_vars" / "west.yml"
    was = west_variables.read_text()
    without = {key: value for key, value in yaml.safe_load(was).items() if not key.endswith("_shovels")}
    west_variables.write_text(yaml.safe_dump(without))
    try:
        settled(inventory)
        sent = publish(east, "", "backlog", BACKLOG)
        assert (ready(east, "backlog"), ready(west, "backlog")) == (BACKLOG, 0)
        before = started(stage.topology)
    finally:
        west_variables.write_text(was)
    settled(inventory)
    wait(lambda: ready(west, "backlog") == BACKLOG, timeout=120, what="the backlog in the idle site")
    assert ready(east, "backlog") == 0
    assert sorted(fetch(west, "backlog", BACKLOG)) == sorted(sent)
    restarted = {host for host, when in started(stage.topology).items() if when != before[host]}
    assert restarted == ({*west.site.hosts} if west.site.static_shovels else set())


@static
def test_what_waits_while_the_sites_are_apart_comes_over_afterwards(stage: Stage) -> None:
    """Whoever runs the shovel; some of it twice, as of every shovel that confirms."""
    east, west = stage.topology.sites
    before = running(stage.topology)
    assert {link.name for link in before} == {"orders", "backlog", "events"}
    with cut_off(stage, east):
        sent = {queue: publish(east, "", queue, 100) for queue in ("orders", "backlog")}
        wait(
            lambda: not running(stage.topology), timeout=120, interval=1, what="the shovels to notice the cut"
        )
        assert [ready(west, queue) for queue in sent] == [0, 0]
    for queue, messages in sent.items():
        found = fetch(west, queue, len(messages))
        assert set(found) == set(messages)
        assert ready(east, queue) == 0


@dynamic
def test_the_link_that_is_played_is_the_first_shovel(stage: Stage) -> None:
    assert site_links(stage.topology) == [link_of(stage.topology, "orders")]


@dynamic
@pytest.mark.parametrize("name", ["orders", "backlog"])
def test_what_is_published_during_a_cut_arrives_afterwards(stage: Stage, name: str) -> None:
    """`orders` runs where messages come from, `backlog` where they go to."""
    verdict, history = play(stage, link_of(stage.topology, name), SHORT)
    found = findings(verdict)
    assert found == dict.fromkeys(found, "pass")
    assert found.keys() >= {"fault.effect", "cluster.recovered", "messages.lost", "messages.drained"}
    assert verdict.messages.confirmed > 1000
    assert verdict.messages.lost == verdict.messages.missing == 0
    assert (verdict.continuity.delivery_gap or 0) >= SHORT
    said = history.read_text()
    for site in stage.topology.sites:
        assert not [
            user.name for user in site.objects.users if user.password and reveal(user.password) in said
        ]
        assert management(site).shovels() == tuple(
            sorted(one.name for one in site.objects.parameters if one.component == "shovel")
        )


@dynamic
def test_what_a_killed_test_left_is_removed_by_the_next_one(stage: Stage) -> None:
    exchange = f"{PREFIX}killed.cut-link"
    for name in ("orders", "backlog"):
        across = link_stage(stage, link_of(stage.topology, name), "across-a-link")
        Clients(across, SETTINGS, f"{exchange}.{name}", stage.histories / "none").declare()
    assert [len(left) for left in leftovers(stage)] == [3, 3]
    workflow.clean(stage)
    assert leftovers(stage) == [set(), set()]


def leftovers(stage: Stage) -> list[set[str]]:
    """Queues and shovels of tests, site by site."""
    found = probe(stage.topology, render(stage.topology), pool=stage.hosts)
    here = [found.of(site.site.hosts).hosts for site in stage.topology.sites]
    queues = [
        {f"queue {q.name}" for host in hosts if host.broker for q in host.broker.queues} for hosts in here
    ]
    shovels = [{f"shovel {name}" for name in management(site).shovels()} for site in stage.topology.sites]
    return [
        {name for name in both if name.partition(" ")[2].startswith(PREFIX)}
        for both in map(set.union, queues, shovels)
    ]


@dynamic
def test_a_cut_is_seen_from_both_sites_and_healed_by_a_stranger(stage: Stage) -> None:
    """Healed by `mqctl heal` from the list on disc alone, as after a SIGKILL of the test."""
    faults = stage.faults("cut-sites", UPSTREAM, hold=30)
    assert {host: fault.evidence() for host, fault in faults.items()} == dict.fromkeys(UPSTREAM)
    for host in faults:
        stage.broken.add("cut-sites", host)
    at_once([fault.inject for fault in faults.values()])
    for host, fault in faults.items():
        wait(lambda fault=fault: fault.evidence() is not None, timeout=30, what=f"the cut of {host}")  # type: ignore[misc]
    assert faults["east-mq1"].evidence() == (
        "port 5672 of west-mq1 is silent from east-mq1; port 5672 of east-mq1 is silent from west-mq1"
    )
    healed = workflow.heal_all(stage.topology)
    assert [line.partition(",")[0] for line in healed] == [f"cut-sites of {host}" for host in UPSTREAM]
    assert stage.broken.read() == ()
    assert {host: fault.evidence() for host, fault in faults.items()} == dict.fromkeys(UPSTREAM)
    assert stage.reach.network is not None
    for host in UPSTREAM:
        assert "MQCTL" not in stage.reach.network(
            host, "iptables -w -S; command -v nft >/dev/null && nft list ruleset; :", 10
        )


@dynamic
def test_a_shovel_that_confirms_nothing_loses_messages_and_is_found_out(
    stage: Stage, inventory: Path
) -> None:
    east = inventory / "group_vars" / "east.yml"
    was = east.read_text()
    assert was.count("ack-mode: on-confirm") == 1
    east.write_text(was.replace("ack-mode: on-confirm", "ack-mode: no-ack"))
    try:
        topology = deploy(Wish(str(inventory)), Silent()).topology
        with Hosts.of(topology, 3) as hosts, Hosts.of(topology, 3) as watchers:
            unsafe = Stage(topology, "unsafe", stage.histories, hosts, watchers)
            wait(lambda: not unsafe.problem(), timeout=120, interval=1, what="health before the test")
            (link,) = site_links(topology)
            verdict, _ = play(unsafe, link, LONG)
    finally:
        east.write_text(was)
        deploy(Wish(str(inventory)), Silent())
    assert verdict.outcome == "fail"
    assert findings(verdict)["messages.lost"] == "fail"
    assert verdict.messages.lost > 100
