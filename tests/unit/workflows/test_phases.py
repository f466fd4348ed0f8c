from __future__ import annotations

import shutil
from contextlib import ExitStack
from ipaddress import IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mqctl import share
from mqctl.ansible.events import EndEvent, HostEvent, PlayEvent
from mqctl.errors import MqctlError, UsageError
from mqctl.model.gate import GateResult
from mqctl.model.lab import LabSpec, LabState
from mqctl.model.topology import Topology
from mqctl.workflows.alone import alone
from mqctl.workflows.audit import Account
from mqctl.workflows.connect import connection, connections
from mqctl.workflows.deploy import PHASES, Deployment, Wish, deploy
from mqctl.workflows.destroy import Order, destroy, refuse_unconfirmed
from mqctl.workflows.phase import Phase, run_phases
from mqctl.workflows.teller import Teller
from mqctl.workflows.verify import Verification
from tests.topologies import SECRETS, mirrored_3node, standalone
from tests.unit.gates import healthy


def at_home(topology: Topology) -> Topology:
    """With an inventory that exists."""
    return topology.model_copy(update={"inventory": share.root() / "inventories" / "mirrored-3node"})


def in_a_lab() -> Topology:
    topology = mirrored_3node()
    spec = LabSpec(
        name=topology.name,
        image="bookworm",
        subnet=IPv4Network("10.93.17.0/24"),
        hosts=(),
        state_dir=topology.state_dir,
    )
    return topology.model_copy(update={"lab": spec})


class Told:
    def __init__(self) -> None:
        self.said: list[Any] = []

    def phase(self, number: int, total: int, title: str) -> None:
        self.said.append((number, total, title))

    def host(self, host: str, message: str, state: str) -> None:
        self.said.append((host, message, state))


def test_phases_run_in_order_and_are_numbered() -> None:
    done: list[str] = []
    told = Told()
    phases = [Phase("One", lambda state: state.append("1")), Phase("Two", lambda state: state.append("2"))]
    took = run_phases(phases, done, told)
    assert done == ["1", "2"]
    assert told.said == [(1, 2, "One"), (2, 2, "Two")]
    assert [one.title for one in took] == ["One", "Two"]
    assert all(one.seconds >= 0 for one in took)


def test_the_gates_that_a_deploy_waits_for_are_named_once() -> None:
    told, topology = Told(), mirrored_3node()
    results = tuple(
        GateResult(gate=gate, subject="x", outcome=outcome, expected="a", got="b")
        for gate, outcome in (
            ("queues", "fail"),
            ("VIP holder", "unknown"),
            ("queues", "fail"),
            ("users", "pass"),
        )
    )
    with ExitStack() as held:
        deployment = Deployment(Wish("lab"), told, held, Account("deploy", ()))
        deployment.wait_for(Verification(topology, healthy.healthy(topology), results))
    assert told.said == [("cluster", "waiting for queues, VIP holder", "running")]


def test_a_phase_that_raises_is_the_last_one() -> None:
    done: list[str] = []

    def fail(_: list[str]) -> None:
        raise UsageError("no")

    with pytest.raises(UsageError):
        run_phases([Phase("One", fail), Phase("Two", lambda state: state.append("2"))], done, Told())
    assert done == []


def test_a_deploy_has_these_phases() -> None:
    assert [phase.title for phase in PHASES] == [
        "Read the inventory",
        "Bring up the lab",
        "Look at the hosts",
        "Plan",
        "Apply with Ansible",
        "Read back",
        "Judge",
    ]


def test_a_refused_inventory_ends_a_deploy_in_its_first_phase(tmp_path: Path) -> None:
    told = Told()
    with pytest.raises(UsageError):
        deploy(Wish(str(tmp_path / "missing")), told)  # type: ignore[arg-type]
    assert told.said == [(1, 7, "Read the inventory")]


def test_a_deploy_waits_for_nobody(tmp_path: Path) -> None:
    site = tmp_path / "site"
    shutil.copytree(
        share.root() / "inventories/mirrored-3node", site, ignore=shutil.ignore_patterns(".mqctl")
    )
    told = Told()
    with (
        alone(site / ".mqctl", "failover-test"),
        pytest.raises(MqctlError, match=r"mqctl failover-test by .*, process "),
    ):
        deploy(Wish(str(site)), told)  # type: ignore[arg-type]
    assert told.said == [(1, 7, "Read the inventory")]


def test_ansibles_events_become_progress_but_for_its_sorting_of_hosts() -> None:
    told = Told()
    teller = Teller(told)  # type: ignore[arg-type]
    for event in (
        PlayEvent("Plan"),
        HostEvent("mq1", "Keep the plan", "ok", ""),
        PlayEvent("Packages and files"),
        HostEvent("mq1", "Place the files", "running", ""),
        HostEvent("mq1", "Place the files", "changed", "33 files"),
        HostEvent("mq2", "Place the files", "skipped", ""),
        HostEvent("mq2", "Place the files", "unreachable", "refused"),
        EndEvent(()),
    ):
        teller(event)
    assert told.said == [
        ("mq1", "Place the files", "running"),
        ("mq1", "Place the files: 33 files", "changed"),
        ("mq2", "Place the files: refused", "failed"),
    ]


def test_clients_connect_to_the_virtual_address_and_no_password_is_told() -> None:
    topology = at_home(mirrored_3node())
    found = connection(topology)
    assert (found.address, found.amqp_port, found.user) == ("10.93.17.100", 5672, "app")
    assert found.password_in.startswith("rabbitmq_passwords.app in ")
    assert not [secret for secret in SECRETS if secret in repr(found)]


def test_without_an_entrance_clients_connect_to_the_broker() -> None:
    topology = at_home(standalone())
    found = connection(topology)
    assert found.address == str(topology.brokers[0].address)
    assert found.statistics is None


@pytest.mark.parametrize("typed", [None, "", "mirrored", "Mirrored-3node", "mirrored-3node "])
def test_real_hosts_are_not_destroyed_without_the_exact_name(typed: str | None) -> None:
    with pytest.raises(UsageError, match="mirrored-3node runs on real hosts and was not confirmed"):
        refuse_unconfirmed(Order(mirrored_3node(), confirmed=typed))


@pytest.mark.parametrize("typed", ["", "mirrored"])
def test_a_lab_is_not_destroyed_under_another_name(typed: str) -> None:
    with pytest.raises(UsageError, match="mirrored-3node is a lab and was not confirmed"):
        destroy(Order(in_a_lab(), confirmed=typed), Told())


def test_another_inventorys_lab_is_not_destroyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "mirrored-3node"
    home.mkdir()
    theirs = LabState(name=home.name, inventory=Path("/srv/mirrored-3node"), hosts=())
    monkeypatch.setattr("mqctl.lab.list_labs", lambda: (theirs,))
    with pytest.raises(UsageError, match="lab mirrored-3node is for /srv/mirrored-3node"):
        destroy(Order(in_a_lab().model_copy(update={"inventory": home})), Told())


def test_the_exact_name_confirms_and_a_lab_needs_none() -> None:
    refuse_unconfirmed(Order(mirrored_3node(), confirmed="mirrored-3node"))
    refuse_unconfirmed(Order(in_a_lab(), confirmed="mirrored-3node"))
    refuse_unconfirmed(Order(in_a_lab()))


def test_a_command_line_prints_what_was_done_and_how_to_connect() -> None:
    from mqctl.cli.deploy import closing

    topology = at_home(mirrored_3node())
    took = (SimpleNamespace(seconds=1.0), SimpleNamespace(seconds=0.25))
    report: Any = SimpleNamespace(
        topology=topology, plans=(), results=(), took=took, connect=connections(topology)
    )
    lines = closing(report)
    assert lines[0] == "mirrored-3node: nothing to change in 1.2 s; gates: no gate"
    assert "AMQP        10.93.17.100:5672 as app" in lines
    report.plans = (object(),)
    assert "deployed in" in closing(report)[0]
