"""The inventory's objects as items."""

from __future__ import annotations

from typing import Any

from mqctl.model.base import reveal
from mqctl.model.items.item import (
    TYPE_ARGUMENT,
    Credential,
    Item,
    Key,
    by_key,
    canonical,
    link,
    queue_fields,
)
from mqctl.model.links import Parameter
from mqctl.model.objects import Binding, Exchange, Objects, Permission, Policy, Queue, User, Vhost

DEFAULT_TYPE = "classic"


def wanted_items(objects: Objects) -> dict[Key, Item]:
    """Every declared object."""
    types = {vhost.name: vhost.default_queue_type or DEFAULT_TYPE for vhost in objects.vhosts}
    items = [_vhost(vhost) for vhost in objects.vhosts]
    for user in objects.users:
        items += [_user(user), *(_permission(user, permission) for permission in user.permissions)]
    items += [_policy(policy) for policy in objects.policies]
    items += [_exchange(exchange) for exchange in objects.exchanges]
    items += [_queue(queue, types.get(queue.vhost, DEFAULT_TYPE)) for queue in objects.queues]
    items += [_binding(binding) for binding in objects.bindings]
    items += [_link(parameter) for parameter in objects.parameters]
    return by_key(items)


def _vhost(vhost: Vhost) -> Item:
    """Only what the inventory says of it: the default vhost comes with a description of its own."""
    fields: dict[str, Any] = {}
    if vhost.description:
        fields["description"] = vhost.description
    if vhost.tags:
        fields["tags"] = sorted(vhost.tags)
    if vhost.default_queue_type:
        fields["default_queue_type"] = vhost.default_queue_type
    return Item(("vhost", vhost.name), fields)


def _user(user: User) -> Item:
    credential = Credential(password=user.password, hashed=user.password_hash)
    return Item(("user", user.name), {"tags": sorted(user.tags)}, credential)


def _permission(user: User, permission: Permission) -> Item:
    fields = {"configure": permission.configure, "write": permission.write, "read": permission.read}
    return Item(("permission", permission.vhost, user.name), fields)


def _policy(policy: Policy) -> Item:
    fields = {
        "pattern": policy.pattern,
        "apply-to": policy.apply_to,
        "priority": policy.priority,
        "definition": policy.definition,
    }
    return Item(("policy", policy.vhost, policy.name), fields)


def _exchange(exchange: Exchange) -> Item:
    fields = exchange.model_dump(include={"type", "durable", "auto_delete", "internal", "arguments"})
    return Item(("exchange", exchange.vhost, exchange.name), fields)


def _queue(queue: Queue, default_type: str) -> Item:
    fields = queue_fields(queue.durable, queue.auto_delete, queue.arguments, default_type)
    spelled = queue.arguments.get(TYPE_ARGUMENT)
    return Item(("queue", queue.vhost, queue.name), fields, queue_type=spelled)


def _binding(binding: Binding) -> Item:
    return Item(
        (
            "binding",
            binding.vhost,
            binding.source,
            binding.destination_type,
            binding.destination,
            binding.routing_key,
            canonical(binding.arguments),
        )
    )


def _link(parameter: Parameter) -> Item:
    key = (parameter.component, parameter.vhost, parameter.name)
    if isinstance(parameter.value, tuple):
        return link(key, [dict(member) for member in parameter.value])
    uris = {name: [reveal(uri) for uri in uris] for name, uris in parameter.uris.items()}
    return link(key, {**uris, **parameter.value}, parameter.passing)
