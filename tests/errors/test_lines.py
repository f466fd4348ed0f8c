"""What a line has is not refused, and each row of the table refuses something somewhere."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mqctl.inventory.drafting import draft
from mqctl.model.versions import DEBIAN, FEATURES

from .listings import listing
from .test_messages import CASES

DENIED = "denied-on-4.3"
SILENT = {"classic-config", "vhost-updates"}
"""No inventory is refused for them: every line has the one, and for the other what exists already decides."""
PERMITS = {
    "deprecated_features.permit.transient_nonexcl_queues": True,
    "deprecated_features.permit.queue_master_locator": "true",
}


def case(name: str) -> dict[str, Any]:
    found = next(path for path in CASES if path.parent.name == name)
    read: dict[str, Any] = yaml.safe_load(found.read_text())
    return read


def refused(asked: dict[str, Any]) -> list[str]:
    return [problem.path for problem in draft(listing(asked), {}).problems]


@pytest.mark.parametrize("line", ["3.13", "4.0", "4.1", "4.2"])
def test_what_4_3_denies_was_allowed_before(line: str) -> None:
    asked = case(DENIED)
    asked["vars"]["rabbitmq"]["rabbitmq_version"] = line
    assert refused(asked) == []


def test_what_every_broker_permits_is_not_denied() -> None:
    asked = case(DENIED)
    for name in ("mq1", "mq2", "mq3"):
        asked["vars"][name]["rabbitmq_extra_conf"] = PERMITS
    assert refused(asked) == ["rabbitmq_queues[2].arguments.x-queue-version"]


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        (None, ["rabbitmq_node_type"]),
        ("3.12", ["rabbitmq_environment.FEATURE_FLAGS"]),
        ("3.13", ["rabbitmq_node_type"]),
        ("4.0", ["rabbitmq_node_type"]),
    ],
)
def test_a_ram_node_and_khepri_are_refused_once(line: str | None, paths: list[str]) -> None:
    asked = case("ram-node-under-khepri")
    asked["vars"]["rabbitmq"]["rabbitmq_version"] = line
    assert refused(asked) == paths


@pytest.mark.parametrize("line", sorted({*DEBIAN.values(), "3.13", "4.1", "4.2"}))
def test_every_line_reads_the_classic_format(line: str) -> None:
    asked = {"vars": {"rabbitmq": {"rabbitmq_version": line, "rabbitmq_config_format": "classic"}}}
    assert refused(asked) == []


def test_each_feature_is_refused_in_a_case() -> None:
    messages = "".join((path.parent / "message.txt").read_text() for path in CASES)
    silent = {name for name, span in FEATURES.items() if f"hint: {span.instead}\n" not in messages}
    assert silent == SILENT
