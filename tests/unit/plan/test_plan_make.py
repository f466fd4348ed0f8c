"""Whole plans: fresh hosts, converged hosts, silent hosts, chosen hosts."""

from __future__ import annotations

import pytest

from mqctl.errors import ExitCode, GateError, MqctlError
from mqctl.model.changes import Plan
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, KeepalivedStatus
from mqctl.plan import make
from mqctl.plan.brokers import keeps_its_cookie
from mqctl.plan.files import plan_files
from tests.topologies import SECRETS, mirrored_3node
from tests.unit.plan.hosts import bundles_of, converged, fresh, with_file, with_host
from tests.unit.plan.refused import Told
from tests.unit.plan.simulator import FRESH, apply

TOPOLOGY = mirrored_3node()
BUNDLES = bundles_of(TOPOLOGY)
CONF = "/etc/rabbitmq/rabbitmq.conf"


def plan(status: ClusterStatus, hosts: tuple[str, ...] | None = None) -> Plan:
    return make(TOPOLOGY, BUNDLES, status, hosts)


def refused(status: ClusterStatus, hosts: tuple[str, ...] | None = None) -> Told:
    with pytest.raises(GateError) as caught:
        plan(status, hosts)
    return caught.value.message, caught.value.hint


def settled() -> ClusterStatus:
    """The status after everything that a first plan asks for."""
    return converged(TOPOLOGY, apply(FRESH, plan(fresh(TOPOLOGY)).requests))


def test_a_first_plan_touches_every_host_and_founds_one_cluster() -> None:
    first = plan(fresh(TOPOLOGY))
    assert first.hosts == ("lb1", "lb2", "mq1", "mq2", "mq3")
    assert [change.action for change in first.membership] == ["found", "join", "join"]
    assert {change.package for change in first.packages} == {"rabbitmq-server", "haproxy", "keepalived"}
    assert ("user", "guest", "delete") in {(c.kind, c.name, c.action) for c in first.objects}


def test_a_converged_cluster_gives_an_empty_plan() -> None:
    second = plan(settled())
    assert second.empty
    assert second.hosts == ()
    assert second == Plan(topology="mirrored-3node")


def test_the_same_status_gives_the_same_plan() -> None:
    assert plan(fresh(TOPOLOGY)) == plan(fresh(TOPOLOGY))


def test_no_secret_is_printed_with_a_plan() -> None:
    first = plan(fresh(TOPOLOGY))
    shown = first.model_dump_json() + repr(first)
    assert not [secret for secret in SECRETS if secret in shown]


def test_every_silent_host_is_told_and_nothing_is_planned() -> None:
    status = with_host(settled(), "mq2", error="timed out after 10 s", hint="check the address")
    status = with_host(status, "lb1", error="permission denied", hint="check the key")
    with pytest.raises(MqctlError) as caught:
        plan(status)
    assert caught.value.exit_code is ExitCode.CANNOT_RUN
    assert caught.value.message.splitlines() == [
        "no plan: 2 hosts did not answer:",
        "  - mq2: timed out after 10 s",
        "  - lb1: permission denied",
    ]
    assert caught.value.hint == "check the address\ncheck the key"


COOKIE = "/var/lib/rabbitmq/.erlang.cookie"


@pytest.mark.parametrize("change", [{"sha256": "another"}, {"exists": False}])
def test_a_running_cluster_keeps_its_cookie(change: dict[str, object]) -> None:
    status = with_file(with_file(settled(), "mq1", COOKIE, **change), "mq3", COOKIE, **change)
    message, hint = refused(status)
    assert message.splitlines() == [
        "2 things stand in the way:",
        "  - mq1: the Erlang cookie cannot change while the broker runs in a cluster",
        "  - mq3: the Erlang cookie cannot change while the broker runs in a cluster",
    ]
    assert hint == (
        "put the old rabbitmq_erlang_cookie back, or stop rabbitmq-server on every broker and deploy: "
        "all of them start with the new one"
    )


@pytest.mark.parametrize("broker", [{"running": False}, {"members": ("rabbit@mq1",)}])
def test_a_broker_that_is_stopped_or_alone_takes_a_new_cookie(broker: dict[str, object]) -> None:
    answer = with_file(settled(), "mq1", COOKIE, sha256="another").host("mq1")
    assert answer is not None
    assert answer.broker is not None
    answer = answer.model_copy(update={"broker": answer.broker.model_copy(update=broker)})
    files, _ = plan_files(BUNDLES["mq1"], answer)
    assert [change.path for change in files] == [COOKIE]
    assert keeps_its_cookie(answer, files) == []


@pytest.mark.parametrize("change", [{"owner": "root"}, {"mode": "0000"}, {"sha256": "another"}])
def test_a_broker_whose_cookie_file_was_spoilt_is_no_dead_end(change: dict[str, object]) -> None:
    hung = BrokerStatus(running=False, blank=False, error="no answer in 10 s")
    status = with_host(settled(), "mq1", broker=hung)
    said = (
        "mq1: the broker runs but does not answer: no answer in 10 s",
        "when it goes on like this, restart rabbitmq-server on mq1, then plan again",
    )
    assert refused(status) == said
    spoilt = with_file(status, "mq1", COOKIE, **change)
    mended = plan(spoilt)
    assert [(one.host, one.path) for one in mended.files] == [("mq1", COOKIE)]
    assert mended.membership == ()
    assert mended.notes == ("mq1: the broker does not answer; its cookie file is wrong, and comes first",)
    assert refused(spoilt, ("mq2",)) == said


def test_only_the_mode_of_a_cookie_changes_in_a_running_cluster() -> None:
    assert plan(with_file(settled(), "mq1", COOKIE, mode="0444")).hosts == ("mq1",)


def test_a_host_that_was_not_asked_is_not_taken_for_converged() -> None:
    status = ClusterStatus(at=settled().at, hosts=tuple(h for h in settled().hosts if h.host != "lb2"))
    with pytest.raises(MqctlError) as caught:
        plan(status)
    assert (caught.value.message, caught.value.hint) == ("no plan: lb2: was not asked", "")


def test_chosen_hosts_only() -> None:
    status = with_file(with_file(settled(), "mq2", CONF, sha256="x"), "mq3", CONF, sha256="x")
    assert plan(status, ("mq3",)).hosts == ("mq3",)


def test_a_silent_host_outside_the_chosen_ones_is_no_obstacle() -> None:
    status = with_host(settled(), "lb1", error="timed out")
    assert plan(status, ("mq1", "lb2")).empty


def test_objects_are_left_out_when_no_broker_is_chosen() -> None:
    status = converged(TOPOLOGY, FRESH)
    assert plan(status, ("mq1",)).objects
    assert not plan(status, ("lb1",)).objects


def test_every_refusal_is_told_at_once() -> None:
    status = with_host(fresh(TOPOLOGY), "mq2", candidates={"rabbitmq-server": None})
    status = with_host(status, "lb1", candidates={"haproxy": None, "keepalived": "2"})
    missing = "is not installed and the host's package sources do not offer it"
    message, hint = refused(status)
    assert message.splitlines() == [
        "2 things stand in the way:",
        f"  - mq2: package rabbitmq-server {missing}",
        f"  - lb1: package haproxy {missing}",
    ]
    assert hint.splitlines() == [
        f"add a package source that has it, or run apt-get update on {host}" for host in ("mq2", "lb1")
    ]


def test_virtual_servers_want_a_kernel_with_ipvs() -> None:
    def routers(ipvs: bool | None) -> ClusterStatus:
        status = fresh(TOPOLOGY)
        for name in ("lb1", "lb2"):
            status = with_host(status, name, keepalived=KeepalivedStatus(ipvs=ipvs))
        return status

    assert not plan(routers(True)).empty
    assert not plan(routers(None)).empty
    with pytest.raises(GateError) as caught:
        plan(routers(False))
    assert caught.value.message == "2 things stand in the way:\n" + "\n".join(
        f"  - {name}: keepalived_virtual_servers need IPVS, and the host's kernel has none"
        for name in ("lb1", "lb2")
    )
    assert caught.value.hint == ("install the kernel's ip_vs module, or leave keepalived_virtual_servers out")


def test_a_stopped_cluster_is_started_and_its_objects_wait() -> None:
    status = settled()
    for name in ("mq1", "mq2", "mq3"):
        status = with_host(status, name, broker=BrokerStatus(running=False, blank=False))
    outcome = plan(status)
    assert {change.action for change in outcome.membership} == {"start"}
    assert outcome.objects == ()
    assert outcome.notes == ("no broker runs: the objects are compared once one does",)


def test_unread_definitions_are_refused_not_taken_for_empty() -> None:
    status = settled()
    for name in ("mq1", "mq2", "mq3"):
        host = status.host(name)
        assert isinstance(host, HostStatus)
        assert host.broker is not None
        status = with_host(status, name, broker=host.broker.model_copy(update={"definitions": None}))
    assert refused(status) == (
        "the cluster's objects could not be read from mq1, mq2, mq3",
        "run mqctl status for the reason",
    )
