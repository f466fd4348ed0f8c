"""A topology as a picture: every host is in it, nothing overlaps, arrows go where the clients go."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from mqctl.model.draft import Draft, DraftHost
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.render.context.graph import HEIGHT, WIDTH, Graph, graph
from mqctl.workflows.topologies import picture


def broker(name: str, site: str = "", **settings: Any) -> DraftHost:
    return DraftHost(
        name, frozenset({"rabbitmq"}), site=site, rabbitmq=RabbitmqSettings.model_validate(settings)
    )


def balancer(name: str, priority: int, site: str = "") -> DraftHost:
    router = KeepalivedSettings.model_validate({"virtual_address": "192.0.2.9/24", "priority": priority})
    groups = frozenset({"haproxy", "keepalived"})
    return DraftHost(name, groups, site=site, haproxy=HaproxySettings(), keepalived=router)


ENTRANCE = (balancer("lb1", 100), balancer("lb2", 150))
BIG = Draft((*(broker(f"mq{i}", node_type="ram" if i > 3 else "disc") for i in range(1, 11)), *ENTRANCE))
WARREN = Draft(
    (broker("mq1", clustered=False), broker("mq2", clustered=False, haproxy_backup=True), *ENTRANCE)
)
SITES = Draft((broker("a1", "a"), broker("a2", "a"), broker("b1", "b"), balancer("b-lb", 100, "b")))


def names(drawn: Graph, key: str) -> str:
    return next(node.name for node in drawn.nodes if node.key == key)


def arrows(drawn: Graph) -> dict[tuple[str, str], str]:
    return {(names(drawn, edge.start), names(drawn, edge.end)): edge.line for edge in drawn.edges}


@pytest.mark.parametrize("draft", [BIG, WARREN, SITES, Draft((broker("mq1"),))])
def test_every_host_is_drawn_once_and_none_over_another(draft: Draft) -> None:
    drawn = graph("x", draft)
    assert sorted(host.name for host in draft.hosts) == sorted(
        node.name for node in drawn.nodes if node.kind not in ("client", "address")
    )
    for one in drawn.nodes:
        assert 0 <= one.x <= drawn.width - WIDTH
        assert 0 <= one.y <= drawn.height - HEIGHT
        apart = [
            abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
            for other in drawn.nodes
            if other is not one
        ]
        assert all(apart)


def test_the_way_of_the_clients() -> None:
    way = arrows(graph("x", Draft((broker("mq1"), broker("mq2", haproxy_weight=0), *ENTRANCE))))
    assert way == {
        ("clients", "192.0.2.9"): "plain",
        ("192.0.2.9", "lb1"): "standby",
        ("192.0.2.9", "lb2"): "plain",
        ("lb1", "mq1"): "plain",
        ("lb2", "mq1"): "plain",
    }


def test_without_an_entrance_clients_go_to_the_brokers() -> None:
    assert arrows(graph("x", Draft((broker("mq1"), broker("mq2"))))) == {
        ("clients", "mq1"): "plain",
        ("clients", "mq2"): "plain",
    }


def test_a_warren_is_no_cluster_and_its_backup_is_a_standby() -> None:
    drawn = graph("x", WARREN)
    assert arrows(drawn)["lb1", "mq2"] == "standby"
    assert [frame.name for frame in drawn.frames] == ["on its own", "on its own"]


def test_sites_have_frames_of_their_own() -> None:
    frames = {frame.name: frame for frame in graph("x", SITES).frames}
    assert set(frames) == {"site a", "site b", "cluster"}
    a, b = frames["site a"], frames["site b"]
    assert a.x + a.width <= b.x


def test_links_go_the_way_of_the_messages() -> None:
    """An upstream is declared where the messages arrive; a shovel says where from and where to."""
    upstream = {"upstreams": [{"name": "a", "site": "a"}]}
    away = {"name": "s", "src": {"queue": "q"}, "dest": {"queue": "q", "site": "b"}}
    outside = {"name": "o", "src": {"queue": "q"}, "dest": {"queue": "q", "uri": ["amqp://elsewhere"]}}
    draft = Draft((broker("a1", "a", shovels=[away, outside]), broker("b1", "b", **upstream)))
    drawn = graph("x", draft)
    assert [(e.start, e.end, e.label) for e in drawn.edges if e.line == "link"] == [
        ("s0", "s1", "shovel"),
        ("s0", "s1", "federation"),
    ]
    assert "s0 ==>|federation| s1" in picture("x", draft, "mermaid")


@pytest.mark.parametrize("draft", [BIG, WARREN, SITES])
def test_the_picture_is_well_formed_and_hostile_names_stay_text(draft: Draft) -> None:
    hostile = Draft((*draft.hosts, DraftHost('<b>&"x', frozenset({"haproxy"}), haproxy=HaproxySettings())))
    root = ElementTree.fromstring(picture('<i>&"', hostile, "svg"))
    assert '<b>&"x' in [element.text for element in root.iter()]
    mermaid = picture("x", hostile, "mermaid")
    assert mermaid.startswith("flowchart TB\n")
    assert "<b>&#quot;x" in mermaid
