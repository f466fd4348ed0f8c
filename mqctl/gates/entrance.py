"""The entrance as a client finds it: something speaks AMQP there, and a message passes."""

from __future__ import annotations

from mqctl.gates.evidence import Gate
from mqctl.model.entrance import Entrance, Greeting, RoundTrip
from mqctl.model.gate import GateResult

_ANSWERS = {
    "start": "AMQP",
    "other": "something that is not AMQP 0-9-1",
    "silence": "connected, no answer",
    "refused": "connection refused",
    "unreachable": "not reachable from here",
}


def judge(entrance: Entrance) -> list[GateResult]:
    """Both gates."""
    return [speaks_amqp(entrance.greeting), message_passes(entrance.round_trip)]


def speaks_amqp(greeting: Greeting) -> GateResult:
    """A broker answers. An address that cannot be reached from here proves nothing about it."""
    gate = Gate("entrance", greeting.endpoint, _ANSWERS["start"])
    got = ": ".join(part for part in (_ANSWERS[greeting.answer], greeting.detail) if part)
    if greeting.answer == "unreachable":
        return gate.unknown(got)
    return gate.says(greeting.answer == "start", got)


def message_passes(trip: RoundTrip) -> GateResult:
    """A mandatory message was confirmed and came back the same."""
    gate = Gate("round trip", trip.endpoint, "confirmed and received")
    if not trip.attempted:
        return gate.unknown(trip.detail or "not tried")
    words = {(True, True): "confirmed and received", (True, False): "confirmed, not received"}
    got = words.get((trip.confirmed, trip.received), "not confirmed")
    return gate.says(trip.confirmed and trip.received, ": ".join(part for part in (got, trip.detail) if part))
