"""Failover tests of several sites: who plays where, and what a cut between sites drops."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.errors import MqctlError, UsageError
from mqctl.faults import catalogue, scenarios
from mqctl.faults.base import Place, Reach
from mqctl.faults.scenarios import Choice
from mqctl.faults.site_links import site_links
from mqctl.inventory import ensure
from mqctl.model.topology import Topology
from mqctl.workflows.failover_test import arranged
from tests.topologies import mirrored_3node
from tests.unit.inventory.test_sites import inventory

PLUGINS = ["rabbitmq_management", "rabbitmq_federation"]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    """East is fed from west, through west's virtual address."""
    east: dict[str, Any] = {
        "rabbitmq_plugins": PLUGINS,
        "rabbitmq_upstreams": [
            {"name": "far", "uri": ["amqp://u:p@198.51.100.7/%2F"]},
            {"name": "from-west", "site": "west"},
        ],
    }
    return ensure(inventory(tmp_path_factory.mktemp("sites") / "two", east=east))


class Net:
    """Every port looks as `code` says: 0 open, 124 silent."""

    def __init__(self, code: str) -> None:
        self.code = code
        self.asked: list[str] = []
        self.scripts: dict[str, str] = {}

    def shell(self, host: str, script: str, timeout: float) -> str:
        self.asked.append(f"{host}: {script.partition('/dev/tcp/')[2].partition(chr(39))[0]}")
        return self.code

    def network(self, host: str, script: str, timeout: float) -> str:
        self.scripts[host] = script
        return ""

    @property
    def reach(self) -> Reach:
        return Reach(self.shell, None, self.network)


def test_a_cut_drops_both_ways_what_goes_to_any_address_of_the_other_site(two: Topology) -> None:
    net = Net("124")
    catalogue.make("cut-sites", net.reach, Place(two, "west-mq1", ("west-mq1",))).inject()
    script = net.scripts["west-mq1"]
    for address in ("192.0.2.11", "192.0.2.12", "192.0.2.15", "192.0.2.19"):
        assert f"ip saddr {address} drop" in script
        assert f"ip daddr {address} drop" in script
    assert "192.0.2.2" not in script


def test_a_cut_is_seen_from_both_sides(two: Topology) -> None:
    net = Net("124")
    fault = catalogue.make("cut-sites", net.reach, Place(two, "west-mq1", ("west-mq1",)))
    assert fault.evidence() == (
        "port 5672 of east-mq1 is silent from west-mq1; port 5672 of west-mq1 is silent from east-mq1"
    )
    assert net.asked == ["west-mq1: 192.0.2.11/5672", "east-mq1: 192.0.2.21/5672"]
    assert catalogue.make("cut-sites", Net("0").reach, Place(two, "west-mq1")).evidence() is None


def test_a_cut_is_healed_by_a_process_that_knows_only_the_host(two: Topology) -> None:
    net = Net("0")
    catalogue.make("cut-sites", net.reach, Place(two, "west-lb1")).heal()
    assert "-D ${chain}PUT -j MQCTL-$chain" in net.scripts["west-lb1"]


def test_one_site_cannot_be_cut_from_another() -> None:
    with pytest.raises(MqctlError, match="mirrored-3node has no other site to cut mq1 from"):
        catalogue.make("cut-sites", Net("0").reach, Place(mirrored_3node(), "mq1"))


def test_links_lead_from_the_downstream_site_to_the_entrance_of_the_other(two: Topology) -> None:
    (link,) = site_links(two)
    assert (link.downstream.site.name, link.upstream.site.name, link.name) == ("east", "west", "from-west")
    assert site_links(mirrored_3node()) == []


def test_every_site_plays_its_own_and_a_downstream_site_those_of_its_link(two: Topology) -> None:
    names = ("kill-queue-leader", "cut-link", "lose-upstream")
    acts, skipped = arranged(two, Choice(names))
    assert [(act.scenario.name, act.site.site.name) for act in acts] == [
        ("east-kill-queue-leader", "east"),
        ("west-kill-queue-leader", "west"),
        ("east-from-west-cut-link", "east"),
        ("east-from-west-lose-upstream", "east"),
    ]
    assert skipped == []
    (only,) = arranged(two, Choice(names[:1]), "west")[0]
    assert only.scenario.name == "west-kill-queue-leader"


@pytest.mark.parametrize(
    ("topology", "names", "site", "message"),
    [
        ("two", (), "north", "two has no site north"),
        ("two", ("cut-link",), "west", "scenario cut-link has no place in site west of two"),
        ("one", (), "east", "mirrored-3node has no site east"),
        (
            "one",
            ("cut-link",),
            "",
            "scenario cut-link needs a link between two sites, and mirrored-3node has none",
        ),
    ],
)
def test_what_has_no_place_is_refused(
    two: Topology, topology: str, names: tuple[str, ...], site: str, message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        arranged(two if topology == "two" else mirrored_3node(), Choice(names), site)
    assert caught.value.message == message


def test_without_names_what_needs_a_link_is_left_out_of_a_single_site() -> None:
    acts, skipped = arranged(mirrored_3node(), Choice(breadth="with-all"))
    assert not [act for act in acts if act.scenario.target == "upstream-site"]
    assert {"cut-link", "lose-upstream"} <= set(skipped)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "{title: t, fault: cut-sites, target: all}",
            "x.yaml: cut-sites is between two sites: its target is upstream-site",
        ),
        (
            "{title: t, fault: power-off, target: upstream-site}",
            "x.yaml: upstream-site and clients across-a-link or beside-a-link go together",
        ),
    ],
)
def test_scenarios_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        scenarios.parse(text, "x.yaml")
    assert caught.value.message == message
