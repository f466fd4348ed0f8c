"""Rules about declared objects: names, references, users."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.draft import Draft
from mqctl.model.problem import Problem
from mqctl.model.rabbitmq import RabbitmqSettings

_KEYS: dict[str, Callable[[Any], Hashable]] = {
    "vhosts": lambda vhost: vhost.name,
    "users": lambda user: user.name,
    "policies": lambda policy: (policy.vhost, policy.name),
    "exchanges": lambda exchange: (exchange.vhost, exchange.name),
    "queues": lambda queue: (queue.vhost, queue.name),
    "upstreams": lambda upstream: (upstream.vhost, upstream.name),
    "upstream_sets": lambda one: (one.vhost, one.name),
    "shovels": lambda shovel: (shovel.vhost, shovel.name),
    "static_shovels": lambda shovel: shovel.name,
    "bindings": lambda binding: binding.model_dump_json(exclude={"arguments"}) + repr(binding.arguments),
}
"""What makes an object of each kind the same object."""
_HASH_BYTES = {20, 36, 68}
"""A salt of 4 bytes and an MD5, SHA-256 or SHA-512 (RabbitMQ guide "Passwords")."""


def unique(draft: Draft) -> Iterator[Problem]:
    """Each object is declared once."""
    for kind, key in _KEYS.items():
        seen: dict[Hashable, int] = {}
        for index, item in enumerate(_declared(draft, kind)):
            first = seen.setdefault(key(item), index)
            if first != index:
                rule, hint = f"repeats rabbitmq_{kind}[{first}]", "declare it once"
                yield Problem(f"rabbitmq_{kind}[{index}]", rule, getattr(item, "name", ""), hint)


def known_vhosts(draft: Draft) -> Iterator[Problem]:
    """Everything lives in a declared vhost."""
    if not draft.usable("rabbitmq_vhosts"):
        return
    known = {vhost.name for vhost in _declared(draft, "vhosts")}
    for path, vhost in _vhosts_used(draft):
        if vhost not in known:
            hint = f"add it to rabbitmq_vhosts, which has {', '.join(sorted(known)) or 'none'}"
            yield Problem(path, "must be a declared vhost", vhost, hint)


def _vhosts_used(draft: Draft) -> Iterator[tuple[str, str]]:
    for index, user in enumerate(_declared(draft, "users")):
        for number, permission in enumerate(user.permissions):
            yield f"rabbitmq_users[{index}].permissions[{number}].vhost", permission.vhost
    for kind in ("policies", "exchanges", "queues", "bindings", "upstreams", "upstream_sets", "shovels"):
        for index, item in enumerate(_declared(draft, kind)):
            yield f"rabbitmq_{kind}[{index}].vhost", item.vhost


def bound(draft: Draft) -> Iterator[Problem]:
    """A binding's ends are declared, or the broker's own amq.* exchanges."""
    if not (draft.usable("rabbitmq_exchanges") and draft.usable("rabbitmq_queues")):
        return
    exchanges = {(item.vhost, item.name) for item in _declared(draft, "exchanges")}
    queues = {(item.vhost, item.name) for item in _declared(draft, "queues")}
    for index, binding in enumerate(_declared(draft, "bindings")):
        path = f"rabbitmq_bindings[{index}]"
        if not _is_exchange(binding.vhost, binding.source, exchanges):
            hint = "add it to rabbitmq_exchanges"
            yield Problem(f"{path}.source", "must be a declared exchange", binding.source, hint)
        to_queue = binding.destination_type == "queue"
        if to_queue and (binding.vhost, binding.destination) not in queues:
            hint = "add it to rabbitmq_queues"
            yield Problem(f"{path}.destination", "must be a declared queue", binding.destination, hint)
        if not to_queue and not _is_exchange(binding.vhost, binding.destination, exchanges):
            hint = "add it to rabbitmq_exchanges"
            yield Problem(f"{path}.destination", "must be a declared exchange", binding.destination, hint)


def dead_letters_arrive(draft: Draft) -> Iterator[Problem]:
    """Messages for an exchange that does not exist vanish (RabbitMQ guides "DLX", "Alternate Exchanges")."""
    if not draft.usable("rabbitmq_exchanges"):
        return
    exchanges = {(item.vhost, item.name) for item in _declared(draft, "exchanges")}
    for path, vhost, name in _exchanges_named(draft):
        if isinstance(name, str) and name and not _is_exchange(vhost, name, exchanges):
            yield Problem(path, "should be a declared exchange", name, "add it to rabbitmq_exchanges")


def _exchanges_named(draft: Draft) -> Iterator[tuple[str, str, Any]]:
    places = (
        ("queues", "arguments", "x-dead-letter-exchange"),
        ("exchanges", "arguments", "alternate-exchange"),
        ("policies", "definition", "dead-letter-exchange"),
        ("policies", "definition", "alternate-exchange"),
    )
    for kind, part, key in places:
        for index, item in enumerate(_declared(draft, kind)):
            yield f"rabbitmq_{kind}[{index}].{part}.{key}", item.vhost, getattr(item, part).get(key)


def unreserved(draft: Draft) -> Iterator[Problem]:
    """Names that begin with amq. are the broker's (AMQP 0-9-1, queue.declare and exchange.declare)."""
    for kind in ("exchanges", "queues"):
        for index, item in enumerate(_declared(draft, kind)):
            if item.name.startswith("amq."):
                rule, hint = "must not begin with amq., which the broker keeps for itself", "rename it"
                yield Problem(f"rabbitmq_{kind}[{index}].name", rule, item.name, hint)


def addressable(draft: Draft) -> Iterator[Problem]:
    """The management API takes these names for steps in its paths, however they are encoded (3.10, seen)."""
    names = [
        (f"rabbitmq_{kind}[{index}].name", item.name)
        for kind in (
            "vhosts",
            "users",
            "policies",
            "exchanges",
            "queues",
            "upstreams",
            "upstream_sets",
            "shovels",
        )
        for index, item in enumerate(_declared(draft, kind))
    ]
    if draft.cluster:
        names += [
            (f"rabbitmq_{which}", getattr(draft.cluster, which)) for which in ("admin_user", "client_user")
        ]
    for path, name in names:
        if name in (".", ".."):
            yield Problem(path, "must not be . or .., which no URL can carry", name, "choose another name")


def no_guest(draft: Draft) -> Iterator[Problem]:
    """mqctl removes the well-known default user (RabbitMQ guide "Production Checklist")."""
    hint = "choose another name"
    rule = "must not be guest, which mqctl removes"
    for index, user in enumerate(_declared(draft, "users")):
        if user.name == "guest":
            yield Problem(f"rabbitmq_users[{index}].name", rule, hint=hint)
    for name in ("admin_user", "client_user"):
        if draft.cluster and getattr(draft.cluster, name) == "guest":
            yield Problem(f"rabbitmq_{name}", rule, hint=hint)


def own_users(draft: Draft) -> Iterator[Problem]:
    """mqctl logs in as the administrator and as the client: two users, with passwords that it knows."""
    cluster = draft.cluster
    if cluster is None:
        return
    if cluster.admin_user == cluster.client_user:
        rule = "must not be rabbitmq_admin_user: clients are no administrators"
        yield Problem("rabbitmq_client_user", rule, cluster.client_user, "choose another name")
    for index, user in enumerate(cluster.users):
        path = f"rabbitmq_users[{index}]"
        if user.name == cluster.admin_user and "administrator" not in user.tags:
            hint = "add administrator, or leave the user out and mqctl makes it"
            yield Problem(f"{path}.tags", "must have administrator: this is rabbitmq_admin_user", hint=hint)
        if user.name in (cluster.admin_user, cluster.client_user) and user.password_hash:
            hint = "give password, or nothing"
            yield Problem(f"{path}.password_hash", "must be absent: mqctl logs in as this user", hint=hint)


def administrator_logs_in(draft: Draft) -> Iterator[Problem]:
    """By HTTP, which ends the name at its first colon (RFC 7617, section 2), and by rabbitmqctl's standard
    input, of which it reads one line."""
    cluster = draft.cluster
    if cluster is None:
        return
    if ":" in cluster.admin_user:
        rule = "must have no colon, at which an HTTP login ends the name"
        yield Problem("rabbitmq_admin_user", rule, cluster.admin_user, "choose another name")
    for path, name, secret in _passwords(cluster):
        if name == cluster.admin_user and any(end in reveal(secret) for end in "\r\n\0"):
            yield Problem(path, "must be one line", hint="leave it out and mqctl generates one")


def _passwords(cluster: RabbitmqSettings) -> Iterator[tuple[str, str, SecretStr]]:
    """Every declared password: where, whose, and what."""
    for name, secret in cluster.passwords.items():
        yield f"rabbitmq_passwords.{name}", name, secret
    for index, user in enumerate(cluster.users):
        if user.password is not None:
            yield f"rabbitmq_users[{index}].password", user.name, user.password


def one_password(draft: Draft) -> Iterator[Problem]:
    """A user has a password or a hash, in one place, and it is not empty."""
    cluster = draft.cluster
    if cluster is None:
        return
    for index, user in enumerate(cluster.users):
        given = [part for part in ("password", "password_hash") if getattr(user, part)]
        if len(given) == 2:
            rule, hint = "must be absent when password is given", "keep one of the two"
            yield Problem(f"rabbitmq_users[{index}].password_hash", rule, hint=hint)
        elif given and user.name in cluster.passwords:
            rule, hint = f"must be absent: rabbitmq_passwords has {user.name} too", "keep one of the two"
            yield Problem(f"rabbitmq_users[{index}].{given[0]}", rule, hint=hint)
    yield from _empty_passwords(cluster)


def _empty_passwords(cluster: RabbitmqSettings) -> Iterator[Problem]:
    """The broker refuses logins with an empty password (RabbitMQ guide "Passwords")."""
    for path, _, secret in _passwords(cluster):
        if not reveal(secret):
            yield Problem(path, "must not be empty", hint="leave it out and mqctl generates one")


def password_hashes(draft: Draft) -> Iterator[Problem]:
    """A hash is base64 of salt and digest (RabbitMQ guide "Passwords", "Computing Password Hash")."""
    for index, user in enumerate(_declared(draft, "users")):
        if user.password_hash and not _is_hash(reveal(user.password_hash)):
            hint = "as printed by: rabbitmqctl hash_password"
            rule = "must be base64 of a 4-byte salt and its digest"
            yield Problem(f"rabbitmq_users[{index}].password_hash", rule, hint=hint)


def _is_hash(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) in _HASH_BYTES
    except (binascii.Error, ValueError):
        return False


def _is_exchange(vhost: str, name: str, declared: set[tuple[str, str]]) -> bool:
    return name.startswith("amq.") or (vhost, name) in declared


def _declared(draft: Draft, kind: str) -> Sequence[Any]:
    return getattr(draft.cluster, kind) if draft.cluster else ()


STRUCTURAL = (
    unique,
    known_vhosts,
    bound,
    unreserved,
    addressable,
    no_guest,
    own_users,
    administrator_logs_in,
    one_password,
    password_hashes,
)
RISKS = {"undeclared-dead-letter-exchange": dead_letters_arrive}
