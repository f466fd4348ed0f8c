"""Several hosts at once: one error stays itself, several become one; and a lab's name."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from mqctl.errors import MqctlError
from mqctl.lab.lifecycle import in_parallel
from mqctl.model.lab import lab_name


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
