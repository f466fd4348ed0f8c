"""Refusals as tests compare them: message and hint, whole."""

from __future__ import annotations

from collections.abc import Iterable

from mqctl.plan.refusal import Refusal

Told = tuple[str, str]


def told(refusals: Iterable[Refusal]) -> list[Told]:
    return [(one.message, one.hint) for one in refusals]
