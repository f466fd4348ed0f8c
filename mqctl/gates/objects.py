"""What the inventory declares inside the cluster is there, as declared; `guest` is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mqctl.gates.evidence import Gate, label, views
from mqctl.model.base import reveal
from mqctl.model.changes import ObjectKind
from mqctl.model.gate import GateResult
from mqctl.model.items.item import ORDER, Item, Items
from mqctl.model.items.live import live_items
from mqctl.model.items.wanted import wanted_items
from mqctl.model.password import verify
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology

Definitions = Mapping[str, Any]

SECTION: Mapping[ObjectKind, str] = {
    "vhost": "vhosts",
    "user": "users",
    "permission": "permissions",
    "policy": "policies",
    "exchange": "exchanges",
    "queue": "queues",
    "binding": "bindings",
}
"""Where an export keeps each kind; also the gates' names."""


def judge(topology: Topology, status: ClusterStatus) -> list[GateResult]:
    """One result per kind when all is there, else one per object that is missing or differs."""
    definitions = live_definitions(topology, status)
    if definitions is None:
        return _unknown(topology, "no broker gave its definitions")
    try:
        live = live_items(definitions)
    except (LookupError, TypeError, AttributeError, ValueError):
        return _unknown(topology, "the live definitions cannot be read")
    wanted = wanted_items(topology.objects)
    results = [
        result for kind in ORDER for result in _kind(kind, topology.cluster_name, wanted, live, definitions)
    ]
    return [*results, guest(topology, definitions)]


def live_definitions(topology: Topology, status: ClusterStatus) -> Definitions | None:
    """The first running broker's definitions: members share them."""
    for view in views(topology, status):
        if view.broker is not None and view.broker.definitions is not None:
            return view.broker.definitions
    return None


def guest(topology: Topology, definitions: Definitions) -> GateResult:
    """The user that every RabbitMQ installation has, with a password that everybody knows, is gone."""
    gate = Gate("guest", topology.cluster_name, "no user guest")
    if any(user.name == "guest" for user in topology.objects.users):
        return gate.says(True, "declared by the inventory")
    try:
        there = any(user["name"] == "guest" for user in definitions["users"])
    except (LookupError, TypeError):
        return gate.unknown("the live users cannot be read")
    return gate.says(not there, "user guest exists" if there else "no user guest")


def _unknown(topology: Topology, why: str) -> list[GateResult]:
    names = (*SECTION.values(), "guest")
    return [Gate(name, topology.cluster_name, "as declared").unknown(why) for name in names]


def _kind(
    kind: ObjectKind, cluster: str, wanted: Items, live: Items, definitions: Definitions
) -> list[GateResult]:
    """A section that the export lacks is no evidence: its objects may be there or not."""
    declared = [item for item in wanted.values() if item.kind == kind]
    if not declared:
        return []
    name = SECTION[kind]
    if not isinstance(definitions.get(name), list):
        return [Gate(name, cluster, "as declared").unknown(f"the live {name} cannot be read")]
    failures = [result for item in declared if (result := _object(name, item, live.get(item.key)))]
    if failures:
        return failures
    return [Gate(name, cluster, f"{len(declared)} as declared").equals(f"{len(declared)} as declared")]


def _object(name: str, wanted: Item, live: Item | None) -> GateResult | None:
    """A failure that shows only what differs; None when nothing does."""
    subject = _subject(wanted)
    if live is None:
        return Gate(name, subject, "exists").says(False, "does not exist")
    differing = [field for field in _compared(wanted) if live.fields.get(field) != wanted.fields[field]]
    if differing:
        return Gate(name, subject, _shown(wanted, differing)).says(False, _shown(live, differing))
    if not _password_fits(wanted, live):
        return Gate(name, subject, "the declared password").says(False, "another password")
    return None


def _compared(item: Item) -> Iterable[str]:
    """A vhost need only exist: before 3.10 its description cannot be changed."""
    return () if item.kind == "vhost" else item.fields


def _password_fits(wanted: Item, live: Item) -> bool:
    password = wanted.credential.password if wanted.credential else None
    if password is None or live.credential is None or live.credential.hashed is None:
        return True
    return verify(reveal(password), reveal(live.credential.hashed), live.credential.algorithm)


def _subject(item: Item) -> str:
    if item.vhost is None:
        return item.name
    return f"{item.name} in {item.vhost}" if item.kind == "permission" else label(item.vhost, item.name)


def _shown(item: Item, fields: Iterable[str]) -> str:
    """In the plan's form."""
    return ", ".join(f"{field}: {json.dumps(item.fields.get(field), ensure_ascii=False)}" for field in fields)
