"""An object as both sides see it: the inventory's and the cluster's come into one form to be compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast, get_args

from pydantic import SecretStr

from mqctl.model.changes import ObjectKind
from mqctl.model.links import COMPONENTS
from mqctl.model.password import SHA256
from mqctl.model.uri import masked

Key = tuple[str, ...]
"""What identifies an object, the kind first; the ledger keeps exactly this.

vhost name | user name | permission vhost user | policy, exchange, queue vhost name |
binding vhost source destination_type destination routing_key arguments (canonical JSON) |
federation-upstream, federation-upstream-set, shovel vhost name
"""

ORDER: tuple[ObjectKind, ...] = get_args(ObjectKind)
"""Makes each kind after what it needs; removal goes backwards."""


@dataclass(frozen=True)
class Credential:
    """A user's password, as a word, as a hash, or both."""

    password: SecretStr | None = None
    hashed: SecretStr | None = None
    algorithm: str = SHA256


@dataclass(frozen=True)
class Item:
    """One object. `fields` hold what can be compared and shown, never a secret."""

    key: Key
    fields: Mapping[str, Any] = field(default_factory=dict)
    credential: Credential | None = None
    queue_type: str | None = None
    """A queue's `x-queue-type` argument when it was spelled out; fields["type"] has the type in any case."""
    value: SecretStr | None = None
    """A link's whole value as canonical JSON, passwords in its URIs; its fields have them masked."""
    passing: bool = False
    """The broker removes it by itself once its work is done."""

    @property
    def kind(self) -> ObjectKind:
        """Which sort of object."""
        return cast("ObjectKind", self.key[0])

    @property
    def vhost(self) -> str | None:
        """The vhost in which it lies; None for vhosts and users themselves."""
        return None if self.kind in ("vhost", "user") else self.key[1]

    @property
    def name(self) -> str:
        """Its name; a binding's is made of its ends."""
        if self.kind == "binding":
            _, _, source, _, destination, routing_key, arguments = self.key
            return f"{source} -> {destination} ({routing_key})" + (
                "" if arguments == "{}" else f" {arguments}"
            )
        return self.key[-1]


Items = Mapping[Key, Item]


def differing(wanted: Item, live: Item) -> list[str]:
    """The fields that are not as declared. A link is compared whole: a key that is left out counts too."""
    names = dict.fromkeys([*wanted.fields, *(live.fields if wanted.kind in COMPONENTS else ())])
    return [name for name in names if wanted.fields.get(name) != live.fields.get(name)]


def canonical(arguments: Mapping[str, Any] | list[Any]) -> str:
    """Arguments as one text that is equal exactly when they are."""
    return json.dumps(arguments, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


TYPE_ARGUMENT = "x-queue-type"


def queue_fields(
    durable: bool, auto_delete: bool, arguments: Mapping[str, Any], implied: str
) -> dict[str, Any]:
    """A queue's fields, its type apart: an implied type equals the same spelled out."""
    others = {name: value for name, value in arguments.items() if name != TYPE_ARGUMENT}
    kind = arguments.get(TYPE_ARGUMENT, implied)
    return {"type": kind, "durable": durable, "auto_delete": auto_delete, "arguments": others}


def link(key: Key, value: Any, passing: bool = False) -> Item:
    """A runtime parameter; a set's list of upstreams becomes its one field."""
    fields = value if isinstance(value, Mapping) else {"upstreams": value}
    return Item(key, masked(dict(fields)), value=SecretStr(canonical(value)), passing=passing)


def by_key(items: list[Item]) -> dict[Key, Item]:
    """Items by what identifies them."""
    return {item.key: item for item in items}


def title(item: Item) -> str:
    """The object as a sentence names it."""
    where = f" in vhost {item.vhost}" if item.vhost is not None else ""
    return f"{item.kind} {item.name}{where}"
