"""Calls to the management API (RabbitMQ's own reference: /api/index.html of every broker)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.changes import Request
from mqctl.model.items.item import TYPE_ARGUMENT, Item
from mqctl.model.links import COMPONENTS

_COLLECTION = {
    "vhost": "vhosts",
    "user": "users",
    "permission": "permissions",
    "policy": "policies",
    "exchange": "exchanges",
    "queue": "queues",
}
_GUARDS = {"exchange": "?if-unused=true", "queue": "?if-empty=true&if-unused=true"}
"""The broker itself refuses when something came between the plan and the removal."""


def path(*parts: str) -> str:
    """The parts as one path; every part percent-encoded whole, slashes too."""
    return "/".join(quote(part, safe="") for part in parts)


def put(item: Item) -> Request:
    """Creates the object or changes it in place."""
    if item.kind == "binding":
        _, _, _, _, _, routing_key, arguments = item.key
        return _request(
            "POST", _between(item), {"routing_key": routing_key, "arguments": json.loads(arguments)}
        )
    if item.value is not None:
        return _link(item)
    return _request("PUT", _own(item), body(item))


def delete(item: Item) -> Request:
    """Removes the object; queues only when empty and unused, exchanges only when nothing is bound to them.

    Quorum queues and streams know no such condition (the broker answers 400): the plan alone guards them.
    """
    if item.kind == "binding":
        _, _, _, _, _, routing_key, arguments = item.key
        match = {"routing_key": routing_key, "arguments": json.loads(arguments)}
        return Request(method="DELETE", path=_between(item), binding=match)
    guard = "" if is_replicated(item) else _GUARDS.get(item.kind, "")
    return Request(method="DELETE", path=_own(item) + guard)


def body(item: Item) -> dict[str, Any]:
    """The fields as the API and the definitions' import take them; nothing is left to a default."""
    if item.kind == "vhost":
        return {**item.fields, "tags": ",".join(item.fields.get("tags", []))}
    if item.kind == "user":
        credential = item.credential
        hashed = reveal(credential.hashed) if credential and credential.hashed else ""
        algorithm = {"hashing_algorithm": credential.algorithm} if credential else {}
        return {"password_hash": hashed, **algorithm, "tags": ",".join(item.fields["tags"])}
    if item.kind == "queue":
        return _queue_body(item)
    return dict(item.fields)


def _queue_body(item: Item) -> dict[str, Any]:
    """The type goes out only where the inventory spells it out: an argument more would refuse clients that
    declare the queue without it."""
    spelled = {TYPE_ARGUMENT: item.queue_type} if item.queue_type else {}
    fields = {name: value for name, value in item.fields.items() if name != "type"}
    return {**fields, "arguments": {**item.fields["arguments"], **spelled}}


def is_replicated(item: Item) -> bool:
    """Whether it is a quorum queue or a stream."""
    return item.kind == "queue" and item.fields["type"] in ("quorum", "stream")


def _link(item: Item) -> Request:
    assert item.value is not None
    content = {
        "component": item.kind,
        "vhost": item.vhost,
        "name": item.name,
        "value": json.loads(reveal(item.value)),
    }
    return _request("PUT", _own(item), content)


def _own(item: Item) -> str:
    if item.kind in COMPONENTS:
        return path("parameters", *item.key)
    return path(_COLLECTION[item.kind], *item.key[1:])


def _between(item: Item) -> str:
    _, vhost, source, destination_type, destination, _, _ = item.key
    return path("bindings", vhost, "e", source, "e" if destination_type == "exchange" else "q", destination)


def _request(method: str, where: str, content: Mapping[str, Any]) -> Request:
    text = json.dumps(content, ensure_ascii=False)
    return Request.model_validate({"method": method, "path": where, "body": SecretStr(text)})
