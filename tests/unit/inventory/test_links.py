"""Links of a two-site inventory: a site's name becomes the URIs of its entrance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl.faults.site_links import site_links
from mqctl.inventory import ensure
from mqctl.model.base import reveal
from mqctl.model.links import Parameter
from mqctl.model.topology import Topology
from mqctl.model.uri import shown, trouble
from mqctl.render.bundle import render
from tests.unit.inventory.test_sites import inventory

PLUGINS = ["rabbitmq_management", "rabbitmq_federation", "rabbitmq_shovel"]
PASSWORD = "p:@/%+ é?#&w"
EAST: dict[str, Any] = {
    "rabbitmq_plugins": PLUGINS,
    "rabbitmq_upstreams": [
        {"name": "west", "site": "west", "max-hops": 1, "ack-mode": "on-confirm"},
        {"name": "odd", "site": "west", "user": "od:d", "site-vhost": "c d/é"},
        {"name": "far", "uri": ["amqp://u:p@192.0.2.77:5672/x"]},
    ],
    "rabbitmq_upstream_sets": [{"name": "abroad", "upstreams": [{"upstream": "west", "max-hops": 2}]}],
    "rabbitmq_shovels": [
        {
            "name": "back",
            "src": {"queue": "q", "delete-after": "queue-length"},
            "dest": {"site": "west", "exchange": "x", "exchange-key": "k", "add-forward-headers": True},
            "reconnect-delay": 3,
        }
    ],
}
WEST: dict[str, Any] = {
    "rabbitmq_vhosts": [{"name": "/"}, {"name": "c d/é"}],
    "rabbitmq_users": [{"name": "od:d", "password": PASSWORD}],
}


@pytest.fixture
def two(tmp_path: Path) -> Topology:
    return ensure(inventory(tmp_path / "two", east=EAST, west=WEST))


def uris(parameter: Parameter) -> dict[str, list[str]]:
    return {key: [reveal(uri) for uri in found] for key, found in parameter.uris.items()}


def test_a_site_is_its_virtual_address_and_a_user_of_it(two: Topology) -> None:
    east, west = two.sites
    links = {one.name: one for one in east.objects.parameters}
    app = next(user for user in west.objects.users if user.name == "app")
    assert app.password is not None
    assert uris(links["west"]) == {"uri": [f"amqp://app:{reveal(app.password)}@192.0.2.29:5672/%2F"]}
    assert uris(links["odd"]) == {
        "uri": ["amqp://od%3Ad:p%3A%40%2F%25%2B%20%C3%A9%3F%23%26w@192.0.2.29:5672/c%20d%2F%C3%A9"]
    }
    assert uris(links["far"]) == {"uri": ["amqp://u:p@192.0.2.77:5672/x"]}
    assert west.objects.parameters == ()


def test_only_what_is_said_is_sent(two: Topology) -> None:
    links = {one.name: one for one in two.sites[0].objects.parameters}
    assert links["west"].value == {"ack-mode": "on-confirm", "max-hops": 1}
    assert links["abroad"].value == ({"upstream": "west", "max-hops": 2},)
    assert links["back"].value == {
        "src-queue": "q",
        "src-delete-after": "queue-length",
        "dest-exchange": "x",
        "dest-exchange-key": "k",
        "dest-add-forward-headers": True,
        "reconnect-delay": 3,
    }
    assert links["back"].passing
    assert uris(links["back"])["src-uri"] == ["amqp:///%2F"]


def test_a_site_without_an_entrance_is_every_broker(tmp_path: Path) -> None:
    path = inventory(tmp_path / "two", east=EAST, west=WEST)
    groups = yaml.safe_load((path / "hosts.yml").read_text())
    for name in ("haproxy", "keepalived", "west_hosts"):
        del groups[name]["hosts"]["west-lb1"]
    (path / "hosts.yml").write_text(yaml.safe_dump(groups))
    east = ensure(path).sites[0]
    upstream = next(one for one in east.objects.parameters if one.name == "odd")
    assert [uri.rpartition("@")[2] for uri in uris(upstream)["uri"]] == [
        "192.0.2.21:5672/c%20d%2F%C3%A9",
        "192.0.2.22:5672/c%20d%2F%C3%A9",
    ]


@pytest.mark.parametrize(("form", "file"), [("conf", "advanced.config"), ("classic", "rabbitmq.config")])
def test_static_shovels_stand_in_the_file_of_erlang_terms(tmp_path: Path, form: str, file: str) -> None:
    static = {
        "name": "move_it",
        "src": {"exchange": "x", "prefetch-count": 9},
        "dest": {
            "site": "west",
            "queue": "q",
            "declarations": [{"queue.declare": {"queue": "q", "durable": True}}, "queue.declare"],
            "publish-properties": {"delivery_mode": 2},
        },
        "ack-mode": "on-publish",
        "reconnect-delay": 0,
    }
    changes = {
        "rabbitmq_plugins": PLUGINS,
        "rabbitmq_static_shovels": [static],
        "rabbitmq_config_format": form,
    }
    two = ensure(inventory(tmp_path / "two", east=changes))
    files = {(bundle.host, spec.path): spec for bundle in render(two).values() for spec in bundle.files}
    spec = files["east-mq1", f"/etc/rabbitmq/{file}"]
    text = reveal(spec.content)
    for part in (
        '{move_it,[{source,[{protocol,amqp091},{uris,["amqp:///%2F"]}',
        '{\'queue.bind\',[{exchange,<<"x">>},{queue,<<"">>},{routing_key,<<"#">>}]}]},{queue,<<"">>}',
        "{declarations,[{'queue.declare',[{durable,true},{queue,<<\"q\">>}]},'queue.declare']}",
        '{publish_fields,[{exchange,<<"">>},{routing_key,<<"q">>}]}',
        "{publish_properties,[{delivery_mode,2}]}]},{ack_mode,on_publish},{reconnect_delay,0}]}",
    ):
        assert part in text
    assert "restart-broker" in spec.effects
    west = files.get(("west-mq1", f"/etc/rabbitmq/{file}"))
    assert west is None or "move_it" not in reveal(west.content)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("amqp://u:p@h:1/v", "amqp://u:********@h:1/v"),
        ("amqp://u:p@w/x@h", "amqp://u:********@h"),
        ("amqp://u@h", "amqp://u@h"),
        ("amqp:///%2F", "amqp:///%2F"),
        (
            "failed: amqps://u:p@h?password=key&verify=none now",
            "failed: amqps://u:********@h?password=********&verify=none now",
        ),
    ],
)
def test_no_password_of_a_uri_is_shown(text: str, said: str) -> None:
    assert shown(text) == said


@pytest.mark.parametrize("uri", ["amqp://", "amqps://[2001:db8::1]:5671/a%2Fb", "amqp://u:p%40@h"])
def test_uris_that_brokers_take(uri: str) -> None:
    assert trouble(uri) is None


def test_with_tls_a_link_verifies_the_site_it_leads_to(tmp_path: Path) -> None:
    path = inventory(tmp_path / "two", east=EAST, west=WEST)
    (path / "group_vars" / "all").mkdir(parents=True, exist_ok=True)
    (path / "group_vars" / "all" / "tls.yml").write_text("mqctl_tls: {}\n")
    links = {one.name: one for one in ensure(path).sites[0].objects.parameters}
    (uri,) = uris(links["odd"])["uri"]
    assert uri.startswith("amqps://od%3Ad:")
    assert "@192.0.2.29:5671/c%20d" in uri
    assert uri.partition("?")[2] == (
        "cacertfile=/etc/rabbitmq/tls/ca.pem&verify=verify_peer&server_name_indication=west"
    )
    assert uris(links["far"]) == {"uri": ["amqp://u:p@192.0.2.77:5672/x"]}
    assert {link.upstream.site.name for link in site_links(ensure(path))} >= {"west"}
