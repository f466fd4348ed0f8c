"""What the inventory declares inside the cluster is there, as declared; `guest` is not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from mqctl.gates.evidence import Gate, label, views
from mqctl.model.base import reveal
from mqctl.model.changes import ObjectKind
from mqctl.model.gate import GateResult
from mqctl.model.items.item import ORDER, Item, Items, differing
from mqctl.model.items.live import live_items
from mqctl.model.items.wanted import wanted_items
from mqctl.model.links import COMPONENTS
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
    "federation-upstream": "parameters",
    "federation-upstream-set": "parameters",
    "shovel": "parameters",
}
"""Where an export keeps each kind."""
NAME: Mapping[ObjectKind, str] = {
    **SECTION,
    "federation-upstream": "upstreams",
    "federation-upstream-set": "upstream sets",
    "shovel": "shovels",
}
"""The gates' names."""


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
    declared = {item.kind for item in wanted_items(topology.objects).values()}
    names = [NAME[kind] for kind in ORDER if kind in declared or kind not in COMPONENTS]
    return [Gate(name, topology.cluster_name, "as declared").unknown(why) for name in (*names, "guest")]


def _kind(
    kind: ObjectKind, cluster: str, wanted: Items, live: Items, definitions: Definitions
) -> list[GateResult]:
    """A section that the export lacks is no evidence: its objects may be there or not."""
    declared = [item for item in wanted.values() if item.kind == kind]
    if not declared:
        return []
    name, section = NAME[kind], SECTION[kind]
    if not isinstance(definitions.get(section), list):
        return [Gate(name, cluster, "as declared").unknown(f"the live {section} cannot be read")]
    failures = [result for item in declared if (result := _object(name, item, live.get(item.key)))]
    if failures:
        return failures
    return [Gate(name, cluster, f"{len(declared)} as declared").equals(f"{len(declared)} as declared")]


def _object(name: str, wanted: Item, live: Item | None) -> GateResult | None:
    """A failure that shows only what differs; None when nothing does.

    A vhost need only exist: before 3.10 its description cannot be changed. A shovel that ends by itself may
    be gone.
    """
    subject = _subject(wanted)
    if live is None and wanted.passing:
        return None
    if live is None:
        return Gate(name, subject, "exists").says(False, "does not exist")
    fields = [] if wanted.kind == "vhost" else differing(wanted, live)
    if fields:
        return Gate(name, subject, _shown(wanted, fields)).says(False, _shown(live, fields))
    if not _password_fits(wanted, live):
        return Gate(name, subject, "the declared password").says(False, "another password")
    return None


def _password_fits(wanted: Item, live: Item) -> bool:
    if wanted.value is not None:
        return wanted.value == live.value
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
