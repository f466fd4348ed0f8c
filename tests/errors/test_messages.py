"""Every refusal of an inventory, word for word: an input beside its message."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest
import yaml

from mqctl.inventory.drafting import Drafted, draft
from mqctl.inventory.errors import InventoryError
from mqctl.model.rules import RISKS, STRUCTURAL, Rule

from .listings import listing

CASES = sorted((Path(__file__).parent / "cases").glob("*/case.yml"))


@functools.cache
def drafted(case: Path) -> Drafted:
    return draft(listing(yaml.safe_load(case.read_text())), {})


def message(case: Path) -> str:
    return InventoryError(Path("DIR"), drafted(case).problems).message + "\n"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.parent.name)
def test_message(case: Path) -> None:
    assert message(case) == (case.parent / "message.txt").read_text()


def test_base_has_no_problem() -> None:
    assert draft(listing({}), {}).problems == ()


def test_there_are_many_cases() -> None:
    assert len(CASES) >= 150


@pytest.mark.parametrize(
    "rule", [*STRUCTURAL, *RISKS.values()], ids=lambda rule: f"{rule.__module__}.{rule.__name__}"
)
def test_each_rule_says_no_in_a_case(rule: Rule) -> None:
    assert any(list(rule(drafted(case).draft)) for case in CASES)


@pytest.mark.parametrize("risk", RISKS)
def test_an_accepted_risk_is_taken(risk: str) -> None:
    refused = [case for case in CASES if list(RISKS[risk](drafted(case).draft))]
    for case in refused:
        accepting = yaml.safe_load(case.read_text())
        accepting.setdefault("vars", {}).setdefault("all", {})["mqctl_accept"] = [risk]
        assert f"add {risk} to mqctl_accept" in message(case)
        assert not any(f"add {risk} to" in problem.hint for problem in draft(listing(accepting), {}).problems)


def test_no_message_shows_a_secret() -> None:
    texts = "".join((case.parent / "message.txt").read_text() for case in CASES)
    for secret in ("hunter2", "adminpw", "ABCDE", "ninechars", "much-too-long", "12345678", "short", "a{{b"):
        assert f'"{secret}' not in texts
        assert f"got {secret}" not in texts.replace("got short-timeout", "")
