"""What is decided and computed before a template prints it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from mqctl.model.base import reveal
from mqctl.model.topology import Topology
from mqctl.render.bundle import render
from mqctl.render.context.haproxy import duration
from mqctl.render.context.rabbitmq import ENDLESS
from tests import topologies
from tests.topologies import balancer, broker, mirrored_3node, standalone, topology, with_site
from tests.unit.render.erlang_reader import Atom, Charlist, read


def shown(wanted: Topology, host: str, path: str) -> str:
    return next(reveal(one.content) for one in render(wanted)[host].files if one.path == path)


def conf(wanted: Topology, host: str = "mq1") -> dict[str, str]:
    text = shown(wanted, host, "/etc/rabbitmq/rabbitmq.conf")
    return dict(line.split(" = ", 1) for line in text.splitlines() if not line.startswith("#"))


def classic(wanted: Topology) -> dict[str, dict[str, Any]]:
    terms = read(shown(wanted, "mq1", "/etc/rabbitmq/rabbitmq.config"))
    return {app.name: {key.name: value for key, value in pairs} for app, pairs in terms}


def haproxy(wanted: Topology) -> str:
    return shown(wanted, "lb1", "/etc/haproxy/haproxy.cfg")


def keepalived(wanted: Topology, host: str = "lb1") -> str:
    return shown(wanted, host, "/etc/keepalived/keepalived.conf")


BOTH: list[tuple[dict[str, Any], dict[str, str], str, str, Any]] = [
    ({}, {"listeners.tcp.default": "5672"}, "rabbit", "tcp_listeners", [5672]),
    (
        {"bind_address": "192.0.2.1", "port": 5673},
        {"listeners.tcp.default": "192.0.2.1:5673"},
        "rabbit",
        "tcp_listeners",
        [(Charlist("192.0.2.1"), 5673)],
    ),
    (
        {"bind_address": "2001:db8::1"},
        {"listeners.tcp.default": "2001:db8::1:5672"},
        "rabbit",
        "tcp_listeners",
        [(Charlist("2001:db8::1"), 5672)],
    ),
    (
        {"management_port": 8080},
        {"management.tcp.port": "8080"},
        "rabbitmq_management",
        "tcp_config",
        [(Atom("port"), 8080)],
    ),
    ({"heartbeat": 0}, {"heartbeat": "0"}, "rabbit", "heartbeat", 0),
    ({"net_ticktime": 15}, {"net_ticktime": "15"}, "kernel", "net_ticktime", 15),
    (
        {"partition_handling": "autoheal"},
        {"cluster_partition_handling": "autoheal"},
        "rabbit",
        "cluster_partition_handling",
        Atom("autoheal"),
    ),
    (
        {"memory_high_watermark": 1},
        {"vm_memory_high_watermark.relative": "1.0"},
        "rabbit",
        "vm_memory_high_watermark",
        1.0,
    ),
    (
        {"memory_high_watermark": 0.00001},
        {"vm_memory_high_watermark.relative": "0.00001"},
        "rabbit",
        "vm_memory_high_watermark",
        0.00001,
    ),
    (
        {"disk_free_limit": "1GB"},
        {"disk_free_limit.absolute": "1GB"},
        "rabbit",
        "disk_free_limit",
        Charlist("1GB"),
    ),
    ({"disk_free_limit": "7"}, {"disk_free_limit.absolute": "7"}, "rabbit", "disk_free_limit", 7),
    ({"consumer_timeout": 0.5}, {"consumer_timeout": "500"}, "rabbit", "consumer_timeout", 500),
    ({"channel_max": 9}, {"channel_max": "9"}, "rabbit", "channel_max", 9),
    ({}, {"loopback_users.guest": "true"}, "rabbit", "loopback_users", ["guest"]),
    ({}, {"default_user_tags.administrator": "false"}, "rabbit", "default_user_tags", []),
    (
        {},
        {f"default_permissions.{right}": "^$" for right in ("configure", "read", "write")},
        "rabbit",
        "default_permissions",
        ["^$"] * 3,
    ),
    (
        {},
        {f"cluster_formation.classic_config.nodes.{i}": f"rabbit@mq{i}" for i in (1, 2, 3)},
        "rabbit",
        "cluster_nodes",
        ([Atom("rabbit@mq1"), Atom("rabbit@mq2"), Atom("rabbit@mq3")], Atom("disc")),
    ),
    (
        {"version": "3.8"},
        {
            "cluster_formation.discovery_retry_limit": str(ENDLESS),
            "cluster_formation.randomized_startup_delay_range.max": "0",
        },
        "rabbit",
        "cluster_formation",
        [
            (Atom("peer_discovery_backend"), Atom("rabbit_peer_discovery_classic_config")),
            (Atom("discovery_retry_limit"), ENDLESS),
            (Atom("randomized_startup_delay_range"), (0, 0)),
        ],
    ),
    (
        {"log_level": "warning"},
        {"log.file.level": "warning", "log.connection.level": "error"},
        "rabbit",
        "log",
        [
            (Atom("file"), [(Atom("level"), Atom("warning"))]),
            (Atom("categories"), [(Atom("connection"), [(Atom("level"), Atom("error"))])]),
        ],
    ),
]


@pytest.mark.parametrize(("wanted", "lines", "app", "name", "value"), BOTH)
def test_both_formats_say_the_same(
    wanted: dict[str, Any], lines: dict[str, str], app: str, name: str, value: Any
) -> None:
    assert lines.items() <= conf(mirrored_3node(wanted)).items()
    assert classic(mirrored_3node({**wanted, "config_format": "classic"}))[app][name] == value


@pytest.mark.parametrize("version", ["3.10", "3.13", "4.0", "4.3", None])
def test_the_startup_delay_is_a_key_of_old_versions_only(version: str | None) -> None:
    assert not [key for key in conf(mirrored_3node({"version": version})) if "delay" in key]


def test_a_single_broker_looks_for_no_peers() -> None:
    assert not [key for key in conf(standalone()) if "cluster_formation" in key]


def test_a_broker_without_management_has_no_key_of_it() -> None:
    assert "management.tcp.port" not in conf(standalone(plugins=()))


def test_ram_nodes_say_so() -> None:
    lines = conf(mirrored_3node({"node_type": "ram"}))
    assert lines["cluster_formation.node_type"] == "ram"


@pytest.mark.parametrize(("check", "level"), [("amqp", "info"), ("amqp", "debug"), ("tcp", "info")])
def test_the_log_is_quiet_about_connections_only_where_checks_would_fill_it(check: str, level: str) -> None:
    lines = conf(mirrored_3node({"log_level": level}, {"check": check}))
    assert ("log.connection.level" in lines) == ((check, level) == ("amqp", "info"))


def test_the_inventorys_lines_win() -> None:
    lines = shown(
        mirrored_3node({"extra_conf": {"heartbeat": 7, "x.y": True}}), "mq1", "/etc/rabbitmq/rabbitmq.conf"
    )
    assert re.findall(r"^heartbeat = .*", lines, re.MULTILINE) == ["heartbeat = 7"]
    assert lines.endswith("x.y = true\n")


def test_the_inventorys_terms_win_and_join() -> None:
    wanted = {"config_format": "classic", "advanced_config": {"rabbit": {"heartbeat": 9}, "kernel": {"a": 1}}}
    terms = classic(mirrored_3node(wanted))
    assert terms["rabbit"]["heartbeat"] == 9
    assert terms["kernel"] == {"net_ticktime": 60, "a": 1}


@pytest.mark.parametrize(("name", "where"), [("plain name", "conf"), ("a#b", "advanced"), ("é", "advanced")])
def test_a_cluster_name_goes_where_it_can_be_said(name: str, where: str) -> None:
    wanted = with_site(mirrored_3node(), cluster_name=name)
    if where == "conf":
        assert conf(wanted)["cluster_name"] == name
    else:
        assert "cluster_name" not in conf(wanted)
        terms = read(shown(wanted, "mq1", "/etc/rabbitmq/advanced.config"))
        assert terms == [(Atom("rabbit"), [(Atom("cluster_name"), name)])]


@pytest.mark.parametrize(("name", "long"), [("mq1", False), ("mq1.example", True)])
def test_long_names_only_for_names_with_dots(name: str, long: bool) -> None:
    env = shown(topology("t", (broker(name, "192.0.2.1"),)), name, "/etc/rabbitmq/rabbitmq-env.conf")
    assert f"NODENAME='rabbit@{name}'" in env
    assert ("USE_LONGNAME='true'" in env) == long


def test_the_environments_own_variables_come_last() -> None:
    env = shown(standalone(environment={"DIST_PORT": "1"}), "mq1", "/etc/rabbitmq/rabbitmq-env.conf")
    assert env.splitlines()[-2:] == ["DIST_PORT='25672'", "DIST_PORT='1'"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (90, "90s"), (0.25, "250ms"), (1.5, "1500ms"), (0.0001, "1ms")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("check", "there", "gone"),
    [
        (
            "amqp",
            [
                "tcp-check send-binary 414d515000000901",
                "tcp-check expect binary 000a000a",
                "option httpchk GET /",
            ],
            [],
        ),
        ("tcp", ["weight 1 check on-marked-down shutdown-sessions"], ["tcp-check", "httpchk"]),
        ("none", ["weight 1\n"], ["tcp-check", "httpchk", " check ", "on-marked-down"]),
    ],
)
def test_checks(check: str, there: list[str], gone: list[str]) -> None:
    text = haproxy(mirrored_3node({}, {"check": check}))
    proxies = text[text.index("listen rabbitmq_cluster") :]
    assert not [words for words in there if words not in proxies]
    assert not [words for words in gone if words in proxies]


def test_in_a_warren_sessions_leave_the_backup_when_a_primary_is_back() -> None:
    hosts = (
        broker("mq1", "192.0.2.1", haproxy_weight=3),
        broker("mq2", "192.0.2.2", haproxy_backup=True),
        balancer("lb1", "192.0.2.3", 100, {}, {"virtual_address": "192.0.2.9/24"}),
    )
    lines = [line.strip() for line in haproxy(topology("t", hosts)).splitlines() if ":5672 weight" in line]
    sessions = "check on-marked-down shutdown-sessions"
    assert lines == [
        f"server mq1 192.0.2.1:5672 weight 3 {sessions} on-marked-up shutdown-backup-sessions",
        f"server mq2 192.0.2.2:5672 weight 1 {sessions} backup",
    ]


@pytest.mark.parametrize(("bound", "reached"), [("192.0.2.8", "192.0.2.8"), ("0.0.0.0", "10.93.17.11")])
def test_a_server_is_where_its_broker_listens(bound: str, reached: str) -> None:
    text = haproxy(mirrored_3node({"bind_address": bound}))
    assert f"server mq1 {reached}:5672 " in text
    assert "server mq1 10.93.17.11:15672 " in text


def test_no_management_listener_without_the_plugin() -> None:
    assert "rabbitmq_management" not in haproxy(mirrored_3node({"plugins": ()}))


def test_the_statistics_have_connections_to_spare() -> None:
    assert re.findall(r"maxconn (\d+)", haproxy(mirrored_3node({}, {"maxconn": 1000}))) == ["1256", "1000"]


@pytest.mark.parametrize(
    ("settings", "states"),
    [
        ({}, ["MASTER", "BACKUP"]),
        ({"preempt": False}, ["BACKUP", "BACKUP"]),
        ({"preempt_delay": 5}, ["BACKUP", "BACKUP"]),
    ],
)
def test_initial_states(settings: dict[str, Any], states: list[str]) -> None:
    wanted = mirrored_3node({}, {}, settings)
    found = [re.findall(r"    state (\w+)", keepalived(wanted, host))[0] for host in ("lb1", "lb2")]
    assert found == states


@pytest.mark.parametrize(
    ("settings", "there", "gone"),
    [
        (
            {},
            [
                "advert_int 1\n",
                "unicast_src_ip 10.93.17.21",
                "unicast_peer {\n        10.93.17.22\n",
                'auth_pass "vrrptest"',
            ],
            ["preempt"],
        ),
        ({"unicast": False}, [], ["unicast"]),
        ({"vrrp_version": 3, "advert_interval": 0.2}, ["advert_int 0.2\n", "vrrp_version 3"], ["auth_pass"]),
        ({"vrrp_version": 3, "advert_interval": 0.25}, ["advert_int 0.25\n"], ["authentication"]),
        ({"preempt": False}, ["nopreempt\n"], ["preempt_delay"]),
        ({"preempt_delay": 5}, ["preempt_delay 5\n"], ["nopreempt"]),
        ({"check_weight": -30}, ["weight -30\n"], []),
        ({"restart_haproxy": True}, ['script "/etc/keepalived/check-haproxy restart"', "timeout 7\n"], []),
        ({"interface": "ens3.7"}, ["10.93.17.100/24 dev ens3.7", "interface ens3.7"], ["eth0"]),
    ],
)
def test_keepalived(settings: dict[str, Any], there: list[str], gone: list[str]) -> None:
    text = keepalived(mirrored_3node({}, {}, settings))
    assert not [words for words in there if words not in text]
    assert not [words for words in gone if words in text]


def test_only_hosts_of_the_same_virtual_router_are_peers() -> None:
    wanted = mirrored_3node()
    other = balancer("lb3", "10.93.17.23", 200, {}, {"virtual_router_id": 52})
    text = keepalived(wanted.model_copy(update={"hosts": (*wanted.hosts, other)}))
    assert "10.93.17.23" not in text
    assert "state MASTER" in text


def test_a_router_without_haproxy_checks_nothing() -> None:
    wanted = mirrored_3node()
    hosts = tuple(
        host.model_copy(update={"haproxy": None}) if host.keepalived else host for host in wanted.hosts
    )
    text = keepalived(wanted.model_copy(update={"hosts": hosts}))
    assert "vrrp_script" not in text
    assert "track_script" not in text


def test_a_killed_keepalived_leaves_no_address_behind() -> None:
    unit = shown(mirrored_3node(), "lb1", "/etc/systemd/system/keepalived.service.d/mqctl.conf")
    assert f"ip address delete {topologies.NETWORK}.100/24 dev eth0\n" in unit
    assert "Restart=always\n" in unit
