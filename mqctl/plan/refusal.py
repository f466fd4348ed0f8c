"""Refusals: what keeps a plan from being made, collected so that all of them are told at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mqctl.errors import GateError


@dataclass(frozen=True)
class Refusal:
    """One reason not to plan, and what to do about it."""

    message: str
    hint: str = ""


def raise_all(refusals: Sequence[Refusal]) -> None:
    """Raise one GateError that tells every refusal; nothing happens when there is none."""
    if not refusals:
        return
    if len(refusals) == 1:
        raise GateError(refusals[0].message, refusals[0].hint)
    lines = [f"{len(refusals)} things stand in the way:", *(f"  - {one.message}" for one in refusals)]
    hints = dict.fromkeys(one.hint for one in refusals if one.hint)
    raise GateError("\n".join(lines), "\n".join(hints))
