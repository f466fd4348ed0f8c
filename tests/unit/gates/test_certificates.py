"""The certificates' gate: it says no in time, and does not take silence for health."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from mqctl.cli.status_view import certificate_rows, document
from mqctl.gates import certificates, haproxy
from mqctl.inventory import authority
from mqctl.inventory.authority import Names
from mqctl.model.status import ClusterStatus, FileStatus, HaproxyServerStatus, HaproxyStatus, HostStatus
from tests.topologies import mirrored_3node, secured, standalone

NOW = datetime(2026, 12, 1, tzinfo=UTC)
TOPOLOGY = secured(standalone())


def seen(days: float, lacking: str = "") -> ClusterStatus:
    """A broker whose certificate ends in so many days."""
    began = NOW + timedelta(days=days) - authority.LIFE
    ca = authority.found("test", NOW)
    own = authority.issue(ca, Names(("mq1",), ()), began)
    texts = {"/etc/rabbitmq/tls/ca.pem": ca.chain, "/etc/rabbitmq/tls/cert.pem": own.chain}
    files = {
        path: FileStatus(path=path, exists=True, content=SecretStr(text))
        for path, text in texts.items()
        if path != lacking
    }
    return ClusterStatus(at=NOW, hosts=(HostStatus(host="mq1", files=files),))


@pytest.mark.parametrize(
    ("days", "outcome", "got"),
    [
        (31, "pass", "31 days left, until 2027-01-01"),
        (30, "fail", "30 days left, until 2026-12-31"),
        (10, "fail", "10 days left, until 2026-12-11"),
        (-1, "fail", "ended on 2026-11-30"),
    ],
)
def test_it_warns_thirty_days_before(days: int, outcome: str, got: str) -> None:
    (result,) = certificates.judge(TOPOLOGY, seen(days))
    assert (result.outcome, result.expected, result.got) == (outcome, "more than 30 days left", got)


@pytest.mark.parametrize("lacking", ["/etc/rabbitmq/tls/ca.pem", "/etc/rabbitmq/tls/cert.pem"])
def test_a_missing_one_is_no_pass(lacking: str) -> None:
    (result,) = certificates.judge(TOPOLOGY, seen(300, lacking))
    assert (result.outcome, result.got) == ("fail", "one is missing, or cannot be read")


def test_a_silent_host_is_unknown() -> None:
    silent = ClusterStatus(at=NOW, hosts=(HostStatus(host="mq1", error="no answer"),))
    assert [result.outcome for result in certificates.judge(TOPOLOGY, silent)] == ["unknown"]


def test_without_tls_nobody_is_asked() -> None:
    assert certificates.judge(mirrored_3node(), seen(1)) == []


def test_the_status_shows_the_first_end() -> None:
    assert certificate_rows(TOPOLOGY, seen(40)) == [("mq1", "40 days left, until 2027-01-10")]
    assert document(TOPOLOGY, seen(40))["certificates"] == {"mq1": "2027-01-10T00:00:00+00:00"}
    assert "certificates" not in document(standalone(), seen(40))


@pytest.mark.parametrize(
    ("plain", "services"),
    [(True, {"AMQP", "AMQP over TLS", "management"}), (False, {"AMQP over TLS", "management"})],
)
def test_every_listener_of_haproxy_is_judged_by_its_port(plain: bool, services: set[str]) -> None:
    """A server of a port that nobody asked about proves nothing."""
    topology = secured(mirrored_3node(), plain=plain)
    ports = {"AMQP": 5672, "AMQP over TLS": 5671, "management": 15671}
    servers = tuple(
        HaproxyServerStatus(
            proxy=name, server=host.name, address=f"{host.address}:{ports[name]}", status="UP"
        )
        for name in services
        for host in topology.brokers
    )
    answer = HaproxyStatus(answered=True, servers=servers)
    hosts = tuple(HostStatus(host=host.name, haproxy=answer) for host in topology.balancers)
    results = haproxy.servers_up(topology, ClusterStatus(at=NOW, hosts=hosts))
    assert {result.gate for result in results} == {f"haproxy server ({name})" for name in services}
    assert {result.outcome for result in results} == {"pass"}
