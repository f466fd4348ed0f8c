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


@pytest.mark.parametrize("limit", ["", " ", ",", "mq9", "mq1,mq9", "all", "mq*", "MQ1"])
def test_a_limit_that_names_nothing_is_refused(limit: str) -> None:
    with pytest.raises(UsageError) as caught:
        limited(TOPOLOGY, limit)
    assert "--limit" in caught.value.message
    assert "mq1" in caught.value.hint


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
