"""All object changes of a cluster, their requests in order, and the ledger."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from mqctl.model.changes import ObjectChange, Request
from mqctl.model.items.item import ORDER, Item, Items, Key
from mqctl.model.items.live import Definitions, live_items
from mqctl.model.items.wanted import wanted_items
from mqctl.model.objects import Objects
from mqctl.model.status import QueueStatus
from mqctl.model.versions import has, line_of
from mqctl.plan.objects.bulk import in_order
from mqctl.plan.objects.compare import Cluster, Difference, compare
from mqctl.plan.objects.guard import Surroundings, attached, guard, survey
from mqctl.plan.objects.ledger import after_creation, after_removal, read_ledger, write_ledger
from mqctl.plan.objects.requests import delete, put
from mqctl.plan.refusal import Refusal

GUEST: Key = ("user", "guest")
"""The default user with a well-known password; gone from every cluster that mqctl keeps."""


@dataclass(frozen=True)
class ObjectPlan:
    """What the cluster's objects need."""

    changes: tuple[ObjectChange, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    ledger_before: Request | None = None
    ledger_after: Request | None = None
    requests: tuple[Request, ...] = ()


def plan_objects(
    objects: Objects, definitions: Definitions, queues: Sequence[QueueStatus], cluster: str
) -> ObjectPlan:
    """Declared objects against the cluster's definitions; `cluster` is the cluster's name."""
    wanted, live, ledger = wanted_items(objects), live_items(definitions), read_ledger(definitions)
    due = {key: item for key, item in wanted.items() if not _done(item, live, ledger)}
    differences = _differences(due, live, Cluster(cluster, _updates_vhosts(definitions)))
    doomed = _doomed(wanted, live, ledger)
    around = survey(live, frozenset(wanted) | ledger, queues)
    refusals = _refusals(differences, doomed, around)
    made = [one.item for one in differences if one.action != "update"]
    before = after_creation(ledger, [item.key for item in made if not item.passing])
    after = after_removal(before, wanted) | {item.key for item in made if item.passing}
    ledger_before = write_ledger(before) if before != ledger else None
    ledger_after = write_ledger(after) if after != before else None
    changes = [_change(one, around) for one in differences] + [_removal(item) for item in doomed]
    return ObjectPlan(
        tuple(changes),
        tuple(refusals),
        ledger_before,
        ledger_after,
        in_order(differences, changes, ledger_before, ledger_after),
    )


def _done(item: Item, live: Items, ledger: Collection[Key]) -> bool:
    """Whether mqctl made it and the broker removed it, as such a shovel ends.

    It comes into the ledger only once it was made: after a run cut short it is made again, not forgotten.
    """
    return item.passing and item.key in ledger and item.key not in live


def _differences(wanted: Items, live: Items, cluster: Cluster) -> list[Difference]:
    found = [one for item in wanted.values() if (one := compare(item, live.get(item.key), cluster))]
    return sorted(found, key=lambda one: _rank(one.item))


def _updates_vhosts(definitions: Definitions) -> bool:
    line = line_of(str(definitions.get("rabbit_version", "")))
    return not line or has(line, "vhost-updates")


def _rank(item: Item) -> int:
    return ORDER.index(item.kind)


def _doomed(wanted: Items, live: Items, ledger: Collection[Key]) -> list[Item]:
    """What goes: made by mqctl and declared no more, and guest; last made kinds first."""
    gone = [item for key, item in live.items() if key not in wanted and (key in ledger or key == GUEST)]
    keys = {item.key for item in gone}
    return sorted((item for item in gone if not _goes_along(item, keys)), key=_rank, reverse=True)


def _goes_along(item: Item, doomed: Collection[Key]) -> bool:
    """The broker drops it by itself together with its vhost or its user."""
    if item.vhost is not None and ("vhost", item.vhost) in doomed:
        return True
    return item.kind == "permission" and ("user", item.name) in doomed


def _refusals(
    differences: Sequence[Difference],
    doomed: Sequence[Item],
    around: Surroundings,
) -> list[Refusal]:
    found: list[Refusal] = []
    for one in differences:
        if one.action == "replace":
            found += guard(one.item, "replaced", around)
    for item in doomed:
        found += guard(item, "removed", around)
    return found


def _change(one: Difference, around: Surroundings) -> ObjectChange:
    requests = _replacement(one.item, around) if one.action == "replace" else (put(one.item),)
    return ObjectChange(
        kind=one.item.kind,
        vhost=one.item.vhost,
        name=one.item.name,
        action=one.action,
        before=dict(one.before),
        after=dict(one.after),
        requests=requests,
    )


def _replacement(item: Item, around: Surroundings) -> tuple[Request, ...]:
    """Unbind, remove, make anew, bind again: an exchange goes only when nothing is bound to it."""
    bindings = attached(item, around)
    old = around.live[item.key]
    return (*map(delete, bindings), delete(old), put(item), *map(put, bindings))


def _removal(item: Item) -> ObjectChange:
    return ObjectChange(
        kind=item.kind,
        vhost=item.vhost,
        name=item.name,
        action="delete",
        before=dict(item.fields),
        requests=(delete(item),),
    )
