"""TLS on the hosts: who may read what, what a change of it does, and what stands in configuration files."""

from __future__ import annotations

import pytest

from mqctl.gates.preflight.ports import wanted
from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.model.topology import Topology
from mqctl.render.bundle import render
from mqctl.workflows.connect import connection
from tests.topologies import TLS_KEY, mirrored_3node, secured, walled, warren

CLOSED = secured(mirrored_3node())
BOTH = secured(mirrored_3node(), plain=True)


def file(topology: Topology, host: str, path: str) -> FileSpec:
    return next(one for one in render(topology)[host].files if one.path == path)


def text(topology: Topology, host: str, path: str) -> str:
    return reveal(file(topology, host, path).content)


@pytest.mark.parametrize(
    ("host", "path", "group"),
    [("mq1", "/etc/rabbitmq/tls/key.pem", "rabbitmq"), ("lb1", "/etc/haproxy/tls/cert.pem.key", "haproxy")],
)
def test_a_key_is_for_root_and_its_service_and_never_shown(host: str, path: str, group: str) -> None:
    key = file(CLOSED, host, path)
    assert (key.owner, key.group, key.mode, key.secrecy) == ("root", group, "0640", "secret")
    for bundle in render(CLOSED).values():
        holders = [one.path for one in bundle.files if TLS_KEY in reveal(one.content)]
        assert all(path.endswith("key.pem") or path.endswith("cert.pem.key") for path in holders)


def test_a_renewed_certificate_reloads_haproxy_and_restarts_no_broker() -> None:
    effects = {
        (host, one.path.rpartition("/")[2]): one.effects
        for host in ("mq1", "lb1")
        for one in render(CLOSED)[host].files
        if "/tls/" in one.path
    }
    assert effects == {
        **dict.fromkeys([("mq1", name) for name in ("ca.pem", "cert.pem", "key.pem")], ("none",)),
        ("mq1", "distribution.config"): ("restart-broker",),
        **dict.fromkeys(
            [("lb1", name) for name in ("ca.pem", "cert.pem", "cert.pem.key")], ("reload-haproxy",)
        ),
    }


def test_certificates_lie_there_before_what_names_them() -> None:
    for host, last in (("mq1", "/etc/rabbitmq/rabbitmq.conf"), ("lb1", "/etc/haproxy/haproxy.cfg")):
        paths = [one.path for one in render(CLOSED)[host].files]
        assert max(at for at, path in enumerate(paths) if "/tls/" in path) < paths.index(last)


def test_plain_amqp_is_open_or_closed() -> None:
    conf, proxy = "/etc/rabbitmq/rabbitmq.conf", "/etc/haproxy/haproxy.cfg"
    assert "listeners.tcp = none" in text(CLOSED, "mq1", conf)
    assert ":5672" not in text(CLOSED, "lb1", proxy)
    assert "listeners.tcp.default = 5672" in text(BOTH, "mq1", conf)
    for port in (5671, 5672):
        assert f"    bind *:{port}\n" in text(BOTH, "lb1", proxy)


def test_a_listener_that_is_bound_stays_so_with_tls() -> None:
    bound = secured(mirrored_3node({"bind_address": "10.93.17.11"}))
    assert "listeners.ssl.default = 10.93.17.11:5671" in text(bound, "mq1", "/etc/rabbitmq/rabbitmq.conf")


def test_the_classic_format_says_the_same() -> None:
    """RabbitMQ 3.8's too: both formats come from one table."""
    classic = secured(mirrored_3node({"config_format": "classic", "version": "3.8"}))
    terms = text(classic, "mq1", "/etc/rabbitmq/rabbitmq.config")
    for term in (
        "{tcp_listeners, []}",
        "{ssl_listeners, [5671]}",
        '{keyfile, "/etc/rabbitmq/tls/key.pem"}',
        '{tcp_config, [{port,15672},{ip,"127.0.0.1"}]}',
        "{port, 15671}",
    ):
        assert term in terms


def test_nodes_without_tls_between_them() -> None:
    apart = secured(mirrored_3node(), inter_node=False)
    assert "inet_tls" not in text(apart, "mq1", "/etc/rabbitmq/rabbitmq-env.conf")
    assert "/etc/rabbitmq/tls/distribution.config" not in [one.path for one in render(apart)["mq1"].files]


def test_clients_of_a_warren_stay_together_on_both_ports() -> None:
    staying = warren({"failback": False})
    both = text(secured(staying, plain=True), "lb1", "/etc/haproxy/haproxy.cfg")
    assert both.count("stick-table") == 1
    assert "    stick on int(1) table rabbitmq_cluster\n" in both
    closed = text(secured(staying), "lb1", "/etc/haproxy/haproxy.cfg")
    assert (closed.count("stick-table"), "table rabbitmq_cluster\n" in closed) == (1, False)


def test_the_firewall_guards_and_opens_the_ports_with_tls() -> None:
    for host in ("mq1", "lb1"):
        rules = text(walled(CLOSED), host, "/etc/mqctl/firewall.nft")
        assert rules.count("tcp dport { 5672, 5671 }") == 2
        assert rules.count("tcp dport { 15672, 15671 }") == 2


def test_the_check_of_hosts_knows_the_ports() -> None:
    def ports(topology: Topology, host: str) -> set[int]:
        return {one.port for one in wanted(topology, topology.host(host))}

    assert ports(CLOSED, "mq1") == {5671, 25672, 4369, 15672, 15671}
    assert ports(CLOSED, "lb1") == {5671, 8100, 15672}
    assert ports(BOTH, "lb1") == {5672, 5671, 8100, 15672}


def test_how_to_connect() -> None:
    told = connection(CLOSED)
    assert (told.address, told.amqp_port) == ("10.93.17.100", 5671)
    assert told.management == "https://10.93.17.100:15672/ as admin"
    assert told.statistics == "https://10.93.17.100:8100/haproxy?stats"
    assert connection(BOTH).amqp_port == 5672
