"""The exchange and the queues of a run: declared, counted, removed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from mqctl import trust
from mqctl.errors import MqctlError
from mqctl.model.base import reveal
from mqctl.model.words import ExchangeType
from mqctl.model.workload import Account, WorkloadSettings

_TIMEOUT = 5
"""Seconds for connecting, and for one answer."""


class BrokerUnreachableError(MqctlError):
    """No broker took a connection, or one died while it was asked."""


@contextmanager
def channel(account: Account) -> Iterator[BlockingChannel]:
    """A channel for a few questions; raises BrokerUnreachableError."""
    parameters = [
        pika.ConnectionParameters(
            host=endpoint.host,
            port=endpoint.port,
            ssl_options=trust.for_pika(account.authorities, endpoint.host),
            virtual_host=account.vhost,
            credentials=pika.PlainCredentials(account.user, reveal(account.password)),
            heartbeat=_TIMEOUT,
            socket_timeout=_TIMEOUT,
            stack_timeout=_TIMEOUT,
            blocked_connection_timeout=_TIMEOUT,
        )
        for endpoint in account.endpoints
    ]
    places = ", ".join(f"{endpoint.host}:{endpoint.port}" for endpoint in account.endpoints)
    try:
        connection = pika.BlockingConnection(parameters)
        try:
            yield connection.channel()
        finally:
            if connection.is_open:
                connection.close()
    except (AMQPError, AMQPConnectorException, OSError) as error:
        raise BrokerUnreachableError(
            f"no answer over AMQP from {places} as user {account.user}: {error!r}",
            "`mqctl verify` says what is not in order",
        ) from error


def declare(
    account: Account, exchange: str, queues: tuple[str, ...], settings: WorkloadSettings
) -> dict[str, tuple[str, ...]]:
    """Durable all: an exchange, and each queue bound to it. Gives each publisher's destinations."""
    kind = "quorum" if settings.queue_type == "quorum" else "classic"
    with channel(account) as talk:
        talk.exchange_declare(exchange, settings.exchange_type, durable=True)
        for queue in queues:
            talk.queue_declare(queue, durable=True, arguments={"x-queue-type": kind})
            talk.queue_bind(queue, exchange, _binding(settings.exchange_type, queue))
    return routes(queues, settings)


def routes(queues: tuple[str, ...], settings: WorkloadSettings) -> dict[str, tuple[str, ...]]:
    """A publisher stays with one queue, so that its gap is that queue's gap; fanout reaches them all."""
    if settings.exchange_type == "fanout":
        return dict.fromkeys(settings.names, queues)
    return {name: (queues[place % len(queues)],) for place, name in enumerate(settings.names)}


def routing_key(kind: ExchangeType, queue: str, publisher: str) -> str:
    """What a publisher says so that its messages come to the queue."""
    return {"direct": queue, "topic": f"{queue}.{publisher}", "fanout": ""}[kind]


def _binding(kind: ExchangeType, queue: str) -> str:
    return {"direct": queue, "topic": f"{queue}.*", "fanout": ""}[kind]


def depth(account: Account, queues: tuple[str, ...]) -> int:
    """Messages ready for delivery in all the queues."""
    with channel(account) as talk:
        return sum(talk.queue_declare(queue, passive=True).method.message_count for queue in queues)


def consumers(account: Account, queues: tuple[str, ...]) -> int:
    """Consumers of all the queues together; raises BrokerUnreachableError."""
    with channel(account) as talk:
        return sum(talk.queue_declare(queue, passive=True).method.consumer_count for queue in queues)


def remove(account: Account, exchange: str, queues: tuple[str, ...]) -> None:
    """Deletes them with what is in them; what does not exist is no error (AMQP 0-9-1 queue.delete)."""
    with channel(account) as talk:
        for queue in queues:
            talk.queue_delete(queue)
        talk.exchange_delete(exchange)
