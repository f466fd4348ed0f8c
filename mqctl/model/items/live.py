"""The cluster's objects as items, from exported definitions.

Both exports are read: the broker's own, as `rabbitmqctl export_definitions` prints it (vhosts with
`metadata`, global parameters as pairs), and `GET /api/definitions` (vhosts without it on 3.10, with it at the
top on 4.x).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from mqctl.model.items.item import Credential, Item, Key, by_key, canonical, link, queue_fields
from mqctl.model.items.wanted import DEFAULT_TYPE
from mqctl.model.links import COMPONENTS
from mqctl.model.password import SHA256

Definitions = Mapping[str, Any]

FRESH: Definitions = {
    "vhosts": [{"name": "/"}],
    "users": [{"name": "guest", "tags": ["administrator"], "password_hash": ""}],
    "permissions": [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
}
"""What a broker makes of itself at its first boot (RabbitMQ guide "Access Control")."""

BUILT_IN: Mapping[str, tuple[str, bool]] = {
    "amq.direct": ("direct", False),
    "amq.fanout": ("fanout", False),
    "amq.topic": ("topic", False),
    "amq.headers": ("headers", False),
    "amq.match": ("headers", False),
    "amq.rabbitmq.trace": ("topic", True),
}
"""The exchanges of every vhost that no export lists: type, internal."""


def live_items(definitions: Definitions) -> dict[Key, Item]:
    """Every object of the cluster, the built-in exchanges of each vhost too."""
    vhosts = _list(definitions, "vhosts")
    types = {vhost["name"]: _metadata(vhost).get("default_queue_type") for vhost in vhosts}
    items = [_vhost(vhost) for vhost in vhosts]
    items += [_built_in(vhost["name"], name) for vhost in vhosts for name in BUILT_IN]
    items += [_user(user) for user in _list(definitions, "users")]
    items += [_permission(one) for one in _list(definitions, "permissions")]
    items += [_policy(one) for one in _list(definitions, "policies")]
    items += [_exchange(one) for one in _list(definitions, "exchanges")]
    items += [_queue(one, types.get(one["vhost"])) for one in _list(definitions, "queues")]
    items += [_binding(one) for one in _list(definitions, "bindings") if one["source"]]
    items += [_link(one) for one in _list(definitions, "parameters") if one.get("component") in COMPONENTS]
    return by_key(items)


def is_built_in(key: Key) -> bool:
    """Whether the object belongs to the broker: made by nobody, removed by nobody."""
    return key == ("vhost", "/") or (key[0] == "exchange" and key[2] in BUILT_IN)


def _list(definitions: Definitions, key: str) -> Iterable[Mapping[str, Any]]:
    found = definitions.get(key) or []
    return [item for item in found if isinstance(item, Mapping)]


def _metadata(vhost: Mapping[str, Any]) -> dict[str, Any]:
    nested = vhost.get("metadata") or {}
    top = {key: vhost[key] for key in ("description", "tags", "default_queue_type") if key in vhost}
    merged = {**top, **(nested if isinstance(nested, Mapping) else {})}
    return {key: value for key, value in merged.items() if value not in (None, "", "undefined", [])}


def _vhost(vhost: Mapping[str, Any]) -> Item:
    fields = _metadata(vhost)
    if "tags" in fields:
        fields["tags"] = _tags(fields["tags"])
    return Item(("vhost", vhost["name"]), fields)


def _tags(tags: object) -> list[str]:
    """Sorted; older versions export one text with commas (3.8), newer ones a list."""
    if isinstance(tags, str):
        return sorted(tag.strip() for tag in tags.split(",") if tag.strip())
    return sorted(str(tag) for tag in tags) if isinstance(tags, Iterable) else []


def _user(user: Mapping[str, Any]) -> Item:
    credential = Credential(
        hashed=SecretStr(user.get("password_hash") or ""), algorithm=user.get("hashing_algorithm") or SHA256
    )
    return Item(("user", user["name"]), {"tags": _tags(user.get("tags", []))}, credential)


def _permission(one: Mapping[str, Any]) -> Item:
    fields = {key: one.get(key, "") for key in ("configure", "write", "read")}
    return Item(("permission", one["vhost"], one["user"]), fields)


def _policy(one: Mapping[str, Any]) -> Item:
    definition = one.get("definition", {})
    fields = {
        "pattern": one.get("pattern", ""),
        "apply-to": one.get("apply-to", "all"),
        "priority": one.get("priority", 0),
        "definition": json.loads(definition) if isinstance(definition, str) else definition,
    }
    return Item(("policy", one["vhost"], one["name"]), fields)


def _exchange(one: Mapping[str, Any]) -> Item:
    fields = {
        "type": one.get("type", "direct"),
        "durable": one.get("durable", False),
        "auto_delete": one.get("auto_delete", False),
        "internal": one.get("internal", False),
        "arguments": _arguments(one),
    }
    return Item(("exchange", one["vhost"], one["name"]), fields)


def _built_in(vhost: str, name: str) -> Item:
    kind, internal = BUILT_IN[name]
    fields = {"type": kind, "durable": True, "auto_delete": False, "internal": internal, "arguments": {}}
    return Item(("exchange", vhost, name), fields)


def _queue(one: Mapping[str, Any], default_type: str | None) -> Item:
    implied = one.get("type") or default_type or DEFAULT_TYPE
    fields = queue_fields(one.get("durable", False), one.get("auto_delete", False), _arguments(one), implied)
    return Item(("queue", one["vhost"], one["name"]), fields)


def _binding(one: Mapping[str, Any]) -> Item:
    return Item(
        (
            "binding",
            one["vhost"],
            one["source"],
            one.get("destination_type", "queue"),
            one["destination"],
            one.get("routing_key", ""),
            canonical(_arguments(one)),
        )
    )


def _link(one: Mapping[str, Any]) -> Item:
    return link((one["component"], one["vhost"], one["name"]), _settled(one.get("value")))


def _settled(value: Any) -> Any:
    """One URI as a list of one, and JSON's objects also where an export spells them as lists of pairs."""
    if isinstance(value, list) and value and all(_is_pair(pair) for pair in value):
        value = {str(name): content for name, content in value}
    if isinstance(value, Mapping):
        return {name: _uris(content) if name in URIS else content for name, content in value.items()}
    return [_settled(member) for member in value] if isinstance(value, list) else {"value": value}


def _is_pair(pair: Any) -> bool:
    return isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str)


def _uris(content: Any) -> Any:
    return [content] if isinstance(content, str) else content


URIS = ("uri", "src-uri", "dest-uri")
"""The keys whose value is one URI or a list of them."""


def _arguments(one: Mapping[str, Any]) -> dict[str, Any]:
    """An empty table is exported as [] by some encoders."""
    arguments = one.get("arguments")
    return dict(arguments) if isinstance(arguments, Mapping) else {}
