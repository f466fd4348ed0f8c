"""One data directory: who is started on it, in which order they are restarted, and what forbids it."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.model.changes import MembershipChange, Plan, ServiceChange
from mqctl.model.lab import LabSpec
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, ServiceStatus, SharedStatus
from mqctl.plan import for_ansible, make
from mqctl.plan.brokers import restart_order
from mqctl.plan.membership import Membership
from mqctl.plan.removal import DATA, removal
from mqctl.plan.shared import plan_shared
from tests.topologies import warren_shared
from tests.unit.plan.hosts import AT, bundles_of, converged, fresh, running, with_host
from tests.unit.plan.refused import Told, told
from tests.unit.plan.simulator import FRESH, apply

WARREN = warren_shared()
NODE = "rabbit@warren"
NAMES = ("mq1", "mq2")
UNIT = "rabbitmq-server.service"
DIRECTORY = SharedStatus(exists=True, mounted=True, filesystem="nfs4", writable=True, identity="7 1700")
BLANK = BrokerStatus(running=False)
STOPPED = BrokerStatus(running=False, blank=False)
SERVING = running(WARREN.host("mq1"), (NODE,), FRESH)
MUTE = BrokerStatus(running=False, blank=False, error="no answer in 10 s")
WAITS = "waits"


def host(name: str, seen: BrokerStatus | str | None, shared: SharedStatus | None = DIRECTORY) -> HostStatus:
    """A broker's answer, `waits` for a standby, None for a host that did not answer."""
    if seen is None:
        return HostStatus(host=name, error="timed out")
    waits = isinstance(seen, str)
    broker = STOPPED if isinstance(seen, str) else seen
    active = broker.running or bool(broker.error)
    unit = ServiceStatus(unit=UNIT, exists=True, active=active, enabled=True, waits=waits)
    return HostStatus(host=name, broker=broker, services={UNIT: unit}, shared=shared)


def plan(*seen: BrokerStatus | str | None, hosts: tuple[str, ...] = NAMES, **changes: Any) -> Membership:
    answers = tuple(host(name, one) for name, one in zip(NAMES, seen, strict=True))
    return plan_shared(WARREN, ClusterStatus(at=AT, hosts=answers), hosts, **changes)


def did(outcome: Membership) -> list[str]:
    return [f"{change.host} {change.action}" for change in outcome.changes]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ((BLANK, BLANK), ["mq1 found", "mq2 stand-by"]),
        ((SERVING, WAITS), []),
        ((WAITS, SERVING), []),
        ((SERVING, STOPPED), ["mq2 stand-by"]),
        ((STOPPED, SERVING), ["mq1 stand-by"]),
        ((STOPPED, STOPPED), ["mq1 stand-by", "mq2 stand-by"]),
        # somebody is about to fill the directory: the lock decides
        ((BLANK, WAITS), ["mq1 stand-by"]),
        ((WAITS, WAITS), []),
    ],
)
def test_who_is_started(seen: tuple[Any, ...], expected: list[str]) -> None:
    outcome = plan(*seen)
    assert did(outcome) == expected
    assert outcome.refusals == ()


def test_only_whom_the_limit_names() -> None:
    assert did(plan(BLANK, BLANK, hosts=("mq2",))) == ["mq2 found"]
    assert did(plan(SERVING, STOPPED, hosts=("mq1",))) == []


def refusals(outcome: Membership) -> list[Told]:
    return told(outcome.refusals)


def test_two_brokers_on_one_directory_forbid_every_plan() -> None:
    assert refusals(plan(SERVING, SERVING)) == [
        (
            "mq1 and mq2 both run on /srv/rabbitmq: their writes destroy each other's",
            "stop rabbitmq-server on all but one of them at once, then find out why the lock let two in",
        )
    ]


def test_an_empty_directory_is_filled_only_when_everybody_was_asked() -> None:
    assert refusals(plan(BLANK, None)) == [
        (
            "cannot tell whether the data directory is in use: mq2 did not answer",
            "an empty data directory is filled only when every broker was asked",
        )
    ]
    assert refusals(plan(STOPPED, None)) == []


def test_a_broker_of_which_nothing_is_known_is_not_planned_around() -> None:
    hung = (
        "mq1: the broker runs but does not answer: no answer in 10 s",
        "when it goes on like this, restart rabbitmq-server on mq1, then plan again",
    )
    assert refusals(plan(MUTE, STOPPED)) == [hung]
    assert refusals(plan(MUTE, STOPPED, locked_out=("mq1",))) == []


MOUNT = "mount the shared storage there, on every broker's host"


@pytest.mark.parametrize(
    ("shared", "reason", "hint"),
    [
        (None, "mq2: /srv/rabbitmq could not be looked at", "run mqctl status for the reason"),
        (SharedStatus(exists=False), "mq2: /srv/rabbitmq does not exist", MOUNT),
        (SharedStatus(exists=True), "mq2: /srv/rabbitmq is not a mount point, so nobody shares it", MOUNT),
        (
            DIRECTORY.model_copy(update={"writable": False}),
            "mq2: /srv/rabbitmq is not writable by user rabbitmq",
            "chown rabbitmq: it, on the storage",
        ),
        (
            DIRECTORY.model_copy(update={"filesystem": "ext4"}),
            "mq2: /srv/rabbitmq is ext4, whose locks end at the host",
            "use a file system whose locks hold between hosts: NFSv4, GFS2, OCFS2 or CephFS",
        ),
        (
            DIRECTORY.model_copy(update={"identity": "8 1700"}),
            "/srv/rabbitmq is not the same directory on mq1 and mq2",
            "mount the same storage on all of them",
        ),
    ],
)
def test_what_must_be_true_of_the_directory(shared: SharedStatus | None, reason: str, hint: str) -> None:
    answers = (host("mq1", BLANK), host("mq2", BLANK, shared))
    outcome = plan_shared(WARREN, ClusterStatus(at=AT, hosts=answers), NAMES)
    assert refusals(outcome) == [(reason, hint)]


def test_hosts_without_the_package_cannot_tell_who_may_write() -> None:
    unknown = DIRECTORY.model_copy(update={"writable": None, "identity": ""})
    answers = (host("mq1", BLANK, unknown), host("mq2", BLANK, unknown))
    assert plan_shared(WARREN, ClusterStatus(at=AT, hosts=answers), NAMES).refusals == ()


def test_in_a_lab_any_file_system_is_shared_by_its_hosts() -> None:
    spec = LabSpec(
        name="demo", image="bookworm", subnet="10.93.40.0/24", hosts=(), state_dir=WARREN.state_dir
    )  # type: ignore[arg-type]
    lab = WARREN.model_copy(update={"lab": spec})
    local = DIRECTORY.model_copy(update={"filesystem": "ext4"})
    absent = (host("mq1", BLANK, local), host("mq2", BLANK, SharedStatus(exists=False)))
    assert refusals(plan_shared(lab, ClusterStatus(at=AT, hosts=absent), NAMES)) == [
        (
            "mq2: /srv/rabbitmq does not exist",
            "the lab was made without it: mqctl lab down /inventories/warren-shared, then deploy again",
        )
    ]


BUNDLES = bundles_of(WARREN)
EMPTY = with_host(with_host(fresh(WARREN), "mq1", shared=DIRECTORY), "mq2", shared=DIRECTORY.model_copy())
FIRST = make(WARREN, BUNDLES, EMPTY)


def serving(name: str) -> ClusterStatus:
    """Everything in place, this broker serves and the other one waits."""
    status = converged(WARREN, apply(FRESH, FIRST.requests))
    for other in NAMES:
        found = status.host(other)
        assert found is not None
        assert found.broker is not None
        changes: dict[str, Any] = {"shared": DIRECTORY}
        if other == name:
            members = {"members": (NODE,), "running_members": (NODE,), "disc_members": (NODE,)}
            changes["broker"] = found.broker.model_copy(update=members)
        else:
            unit = found.services[UNIT].model_copy(update={"active": False, "waits": True})
            changes |= {"broker": STOPPED, "services": {UNIT: unit}}
        status = with_host(status, other, **changes)
    return status


def test_objects_are_made_once_by_the_one_that_fills_the_directory() -> None:
    (changes,) = FIRST.clusters
    assert changes.hosts == NAMES
    document = for_ansible(FIRST, WARREN, EMPTY)
    groups = document["groups"]
    assert groups["mqctl_brokers_join"] == ["mq1"]
    assert groups["mqctl_brokers_standby"] == ["mq2"]
    # each asks itself whether it serves: the one that waits leaves it alone
    assert groups["mqctl_objects"] == ["mq1", "mq2"]
    assert document["hosts"]["mq2"]["broker"]["partners"] == [{"address": "10.93.17.11", "port": 5672}]
    assert document["hosts"]["mq2"]["broker"]["peers"] == [NODE, NODE]


@pytest.mark.parametrize("name", NAMES)
def test_a_standby_needs_nothing(name: str) -> None:
    assert make(WARREN, BUNDLES, serving(name)).empty


@pytest.mark.parametrize(("name", "order"), [("mq1", ("mq2", "mq1")), ("mq2", ("mq1", "mq2"))])
def test_standbys_are_restarted_before_the_broker_that_serves(name: str, order: tuple[str, ...]) -> None:
    assert restart_order(WARREN, serving(name)) == order


def test_a_restart_hands_the_directory_over() -> None:
    status = serving("mq1")
    for name in NAMES:
        found = status.host(name)
        assert found is not None
        stale = {UNIT: found.services[UNIT].model_copy(update={"stale": True})}
        status = with_host(status, name, services=stale)
    plan = make(WARREN, BUNDLES, status)
    assert plan.services == (
        ServiceChange(host="mq2", unit=UNIT, action="restart", reason="runs on an older configuration"),
        ServiceChange(host="mq1", unit=UNIT, action="restart", reason="runs on an older configuration"),
    )
    document = for_ansible(plan, WARREN, status)
    assert document["groups"]["mqctl_brokers_restart"] == ["mq2", "mq1"]
    assert [document["hosts"][name]["broker"]["action"] for name in NAMES] == ["hand-over", "hand-over"]


def test_a_broker_that_is_stopped_is_not_asked_to_make_objects() -> None:
    status = with_host(serving("mq1"), "mq2", services={}, broker=STOPPED)
    change = MembershipChange(host="mq2", node=NODE, action="stand-by")
    found = Plan(topology=WARREN.name, clusters=FIRST.clusters)
    assert for_ansible(found, WARREN, status)["groups"]["mqctl_objects"] == ["mq1"]
    found = found.model_copy(update={"membership": (change,)})
    assert for_ansible(found, WARREN, status)["groups"]["mqctl_objects"] == ["mq1", "mq2"]


def test_of_a_shared_directory_the_nodes_own_part_is_deleted_once() -> None:
    hosts = removal(WARREN, BUNDLES, serving("mq1"), [DATA])["hosts"]
    assert hosts["mq1"]["data"] == [
        "/srv/rabbitmq/rabbit@warren",
        "/srv/rabbitmq/rabbit@warren.pid",
        "/srv/rabbitmq/rabbit@warren-feature_flags",
        "/srv/rabbitmq/rabbit@warren-plugins-expand",
    ]
    assert hosts["mq2"]["data"] == hosts["lb1"]["data"] == []
    assert removal(WARREN, BUNDLES, serving("mq1"), [])["hosts"]["mq1"]["data"] == []
