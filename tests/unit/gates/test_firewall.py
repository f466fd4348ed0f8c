"""The packet filter: loaded, flushed by somebody, or nobody could be asked."""

from __future__ import annotations

from typing import Any

import pytest

from mqctl.gates.firewall import judge
from mqctl.model.status import ClusterStatus, HostStatus
from tests.topologies import standalone, walled
from tests.unit.plan.hosts import AT


def said(**answer: Any) -> list[tuple[str, str]]:
    status = ClusterStatus(at=AT, hosts=(HostStatus(host="mq1", **answer),))
    return [(result.outcome, result.got) for result in judge(walled(standalone()), status)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"firewall": True}, ("pass", "loaded")),
        ({"firewall": False}, ("fail", "not loaded")),
        ({"firewall": None}, ("unknown", "the kernel was not asked")),
        ({"error": "no route"}, ("unknown", "the host did not answer: no route")),
    ],
)
def test_the_kernel_says(answer: dict[str, Any], expected: tuple[str, str]) -> None:
    assert said(**answer) == [expected]


def test_a_host_that_was_not_asked() -> None:
    nobody = ClusterStatus(at=AT, hosts=())
    assert [result.outcome for result in judge(walled(standalone()), nobody)] == ["unknown"]


def test_where_none_is_wanted_none_is_judged() -> None:
    status = ClusterStatus(at=AT, hosts=(HostStatus(host="mq1", firewall=False),))
    assert judge(standalone(), status) == []
