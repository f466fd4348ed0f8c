"""Feature flags that stayed disabled, and inventories that choose theirs."""

from __future__ import annotations

import pytest

from mqctl.gates.rabbitmq import feature_flags
from tests.topologies import mirrored_3node
from tests.unit.gates.healthy import every_broker, healthy

DISABLED = every_broker(disabled_flags=("stream_queue",))


def test_each_broker_is_judged() -> None:
    topology = mirrored_3node()
    outcomes = [result.outcome for result in feature_flags(topology, DISABLED(healthy(topology)))]
    assert outcomes == ["fail", "fail", "fail"]


@pytest.mark.parametrize("name", ["FEATURE_FLAGS", "RABBITMQ_FEATURE_FLAGS"])
def test_who_chooses_them_is_not_judged(name: str) -> None:
    topology = mirrored_3node({"environment": {name: "quorum_queue"}})
    results = feature_flags(topology, DISABLED(healthy(topology)))
    assert {(result.outcome, result.got) for result in results} == {
        ("skipped", "the inventory chooses them in rabbitmq_environment")
    }
