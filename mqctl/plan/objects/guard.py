"""What a removal or a replacement would destroy that is not mqctl's to destroy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from mqctl.model.items.item import Item, Items, Key, title
from mqctl.model.items.live import is_built_in
from mqctl.model.status import QueueStatus
from mqctl.plan.objects.requests import is_replicated
from mqctl.plan.refusal import Refusal


@dataclass(frozen=True)
class Surroundings:
    """What lies around an object, looked up by name: there may be tens of thousands of them."""

    live: Items
    ours: Collection[Key]
    """What mqctl may touch: declared, or in the ledger."""
    bindings: Mapping[Key, list[Item]]
    """The live bindings by each exchange or queue at one of their ends."""
    queues: Mapping[Key, list[QueueStatus]]
    """What the brokers said of each queue."""


def survey(live: Items, ours: Collection[Key], queues: Iterable[QueueStatus]) -> Surroundings:
    """The surroundings of every object."""
    bindings: dict[Key, list[Item]] = defaultdict(list)
    for item in live.values():
        if item.kind == "binding":
            for end in _ends(item.key):
                bindings[end].append(item)
    told: dict[Key, list[QueueStatus]] = defaultdict(list)
    for queue in queues:
        told["queue", queue.vhost, queue.name].append(queue)
    return Surroundings(live, ours, bindings, told)


def _ends(binding: Key) -> set[Key]:
    """The keys of the two objects that it connects; one key when an exchange is bound to itself."""
    _, vhost, source, destination_type, destination, _, _ = binding
    return {("exchange", vhost, source), (destination_type, vhost, destination)}


def attached(item: Item, around: Surroundings) -> list[Item]:
    """The live bindings that the broker drops together with this exchange or queue."""
    return around.bindings.get(item.key, [])


def guard(item: Item, verb: str, around: Surroundings) -> list[Refusal]:
    """Why this object cannot be removed or replaced; `verb` says which."""
    if is_built_in(item.key):
        return [Refusal(f"{title(item)} cannot be {verb}: it belongs to the broker", "declare it as it is")]
    if item.kind == "vhost":
        return _full_vhost(item, verb, around)
    refusals = _foreign_bindings(item, verb, around)
    return refusals + (_busy_queue(item, verb, around) if item.kind == "queue" else [])


def _foreign_bindings(item: Item, verb: str, around: Surroundings) -> list[Refusal]:
    foreign = [one.name for one in attached(item, around) if one.key not in around.ours]
    if not foreign:
        return []
    return [
        Refusal(
            f"{title(item)} cannot be {verb}: bindings that mqctl did not make would go with it: "
            f"{', '.join(foreign)}",
            "declare these bindings in the inventory, or remove them",
        )
    ]


def _busy_queue(item: Item, verb: str, around: Surroundings) -> list[Refusal]:
    found = around.queues.get(item.key, [])
    messages, consumers = (
        _count(queue.messages for queue in found),
        _count(queue.consumers for queue in found),
    )
    refusals = []
    if messages:
        refusals.append(_refuse(item, verb, f"it holds {messages} message{'s' * (messages != 1)}"))
    if consumers:
        refusals.append(_refuse(item, verb, f"it has {consumers} consumer{'s' * (consumers != 1)}"))
    if messages is None and is_replicated(item):
        refusals.append(_refuse(item, verb, "how many messages it holds is not known"))
    return refusals


def _full_vhost(item: Item, verb: str, around: Surroundings) -> list[Refusal]:
    """The broker removes a vhost with all that is in it and asks nothing, so nothing may be unknown here."""
    inside = [one for one in around.live.values() if one.kind == "queue" and one.vhost == item.name]
    full = [
        one.name for one in inside if _count(queue.messages for queue in around.queues.get(one.key, [])) != 0
    ]
    if not full:
        return []
    return [
        _refuse(item, verb, f"its queues hold messages, or could not be asked: {', '.join(sorted(full))}")
    ]


def _count(told: Iterable[int | None]) -> int | None:
    """The sum of what is known: only the broker that leads a queue counts. None when nobody did."""
    known = [number for number in told if number is not None]
    return sum(known) if known else None


def _refuse(item: Item, verb: str, why: str) -> Refusal:
    return Refusal(
        f"{title(item)} cannot be {verb}: {why}",
        "let consumers empty it or purge it, stop its consumers, or put it back into the inventory as it was",
    )
