"""Packages: installed when missing; refused when nobody offers them or they are of another line."""

from __future__ import annotations

import pytest

from mqctl.model.bundle import HostBundle
from mqctl.model.status import HostStatus
from mqctl.model.versions import upstream
from mqctl.plan.packages import plan_packages
from tests.topologies import broker
from tests.unit.plan.refused import Told, told

BUNDLE = HostBundle(host="mq1", packages=("rabbitmq-server",), files=(), services=())
HOST = broker("mq1", "10.0.0.1")
NAME = "rabbitmq-server"


NOT_OFFERED = (
    "mq1: package rabbitmq-server is not installed and the host's package sources do not offer it",
    "add a package source that has it, or run apt-get update on mq1",
)


def another(version: str) -> Told:
    return (
        f"mq1: RabbitMQ {version} instead of the 3.10 of rabbitmq_version",
        "set rabbitmq_version to what the hosts have, or offer them that version",
    )


@pytest.mark.parametrize(
    ("status", "installs", "refused"),
    [
        (HostStatus(host="mq1", packages={NAME: "3.10.8-1"}), [], []),
        (HostStatus(host="mq1", candidates={NAME: "3.10.8-1"}), [NAME], []),
        (HostStatus(host="mq1"), [NAME], []),
        (HostStatus(host="mq1", candidates={NAME: None}), [], [NOT_OFFERED]),
        (HostStatus(host="mq1", packages={NAME: "3.8.9-3"}), [], [another("3.8.9")]),
        (HostStatus(host="mq1", packages={NAME: "3.1.5-1"}), [], [another("3.1.5")]),
        (HostStatus(host="mq1", candidates={NAME: "4.0.5-1"}), [NAME], [another("4.0.5")]),
    ],
)
def test_packages(status: HostStatus, installs: list[str], refused: list[Told]) -> None:
    changes, refusals = plan_packages(HOST, BUNDLE, status)
    assert [change.package for change in changes] == installs
    assert told(refusals) == refused


def test_without_a_wanted_line_no_line_is_another_one() -> None:
    """Whether it has what is asked for is test_plan_versions' question."""
    host = broker("mq1", "10.0.0.1", version=None)
    assert plan_packages(host, BUNDLE, HostStatus(host="mq1", packages={NAME: "3.8.9-3"})) == ([], [])


@pytest.mark.parametrize(
    ("version", "expected"), [("3.10.8-1.1+deb12u1", "3.10.8"), ("1:4.0.5-9", "4.0.5"), ("3.8.9", "3.8.9")]
)
def test_upstream_versions(version: str, expected: str) -> None:
    assert upstream(version) == expected
