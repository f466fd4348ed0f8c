"""The packet filter: placed and loaded, loaded again after a flush, taken down before its files go."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl import share
from mqctl.model.bundle import HostBundle
from mqctl.model.changes import Plan
from mqctl.model.firewall import TABLE, UNIT
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, ServiceStatus
from mqctl.plan import for_ansible, make
from mqctl.plan.removal import removal
from mqctl.probe import ask
from mqctl.render.bundle import render
from mqctl.render.context import firewall
from mqctl.render.firewall import DROP_IN, UNIT_FILE
from tests.topologies import standalone, walled
from tests.unit.plan.hosts import AT, VERSION, placed, up

OPEN, WALLED = standalone(), walled(standalone())
BROKER = ServiceStatus(unit=ask.BROKER_UNIT, exists=False, active=False, enabled=False)


def as_wanted(bundle: HostBundle, **answer: Any) -> ClusterStatus:
    """The one host as a bundle wants it, but for its broker, which never started."""
    host = HostStatus(
        host="mq1",
        at=AT,
        packages=dict.fromkeys(bundle.packages, VERSION),
        files={one.path: placed(one) for one in bundle.files},
        broker=BrokerStatus(running=False),
        **{"firewall": True, "services": {BROKER.unit: BROKER, UNIT: up(UNIT)}, **answer},
    )
    return ClusterStatus(at=AT, hosts=(host,))


def plan(topology: Any, status: ClusterStatus) -> Plan:
    return make(topology, render(topology), status)


def did(made: Plan) -> list[tuple[str, str]]:
    return [(one.action, one.reason) for one in made.services if one.unit == UNIT]


def test_names_agree() -> None:
    """The module travels to the hosts alone, with names of its own."""
    module = (share.root() / "playbooks" / "library" / "mqctl_firewall.py").read_text()
    assert f'"table": {{"type": "str", "default": "{TABLE}"}}' in module
    assert f'"unit": {{"type": "str", "default": "{UNIT}"}}' in module


def test_a_loaded_one_is_left_alone() -> None:
    assert did(plan(WALLED, as_wanted(render(WALLED)["mq1"]))) == []


def test_a_flushed_one_is_loaded_again() -> None:
    status = as_wanted(render(WALLED)["mq1"], firewall=False)
    made = plan(WALLED, status)
    assert did(made) == [("reload", "the kernel does not have its table")]
    document = for_ansible(made, WALLED, status)
    assert document["hosts"]["mq1"]["firewall"] == "reload"
    assert document["groups"]["mqctl_firewall"] == ["mq1"]
    assert document["groups"]["mqctl_firewall_stop"] == []


def test_other_rules_are_loaded() -> None:
    (change,) = did(plan(walled(standalone(), admins=[]), as_wanted(render(WALLED)["mq1"])))
    assert change == ("reload", f"{firewall.FILE} changes")


def test_a_new_one_is_placed_enabled_and_started() -> None:
    nothing = ServiceStatus(unit=UNIT, exists=False, active=False, enabled=False)
    absent = as_wanted(render(OPEN)["mq1"], services={BROKER.unit: BROKER, UNIT: nothing}, firewall=None)
    made = plan(WALLED, absent)
    assert [action for action, _ in did(made)] == ["enable", "start"]
    assert [one.package for one in made.packages] == ["nftables"]
    assert for_ansible(made, WALLED, absent)["hosts"]["mq1"]["firewall"] == "start"


def test_one_that_is_no_longer_wanted_is_stopped_before_its_files_go() -> None:
    status = as_wanted(render(WALLED)["mq1"])
    made = plan(OPEN, status)
    assert did(made) == [("stop", "the inventory has no mqctl_firewall")]
    gone = [change.path for change in made.files if change.action == "delete"]
    assert gone == [firewall.FILE, UNIT_FILE, DROP_IN]
    groups = for_ansible(made, OPEN, status)["groups"]
    assert (groups["mqctl_firewall_stop"], groups["mqctl_firewall"]) == (["mq1"], [])
    assert list(groups).index("mqctl_firewall_stop") < list(groups).index("mqctl_files")


@pytest.mark.parametrize(("topology", "hosts"), [(WALLED, ["mq1"]), (OPEN, [])])
def test_destroy_takes_it_down(topology: Any, hosts: list[str]) -> None:
    bundles = render(topology)
    status = as_wanted(bundles["mq1"])
    assert removal(topology, bundles, status, ())["groups"]["mqctl_firewall"] == hosts


def test_the_kernel_is_asked_only_where_one_is_wanted() -> None:
    for topology, asked in ((WALLED, "mqctl"), (OPEN, None)):
        request = ask.request(topology, topology.hosts[0], render(topology)["mq1"])
        assert request["firewall"] == asked
