"""One declared object against its live twin: the same, to be changed in place, or to be replaced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.diff import MASK
from mqctl.model.items.item import Credential, Item, differing
from mqctl.model.password import SHA256, hash_password, salt_of, verify

_IMMUTABLE = ("exchange", "queue")
"""The broker refuses to change these: "inequivalent arg" (AMQP 0-9-1, exchange.declare and queue.declare)."""


@dataclass(frozen=True)
class Difference:
    """What it takes to make the live object the declared one."""

    action: Literal["create", "update", "replace"]
    item: Item
    """As it is to be written: with a password hash, and with what the inventory leaves to the broker."""
    before: Mapping[str, Any]
    after: Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """What a comparison has to know of the cluster: its name goes into new users' salts."""

    name: str
    updates_vhosts: bool = True
    """Whether PUT changes an existing vhost: 3.8 answers 204 and changes nothing."""


def compare(wanted: Item, live: Item | None, cluster: Cluster) -> Difference | None:
    """None when the live object is as declared, or as near to it as this cluster lets it come."""
    item = settle(wanted, live, cluster)
    if live is None:
        return Difference("create", item, {}, _shown(item))
    names = differing(item, live)
    before = {name: live.fields.get(name) for name in names}
    after = {name: item.fields.get(name) for name in names}
    other_credential = item.credential is not None and item.credential != live.credential
    if other_credential or (not names and item.value != live.value):
        before, after = {**before, "password": MASK}, {**after, "password": MASK}
    if not after:
        return None
    return Difference("replace" if wanted.kind in _IMMUTABLE else "update", item, before, after)


def settle(wanted: Item, live: Item | None, cluster: Cluster) -> Item:
    """The declared object with everything decided that the inventory leaves open."""
    if wanted.kind == "user":
        known = live.credential if live else None
        return replace(wanted, credential=_credential(wanted, known, cluster.name))
    if wanted.kind == "vhost" and live is not None and not cluster.updates_vhosts:
        return live
    if wanted.kind == "vhost" and live is not None:
        return replace(wanted, fields={**live.fields, **wanted.fields})
    return wanted


def _credential(wanted: Item, live: Credential | None, cluster: str) -> Credential:
    """The live hash where it fits the declared password, so that a right password is no change."""
    declared = wanted.credential or Credential()
    if declared.password is not None:
        if live and live.hashed and verify(reveal(declared.password), reveal(live.hashed), live.algorithm):
            return live
        salt = salt_of(cluster, wanted.name)
        return Credential(hashed=SecretStr(hash_password(reveal(declared.password), salt)), algorithm=SHA256)
    if declared.hashed is not None:
        return Credential(hashed=declared.hashed, algorithm=SHA256)
    return live or Credential(hashed=SecretStr(""))


def _shown(item: Item) -> dict[str, Any]:
    shown = dict(item.fields)
    return {**shown, "password": MASK} if item.kind == "user" else shown
