"""Units: what is started, reloaded, restarted, in which order, and what is not."""

from __future__ import annotations

from mqctl.model.changes import Plan
from mqctl.model.status import BrokerStatus, ClusterStatus, QueueStatus
from mqctl.plan import make
from mqctl.plan.brokers import restart_order
from tests.topologies import mirrored_3node
from tests.unit.plan.hosts import bundles_of, converged, with_file, with_host, with_service
from tests.unit.plan.simulator import FRESH

TOPOLOGY = mirrored_3node()
DONE = converged(TOPOLOGY, FRESH)
CONF = "/etc/rabbitmq/rabbitmq.conf"
COOKIE = "/var/lib/rabbitmq/.erlang.cookie"
UNIT = "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf"


def plan(status: ClusterStatus) -> Plan:
    return make(TOPOLOGY, bundles_of(TOPOLOGY), status)


def did(status: ClusterStatus) -> list[str]:
    return [f"{one.host} {one.action} {one.unit.removesuffix('.service')}" for one in plan(status).services]


def test_nothing_changed_nothing_done() -> None:
    assert did(DONE) == []


def test_several_changed_files_are_one_restart_that_names_them() -> None:
    status = with_file(DONE, "mq2", CONF, sha256="x")
    status = with_file(status, "mq2", UNIT, sha256="x")
    (change,) = plan(status).services
    assert (change.host, change.action) == ("mq2", "restart")
    assert CONF in change.reason
    assert UNIT in change.reason


def test_attributes_alone_restart_nothing() -> None:
    assert did(with_file(DONE, "mq2", COOKIE, mode="0600")) == []


def test_a_file_without_effect_restarts_nothing() -> None:
    assert did(with_file(DONE, "mq2", "/etc/hosts", sha256="x")) == []


def test_a_stale_broker_is_restarted_and_a_stale_balancer_reloaded() -> None:
    status = with_service(DONE, "mq1", "rabbitmq-server.service", stale=True)
    status = with_service(status, "lb1", "haproxy.service", stale=True)
    assert did(status) == ["lb1 reload haproxy", "mq1 restart rabbitmq-server"]


def test_entrance_files_reload_their_own_program_only() -> None:
    assert did(with_file(DONE, "lb2", "/etc/haproxy/haproxy.cfg", sha256="x")) == ["lb2 reload haproxy"]
    keepalived = with_file(DONE, "lb2", "/etc/keepalived/keepalived.conf", sha256="x")
    assert did(keepalived) == ["lb2 reload keepalived"]


def test_what_is_started_is_not_reloaded() -> None:
    status = with_file(DONE, "lb1", "/etc/haproxy/haproxy.cfg", sha256="x")
    assert did(with_service(status, "lb1", "haproxy.service", active=False)) == ["lb1 start haproxy"]


def test_a_broker_that_is_started_is_not_restarted() -> None:
    status = with_file(DONE, "mq3", CONF, sha256="x")
    status = with_host(status, "mq3", broker=BrokerStatus(running=False, blank=False))
    outcome = plan(with_service(status, "mq3", "rabbitmq-server.service", active=False))
    assert outcome.services == ()
    assert [(one.host, one.action) for one in outcome.membership] == [("mq3", "start")]


def test_a_disabled_unit_is_enabled() -> None:
    status = with_service(DONE, "lb1", "keepalived.service", enabled=False)
    assert did(status) == ["lb1 enable keepalived"]


def test_restarts_follow_the_inventory_with_the_founder_last() -> None:
    status = DONE
    for name in ("mq1", "mq2", "mq3"):
        status = with_file(status, name, CONF, sha256="x")
    assert [line.split()[0] for line in did(status)] == ["mq2", "mq3", "mq1"]


def test_the_broker_that_leads_most_queues_is_restarted_last() -> None:
    def led(name: str, by: str) -> QueueStatus:
        return QueueStatus(vhost="/", name=name, type="classic", durable=True, leader=f"rabbit@{by}")

    queues = (led("a", "mq2"), led("b", "mq2"), led("c", "mq1"))
    assert restart_order(TOPOLOGY, converged(TOPOLOGY, FRESH, queues)) == ("mq3", "mq1", "mq2")
