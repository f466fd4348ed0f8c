"""Several hosts at once: one error stays itself, several become one; and a lab's name."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any, cast

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import hosts, lifecycle, ready
from mqctl.lab.lifecycle import in_parallel
from mqctl.model.lab import LabHost, LabSpec, lab_name


def test_results_in_order() -> None:
    assert in_parallel(lambda number: number * 2, [3, 1, 2]) == [6, 2, 4]
    assert in_parallel(lambda number: number, []) == []


def test_all_at_once() -> None:
    together = threading.Barrier(5, timeout=10)
    assert len(in_parallel(lambda _: together.wait(), range(5))) == 5


def test_one_error_goes_on_as_it_is() -> None:
    def act(number: int) -> int:
        if number == 2:
            raise MqctlError("mq2 broke", "mend it")
        return number

    with pytest.raises(MqctlError) as caught:
        in_parallel(act, [1, 2, 3])
    assert (caught.value.message, caught.value.hint) == ("mq2 broke", "mend it")


def test_several_errors_become_one() -> None:
    def act(number: int) -> int:
        raise MqctlError(f"mq{number} broke", "mend it")

    with pytest.raises(MqctlError) as caught:
        in_parallel(act, [1, 2])
    assert (caught.value.message, caught.value.hint) == ("mq1 broke; mq2 broke", "mend it")


@pytest.mark.parametrize(
    ("directory", "name"),
    [("mirrored-3node", "mirrored-3node"), ("My Cluster_2", "my-cluster-2"), ("ÄÖ", "lab"), ("-x-", "x")],
)
def test_lab_names(tmp_path: Path, directory: str, name: str) -> None:
    assert lab_name(tmp_path / directory) == name


@pytest.mark.parametrize(("long", "asked"), [(True, []), (False, ["boot"])])
def test_systemd_is_asked_while_a_host_may_boot(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, long: bool, asked: list[str]
) -> None:
    seen: list[str] = []

    def boot(*arguments: object) -> ready.Boot:
        seen.append("boot")
        return ready.Boot("running", frozenset(), frozenset())

    monkeypatch.setattr(hosts, "find", lambda *arguments: None)
    monkeypatch.setattr(ready, "wait_ssh", lambda *arguments: None)
    monkeypatch.setattr(ready, "wait_boot", boot)
    monkeypatch.setattr(ready, "had_time_to_boot", lambda container: long)
    host = LabHost(name="mq1", address=IPv4Address("192.0.2.11"))
    spec = LabSpec(
        name="x", image="bookworm", subnet=IPv4Network("192.0.2.0/24"), hosts=(host,), state_dir=tmp_path
    )
    said: list[tuple[str, str]] = []
    lifecycle._wait(cast("Any", None), spec, host, lambda *words: said.append(words))
    assert (seen, said) == (asked, [("mq1", "up at 192.0.2.11")])
