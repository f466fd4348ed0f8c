"""What was measured at the entrance from here: the broker's greeting, and one message's way through it."""

from __future__ import annotations

from typing import Literal

from mqctl.model.base import Model


class Greeting(Model):
    """What answered an AMQP 0-9-1 header (AMQP specification 0-9-1, section 4.2.2)."""

    endpoint: str
    """Address and port."""
    answer: Literal["start", "other", "silence", "refused", "unreachable"]
    """start: Connection.Start, a broker is there; other: something else spoke or hung up."""
    detail: str = ""


class RoundTrip(Model):
    """One persistent, mandatory message: published, confirmed, consumed, acknowledged."""

    endpoint: str
    attempted: bool
    """False: it could not even be tried, `detail` says why."""
    confirmed: bool = False
    received: bool = False
    """The same bytes came back."""
    seconds: float = 0.0
    detail: str = ""


class Entrance(Model):
    """Both, for one topology."""

    greeting: Greeting
    round_trip: RoundTrip
