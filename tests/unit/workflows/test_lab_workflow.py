"""Which lab a command means: never another inventory's, never a guess."""

from __future__ import annotations

from ipaddress import IPv4Address
from pathlib import Path

import pytest

from mqctl.errors import UsageError
from mqctl.model.lab import LabHostState, LabState
from mqctl.workflows import lab as workflow


def a_lab(inventory: Path, *hosts: str) -> LabState:
    states = tuple(
        LabHostState(name=name, address=IPv4Address("10.93.11.11"), image="bookworm", state="running")
        for name in hosts
    )
    return LabState(name=inventory.name, inventory=inventory, hosts=states)


@pytest.fixture
def labs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[LabState, ...]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    there = (
        a_lab(tmp_path / "one", "mq1", "mq2"),
        a_lab(tmp_path / "two", "mq1"),
        a_lab(Path("/gone/three"), "x"),
    )
    monkeypatch.setattr(workflow.lab, "list_labs", lambda: there)
    return there


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(workflow.lab, "down", lambda name: names.append(name) or [])
    return names


def test_the_only_host_of_a_name(labs: tuple[LabState, ...], tmp_path: Path) -> None:
    argv = workflow.exec_argv("mq2", ["echo", "a b"], None, ["-t"])
    assert argv[:2] == ["ssh", "-t"]
    assert str(tmp_path / "one" / ".mqctl" / "id_ed25519") in argv
    assert argv[-2:] == ["10.93.11.11", "echo 'a b'"]


def test_a_shell_without_a_command(labs: tuple[LabState, ...]) -> None:
    assert workflow.exec_argv("mq2", [], None, [])[-1] == "10.93.11.11"


def test_a_name_in_two_labs_needs_the_inventory(labs: tuple[LabState, ...], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several labs have a host mq1: one, two"):
        workflow.exec_argv("mq1", [], None, [])
    argv = workflow.exec_argv("mq1", [], str(tmp_path / "two"), [])
    assert str(tmp_path / "two" / ".mqctl" / "id_ed25519") in argv


@pytest.mark.parametrize(("host", "inventory"), [("mq9", None), ("mq2", "two")])
def test_no_such_host(labs: tuple[LabState, ...], tmp_path: Path, host: str, inventory: str | None) -> None:
    with pytest.raises(UsageError, match=f"no lab has a host {host}"):
        workflow.exec_argv(host, [], inventory and str(tmp_path / inventory), [])


def test_down_by_inventory(labs: tuple[LabState, ...], removed: list[str], tmp_path: Path) -> None:
    workflow.down(str(tmp_path / "one"))
    assert removed == ["one"]


def test_down_by_name_when_the_inventory_is_gone(labs: tuple[LabState, ...], removed: list[str]) -> None:
    workflow.down("three")
    assert removed == ["three"]


def test_another_inventorys_lab_is_never_removed(
    labs: tuple[LabState, ...], removed: list[str], tmp_path: Path
) -> None:
    (tmp_path / "elsewhere" / "one").mkdir(parents=True)
    with pytest.raises(UsageError, match=f"lab one is for {tmp_path}/one"):
        workflow.down(str(tmp_path / "elsewhere" / "one"))
    assert removed == []


def test_down_of_nothing_known(labs: tuple[LabState, ...], removed: list[str]) -> None:
    with pytest.raises(UsageError, match="no inventory four"):
        workflow.down("four")
    assert removed == []
