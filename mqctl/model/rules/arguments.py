"""Rules about the arguments of queues and the definitions of policies.

Types and ranges as rabbit_amqqueue:check_arguments and rabbit_policies:validate_policy0 have them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem, quoted


@dataclass(frozen=True)
class Kind:
    """What an argument takes: an integer range, one of some words, text, or true/false."""

    description: str
    least: int | None = None
    most: int | None = None
    words: tuple[str, ...] = ()
    type: type = str

    def takes(self, value: Any) -> bool:
        """Whether the value is of this kind; true and false are no integers."""
        if self.least is not None:
            integer = isinstance(value, int) and not isinstance(value, bool)
            return integer and self.least <= value and (self.most is None or value <= self.most)
        return isinstance(value, self.type) and (not self.words or value in self.words)


_LONGEST_MS = 2**32 - 1
_COUNT = Kind("a whole number, 0 or more", least=0)
_POSITIVE = Kind("a whole number, 1 or more", least=1)
_MILLISECONDS = Kind(f"milliseconds, 0 to {_LONGEST_MS}", least=0, most=_LONGEST_MS)
_TEXT = Kind("text")
_OVERFLOWS = ("drop-head", "reject-publish", "reject-publish-dlx")

COMMON: Mapping[str, Kind] = {
    "message-ttl": _MILLISECONDS,
    "expires": Kind(f"milliseconds, 1 to {_LONGEST_MS}", least=1, most=_LONGEST_MS),
    "max-length": _COUNT,
    "max-length-bytes": _COUNT,
    "overflow": Kind(f"one of {', '.join(_OVERFLOWS)}", words=_OVERFLOWS),
    "dead-letter-exchange": _TEXT,
    "dead-letter-routing-key": _TEXT,
    "dead-letter-strategy": Kind("at-most-once or at-least-once", words=("at-most-once", "at-least-once")),
    "delivery-limit": Kind("a whole number, -1 or more", least=-1),
    "queue-mode": Kind("default or lazy", words=("default", "lazy")),
}
"""Keys of policies; as queue arguments they have x- before them."""
ARGUMENTS: Mapping[str, Kind] = {
    **{f"x-{name}": kind for name, kind in COMMON.items()},
    "x-max-priority": Kind("a whole number, 0 to 255", least=0, most=255),
    "x-queue-type": Kind("classic, quorum or stream", words=("classic", "quorum", "stream")),
    "x-single-active-consumer": Kind("true or false", type=bool),
    "x-quorum-initial-group-size": _POSITIVE,
}


def queue_arguments(draft: Draft) -> Iterator[Problem]:
    """The broker refuses a queue whose arguments it cannot use (406 PRECONDITION_FAILED)."""
    for index, queue in enumerate(draft.cluster.queues if draft.cluster else ()):
        yield from _mistyped(f"rabbitmq_queues[{index}].arguments", queue.arguments, ARGUMENTS)


def policy_definitions(draft: Draft) -> Iterator[Problem]:
    """The broker refuses a policy with a value that it cannot use."""
    for index, policy in enumerate(draft.cluster.policies if draft.cluster else ()):
        path = f"rabbitmq_policies[{index}].definition"
        if not policy.definition:
            yield Problem(path, "must not be empty", hint="e.g. ha-mode: all")
        yield from _mistyped(path, policy.definition, COMMON)


def dead_letter_key(draft: Draft) -> Iterator[Problem]:
    """x-dead-letter-routing-key without the exchange is refused (rabbit_amqqueue:check_dlxrk_arg)."""
    for index, queue in enumerate(draft.cluster.queues if draft.cluster else ()):
        given = queue.arguments
        if "x-dead-letter-routing-key" in given and "x-dead-letter-exchange" not in given:
            path = f"rabbitmq_queues[{index}].arguments.x-dead-letter-routing-key"
            hint = 'the default exchange is x-dead-letter-exchange: ""'
            yield Problem(path, "needs x-dead-letter-exchange beside it", hint=hint)


def durable_replicated(draft: Draft) -> Iterator[Problem]:
    """Quorum queues and streams are durable (RabbitMQ guides "Quorum Queues", "Streams"; 406 otherwise)."""
    for index, queue in enumerate(draft.cluster.queues if draft.cluster else ()):
        kind = queue.arguments.get("x-queue-type")
        if kind in ("quorum", "stream") and (not queue.durable or queue.auto_delete):
            wrong, value = ("durable", "false") if not queue.durable else ("auto_delete", "true")
            rule = f"must be {'true' if wrong == 'durable' else 'false'} on a {kind} queue"
            yield Problem(f"rabbitmq_queues[{index}].{wrong}", rule, value)


def _mistyped(path: str, given: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Iterator[Problem]:
    for name, value in given.items():
        kind = kinds.get(name)
        if kind and not kind.takes(value):
            yield Problem(f"{path}.{name}", f"must be {kind.description}", quoted(value))


STRUCTURAL = (queue_arguments, policy_definitions, dead_letter_key, durable_replicated)
