"""TLS between nodes: a running cluster does not change it, one that is stopped does."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.bundle import HostBundle
from mqctl.model.status import BrokerStatus, FileStatus, HostStatus
from mqctl.plan.brokers import keeps_its_distribution
from mqctl.plan.files import plan_files
from mqctl.plan.refusal import Refusal
from mqctl.render.bundle import render
from tests.topologies import mirrored_3node, secured

ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
PLAIN, SECURED = render(mirrored_3node())["mq1"], render(secured(mirrored_3node()))["mq1"]
MEMBERS = ("rabbit@mq1", "rabbit@mq2")


def refused(
    now: object, wanted: object, *, running: bool = True, members: tuple[str, ...] = MEMBERS
) -> list[Refusal]:
    """What a plan of `wanted` says to a host that has the environment of `now`."""
    texts = {one.path: reveal(one.content) for one in now.files}
    files = {
        one.path: FileStatus(
            path=one.path,
            exists=one.path in texts,
            content=SecretStr(texts[one.path]) if one.path in texts else None,
        )
        for one in wanted.files
    }
    broker = BrokerStatus(running=running, node="rabbit@mq1", members=members)
    answer = HostStatus(host="mq1", files=files, broker=broker)
    return keeps_its_distribution(answer, plan_files(wanted, answer)[0])


@pytest.mark.parametrize(("now", "wanted", "word"), [(PLAIN, SECURED, "on"), (SECURED, PLAIN, "off")])
def test_a_running_cluster_keeps_what_it_has(now: HostBundle, wanted: HostBundle, word: str) -> None:
    (refusal,) = refused(now, wanted)
    assert refusal.message == (
        f"mq1: TLS between the nodes cannot be switched {word} while the broker runs in a cluster"
    )
    assert "stop rabbitmq-server on every broker and deploy" in refusal.hint


@pytest.mark.parametrize("how", [{"running": False}, {"members": ("rabbit@mq1",)}])
def test_a_stopped_or_single_broker_changes(how: dict[str, Any]) -> None:
    assert refused(PLAIN, SECURED, **how) == []


def test_the_same_is_no_change() -> None:
    assert refused(SECURED, SECURED) == []
