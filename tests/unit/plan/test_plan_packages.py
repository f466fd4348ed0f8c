"""Packages: installed when missing; refused when nobody offers them or they are of another line."""

from __future__ import annotations

import pytest

from mqctl.model.bundle import HostBundle
from mqctl.model.status import HostStatus
from mqctl.plan.packages import plan_packages, upstream
from tests.topologies import broker

BUNDLE = HostBundle(host="mq1", packages=("rabbitmq-server",), files=(), services=())
HOST = broker("mq1", "10.0.0.1")
NAME = "rabbitmq-server"


@pytest.mark.parametrize(
    ("status", "installs", "refusal"),
    [
        (HostStatus(host="mq1", packages={NAME: "3.10.8-1"}), [], ""),
        (HostStatus(host="mq1", candidates={NAME: "3.10.8-1"}), [NAME], ""),
        (HostStatus(host="mq1"), [NAME], ""),
        (HostStatus(host="mq1", candidates={NAME: None}), [], "do not offer it"),
        (HostStatus(host="mq1", packages={NAME: "3.8.9-3"}), [], "RabbitMQ 3.8.9 instead of the 3.10"),
        (HostStatus(host="mq1", packages={NAME: "3.1.5-1"}), [], "RabbitMQ 3.1.5 instead of the 3.10"),
        (HostStatus(host="mq1", candidates={NAME: "4.0.5-1"}), [NAME], "RabbitMQ 4.0.5 instead of the 3.10"),
    ],
)
def test_packages(status: HostStatus, installs: list[str], refusal: str) -> None:
    changes, refusals = plan_packages(HOST, BUNDLE, status)
    assert [change.package for change in changes] == installs
    assert bool(refusals) == bool(refusal)
    assert all(refusal in one.message and one.hint for one in refusals)


def test_without_a_wanted_line_no_line_is_another_one() -> None:
    """Whether it has what is asked for is test_plan_versions' question."""
    host = broker("mq1", "10.0.0.1", version=None)
    assert plan_packages(host, BUNDLE, HostStatus(host="mq1", packages={NAME: "3.8.9-3"})) == ([], [])


@pytest.mark.parametrize(
    ("version", "expected"), [("3.10.8-1.1+deb12u1", "3.10.8"), ("1:4.0.5-9", "4.0.5"), ("3.8.9", "3.8.9")]
)
def test_upstream_versions(version: str, expected: str) -> None:
    assert upstream(version) == expected
