"""`--limit`: names hosts or groups; empty or unknown is refused, never all."""

from __future__ import annotations

import pytest

from mqctl.errors import UsageError
from mqctl.workflows.plan import asked, limited
from tests.topologies import mirrored_3node

TOPOLOGY = mirrored_3node()


@pytest.mark.parametrize(
    ("limit", "hosts"),
    [
        (None, ("mq1", "mq2", "mq3", "lb1", "lb2")),
        ("mq2", ("mq2",)),
        ("lb1, mq1", ("mq1", "lb1")),
        ("haproxy", ("lb1", "lb2")),
        ("rabbitmq,lb2,mq1", ("mq1", "mq2", "mq3", "lb2")),
    ],
)
def test_limits(limit: str | None, hosts: tuple[str, ...]) -> None:
    assert limited(TOPOLOGY, limit) == hosts


EMPTY = ("--limit is empty", "leave it out for all hosts, or name some of mq1, mq2, mq3, lb1, lb2")


def nobody(name: str) -> tuple[str, str]:
    return (
        f"--limit names no host of the inventory: {name}",
        "there are mq1, mq2, mq3, lb1, lb2 and the groups rabbitmq, haproxy, keepalived",
    )


@pytest.mark.parametrize(
    ("limit", "said"),
    [
        ("", EMPTY),
        (" ", EMPTY),
        (",", EMPTY),
        ("mq9", nobody("mq9")),
        ("mq1,mq9", nobody("mq9")),
        ("all", nobody("all")),
        ("mq*", nobody("mq*")),
        ("MQ1", nobody("MQ1")),
    ],
)
def test_a_limit_that_names_nothing_is_refused(limit: str, said: tuple[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        limited(TOPOLOGY, limit)
    assert (caught.value.message, caught.value.hint) == said


@pytest.mark.parametrize(
    ("hosts", "questioned"),
    [
        (("mq2",), ("mq1", "mq2", "mq3")),
        (("lb1",), ("lb1", "lb2")),
        (("lb1", "mq1"), ("mq1", "mq2", "mq3", "lb1", "lb2")),
    ],
)
def test_peers_are_asked_too(hosts: tuple[str, ...], questioned: tuple[str, ...]) -> None:
    assert asked(TOPOLOGY, hosts) == questioned
