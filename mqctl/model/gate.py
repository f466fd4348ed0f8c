"""A judgement and its evidence."""

from __future__ import annotations

from typing import Literal

from mqctl.model.base import Model

Outcome = Literal["pass", "fail", "skipped", "unknown"]


class GateResult(Model):
    """One gate on one subject: "expected ..., got ..."."""

    gate: str
    subject: str
    """A host, node, queue, server or the cluster."""
    outcome: Outcome
    expected: str
    got: str


def overall(results: list[GateResult]) -> Outcome:
    """fail over unknown over pass; no result at all is unknown: no evidence is no pass."""
    outcomes = {result.outcome for result in results}
    if "fail" in outcomes:
        return "fail"
    if "unknown" in outcomes or "pass" not in outcomes:
        return "unknown"
    return "pass"
