"""A policy for a run's queues alone, so that a test can say what the cluster's own policies do not."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mqctl.errors import MqctlError
from mqctl.workload.api import Api

_PRIORITY = 999
"""Above what people use: of all policies that match a queue only the highest counts (guide "Policies")."""


def set_policy(api: Api, exchange: str, definition: Mapping[str, str | int]) -> None:
    """Applies to every queue of the run, whatever else matches; raises MqctlError when no broker takes it."""
    pattern = f"^{re.escape(exchange)}\\."
    body = {"pattern": pattern, "definition": dict(definition), "priority": _PRIORITY, "apply-to": "queues"}
    if not api.change("PUT", _path(exchange), body):
        raise MqctlError("no broker took the test's policy", "`mqctl verify` says what is not in order")


def clear_policy(api: Api, exchange: str) -> None:
    """Removes it; one that is not there is no error."""
    api.change("DELETE", _path(exchange), None)


def _path(exchange: str) -> str:
    return f"/api/policies/%2F/{exchange}"
