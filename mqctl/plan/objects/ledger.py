"""The ledger: which objects mqctl made, written down in the cluster itself.

It is the global runtime parameter `mqctl`, value {"objects": [[kind, ...], ...]} (RabbitMQ guide "Parameters
and Policies"). An object goes only when it is in the ledger and the inventory no longer has it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from mqctl.model.changes import Request
from mqctl.model.items.item import ORDER, Key
from mqctl.model.items.live import Definitions

PARAMETER = "mqctl"
_LENGTH = {"vhost": 2, "user": 2, "binding": 7}
"""The parts of a key by kind; of every other kind three."""


def read_ledger(definitions: Definitions) -> frozenset[Key]:
    """The keys that the cluster's ledger holds; an entry that is no key is ignored, never acted on."""
    for parameter in definitions.get("global_parameters") or []:
        if parameter.get("name") == PARAMETER:
            entries = _value(parameter.get("value")).get("objects", [])
            return frozenset(key for key in map(_key, entries) if key is not None)
    return frozenset()


def write_ledger(keys: Iterable[Key]) -> Request:
    """The request that makes these keys the ledger."""
    objects = [list(key) for key in sorted(keys, key=_rank)]
    body = json.dumps({"name": PARAMETER, "value": {"objects": objects}}, ensure_ascii=False)
    return Request(method="PUT", path=f"global-parameters/{PARAMETER}", body=SecretStr(body))


def _rank(key: Key) -> tuple[int, Key]:
    return [str(kind) for kind in ORDER].index(key[0]), key


def _value(value: Any) -> Mapping[str, Any]:
    """An object, or the list of pairs as which rabbitmqctl exports it (3.10)."""
    if isinstance(value, Mapping):
        return value
    if isinstance(value, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in value):
        return {str(name): content for name, content in value}
    return {}


def _key(entry: Any) -> Key | None:
    if not isinstance(entry, list) or not all(isinstance(part, str) for part in entry):
        return None
    known = bool(entry) and entry[0] in ORDER
    return tuple(entry) if known and _LENGTH.get(entry[0], 3) == len(entry) else None


def after_creation(ledger: Collection[Key], made: Iterable[Key]) -> frozenset[Key]:
    """The ledger with what is about to be made: noted first, so that a run cut short leaves no orphan."""
    return frozenset(ledger) | frozenset(made)


def after_removal(ledger: Collection[Key], wanted: Collection[Key]) -> frozenset[Key]:
    """The ledger once everything that the inventory no longer has is gone."""
    return frozenset(ledger) & frozenset(wanted)
