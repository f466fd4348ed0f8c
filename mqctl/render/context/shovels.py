"""Static shovels: the environment of the application rabbitmq_shovel, in the notation of render.erlang."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from mqctl.model.base import reveal
from mqctl.model.links import Declaration, StaticDestination, StaticShovel, StaticSource

Term = dict[str, Any]


def shovel_terms(shovels: Sequence[StaticShovel]) -> dict[str, Term]:
    """The application and its `shovels` (RabbitMQ guide "Configuring Static Shovels")."""
    if not shovels:
        return {}
    return {
        "rabbitmq_shovel": {"shovels": {"proplist": {shovel.name: _shovel(shovel) for shovel in shovels}}}
    }


def _shovel(shovel: StaticShovel) -> Term:
    own: Term = {"ack_mode": _atom(shovel.ack_mode.replace("-", "_"))} if shovel.ack_mode else {}
    if shovel.reconnect_delay is not None:
        own["reconnect_delay"] = shovel.reconnect_delay
    return {"source": _source(shovel.src), "destination": _destination(shovel.dest), **own}


def _source(end: StaticSource) -> Term:
    """An exchange is consumed through a queue of its own that lives as long as the connection."""
    declarations = [*map(_declaration, end.declarations), *(_bound(end) if end.exchange else ())]
    term: Term = {**_connection(end), "declarations": declarations, "queue": end.queue or ""}
    return term if end.prefetch_count is None else {**term, "prefetch_count": end.prefetch_count}


def _bound(end: StaticSource) -> Iterator[Any]:
    """The empty queue name means the one declared last."""
    yield _method("queue.declare", {"exclusive": True})
    fields = {"exchange": end.exchange, "queue": "", "routing_key": end.exchange_key or "#"}
    yield _method("queue.bind", fields)


def _destination(end: StaticDestination) -> Term:
    term: Term = {**_connection(end), "declarations": list(map(_declaration, end.declarations))}
    if fields := _publish_fields(end):
        term["publish_fields"] = fields
    if end.publish_properties:
        term["publish_properties"] = end.publish_properties
    return (
        term if end.add_forward_headers is None else {**term, "add_forward_headers": end.add_forward_headers}
    )


def _publish_fields(end: StaticDestination) -> Term:
    """A queue is reached through the default exchange; without any a message keeps what it came with."""
    if end.queue:
        return {"exchange": "", "routing_key": end.queue}
    key = {} if end.exchange_key is None else {"routing_key": end.exchange_key}
    return {"exchange": end.exchange, **key} if end.exchange else {}


def _connection(end: StaticSource | StaticDestination) -> Term:
    return {"protocol": _atom("amqp091"), "uris": [{"string": reveal(uri)} for uri in end.uri]}


def _declaration(said: Declaration) -> Any:
    if isinstance(said, str):
        return _atom(said)
    (name, fields), *_ = said.items()
    return _method(name, fields)


def _method(name: str, fields: Term) -> Term:
    return {"tuple": [_atom(name), {"proplist": fields}]}


def _atom(text: str) -> Term:
    return {"atom": text}
