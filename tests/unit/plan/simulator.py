"""A broker's management API as far as a plan uses it, on a definitions document: applies requests strictly.

It refuses what a real broker refuses (tests/lab/test_objects.py asks a real one the same questions), so a
plan that a test applies here cannot lean on anything that does not exist.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import unquote

from mqctl.model.base import reveal
from mqctl.model.changes import Request

Document = dict[str, Any]

FRESH: Document = {
    "users": [{"name": "guest", "password_hash": "x", "tags": ["administrator"]}],
    "vhosts": [{"name": "/", "metadata": {"description": "Default virtual host", "tags": []}}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
    "policies": [],
    "parameters": [],
    "queues": [],
    "exchanges": [],
    "bindings": [],
    "global_parameters": [],
}

_SAME = {
    "exchanges": ("type", "durable", "auto_delete", "internal", "arguments"),
    "queues": ("durable", "auto_delete", "arguments"),
}


class RefusedError(AssertionError):
    """The broker would have answered 400."""


def apply(document: Mapping[str, Any], requests: Iterable[Request]) -> Document:
    """The document after these requests."""
    result = {**copy.deepcopy(FRESH), **copy.deepcopy(dict(document))}
    for request in requests:
        _one(result, request)
    return result


def _one(document: Document, request: Request) -> None:
    where, _, query = request.path.partition("?")
    collection, *parts = [unquote(part) for part in where.split("/")]
    body = json.loads(reveal(request.body)) if request.body else None
    if collection == "definitions":
        _import(document, body)
    elif collection == "bindings":
        _binding(document, request.method, parts, request.binding or body)
    elif request.method == "PUT":
        _put(document, collection, parts, body)
    elif request.method == "DELETE":
        _delete(document, collection, parts, query)
    else:
        raise RefusedError(f"no such call: {request.method} {request.path}")


def _import(document: Document, body: Mapping[str, list[Document]]) -> None:
    for collection in ("vhosts", "users", "permissions", "policies", "exchanges", "queues"):
        for entry in body.get(collection, []):
            entry = dict(entry)
            parts = [entry.pop("vhost"), entry.pop("user")] if collection == "permissions" else _names(entry)
            _put(document, collection, parts, entry)
    for entry in body.get("bindings", []):
        parts = [entry["vhost"], "e", entry["source"], entry["destination_type"][0], entry["destination"]]
        _binding(document, "POST", parts, entry)


def _names(entry: Document) -> list[str]:
    name = entry.pop("name")
    return [entry.pop("vhost"), name] if "vhost" in entry else [name]


def _put(document: Document, collection: str, parts: list[str], body: Document) -> None:
    if collection == "global-parameters":
        value = [[key, inner] for key, inner in body["value"].items()]
        _store(document["global_parameters"], {"name": parts[0]}, {"value": value})
        return
    identity = _identity(collection, parts)
    if collection == "parameters":
        body = {"value": body["value"]}
    if "vhost" in identity:
        _need(document["vhosts"], {"name": identity["vhost"]})
    if collection == "permissions":
        _need(document["users"], {"name": identity["user"]})
    old = _find(document[collection], identity)
    for name in _SAME.get(collection, ()) if old else ():
        if old is not None and old.get(name) != body[name]:
            raise RefusedError(f"inequivalent arg '{name}' for {collection} {parts}")
    _store(document[collection], identity, _stored(collection, body))


def _stored(collection: str, body: Document) -> Document:
    if collection == "users":
        return {**body, "password_hash": body.get("password_hash", ""), "tags": _split(body["tags"])}
    if collection == "vhosts":
        tags = body.get("tags", [])
        return {"metadata": {**body, "tags": _split(tags) if isinstance(tags, str) else tags}}
    return body


def _split(tags: str) -> list[str]:
    return [tag for tag in tags.split(",") if tag]


def _identity(collection: str, parts: list[str]) -> dict[str, str]:
    if collection in ("vhosts", "users"):
        return {"name": parts[0]}
    if collection == "parameters":
        return {"component": parts[0], "vhost": parts[1], "name": parts[2]}
    return {"vhost": parts[0], ("user" if collection == "permissions" else "name"): parts[1]}


def _delete(document: Document, collection: str, parts: list[str], query: str) -> None:
    identity = _identity(collection, parts)
    if not _find(document[collection], identity):
        return
    if collection == "exchanges" and "if-unused=true" in query:
        leaving = {"vhost": parts[0], "source": parts[1]}
        if _find(document["bindings"], leaving):
            raise RefusedError(f"exchange {parts[1]} in use")
    document[collection] = [one for one in document[collection] if not _matches(one, identity)]
    if collection == "users":
        _drop(document, {"user": parts[0]}, "permissions")
    if collection == "vhosts":
        _drop(document, {"vhost": parts[0]}, "permissions", "policies", "queues", "exchanges", "bindings")
    if collection in ("queues", "exchanges"):
        ends = {"vhost": parts[0], "destination": parts[1], "destination_type": collection[:-1]}
        _drop(document, ends, "bindings")


def _drop(document: Document, identity: Mapping[str, str], *collections: str) -> None:
    for collection in collections:
        document[collection] = [one for one in document[collection] if not _matches(one, identity)]


def _binding(document: Document, method: str, parts: list[str], body: Mapping[str, Any]) -> None:
    vhost, _, source, short, destination = parts
    entry = {
        "vhost": vhost,
        "source": source,
        "destination": destination,
        "destination_type": {"q": "queue", "e": "exchange"}[short],
        "routing_key": body["routing_key"],
        "arguments": body["arguments"],
    }
    if method == "DELETE":
        document["bindings"] = [one for one in document["bindings"] if one != entry]
        return
    if not source.startswith("amq."):
        _need(document["exchanges"], {"vhost": vhost, "name": source})
    _need(document["queues" if short == "q" else "exchanges"], {"vhost": vhost, "name": destination})
    if entry not in document["bindings"]:
        document["bindings"].append(entry)


def _need(entries: list[Document], identity: Mapping[str, str]) -> None:
    if not _find(entries, identity):
        raise RefusedError(f"not found: {identity}")


def _find(entries: list[Document], identity: Mapping[str, str]) -> Document | None:
    return next((one for one in entries if _matches(one, identity)), None)


def _matches(entry: Document, identity: Mapping[str, str]) -> bool:
    return all(entry.get(name) == value for name, value in identity.items())


def _store(entries: list[Document], identity: Mapping[str, str], body: Mapping[str, Any]) -> None:
    entries[:] = [one for one in entries if not _matches(one, identity)]
    entries.append({**body, **identity})
