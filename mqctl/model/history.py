"""What the clients of a failover test saw, event by event: the only evidence of its verdicts.

A message is (publisher, seq). Each time it is sent is a *copy*: (publisher, epoch, tag), where an epoch is
one channel's life and the tag is the publish sequence number that confirms refer to (RabbitMQ guide
"Publisher Confirms"). Order and confirms belong to copies, loss belongs to messages.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from mqctl.model.base import Model
from mqctl.model.objectives import Bound
from mqctl.model.scenario import Expectation

FORMAT = 1
"""The version of this format; it grows when an old reader would misjudge a new history."""


MOST = 1_000_000
"""Copies that one event may speak of: what claims more is damage, not work for the judge."""
Count = Annotated[int, Field(ge=1, le=MOST)]


class Span(NamedTuple):
    """`length` consecutive copies: seq, tag and delivery tag all grow by one."""

    publisher: str
    epoch: int
    seq: int
    tag: int
    length: Count
    redelivered: bool


class Fact(NamedTuple):
    """One line of the configuration that was tested; never a secret."""

    part: str
    """RabbitMQ, Policies, HAProxy, Keepalived, Workload ..."""
    name: str
    value: str


class Asked(Model):
    """What a person has to ask for, to have a scenario played again; never a secret."""

    inventory: str
    scenario: str
    """Its own name: in reports the site's may stand before it."""
    site: str = ""
    """Whose clients are judged; empty when the site has no name."""
    scenarios: str = ""
    """The directory of a person's own scenarios, as it was given."""
    options: tuple[str, ...] = ()
    """The words of a command line that ask for another workload than the inventory's default one."""


Routes = Mapping[str, tuple[str, ...]]
"""Publisher to queues."""


class _Event(Model):
    t: float = Field(default_factory=time.monotonic)
    """Seconds of this machine's monotonic clock: the one that judgements use."""
    w: float = Field(default_factory=time.time)
    """Seconds since 1970 of the wall clock: to find the moment in other logs, never to judge."""


class Started(_Event):
    """First line: what is run, and what is expected of it."""

    event: Literal["started"] = "started"
    format: int = FORMAT
    run: str
    topology: str
    scenario: str
    publishers: tuple[str, ...]
    consumers: tuple[str, ...]
    queues: tuple[str, ...]
    rate: float | None = None
    """Messages per second of each publisher; None: as fast as it goes."""
    expect: Expectation = Expectation()
    title: str = ""
    """The scenario in one sentence."""
    tested: tuple[Fact, ...] = ()
    """What it was run against."""
    routes: Routes = Field(default_factory=dict)
    """The queues in which each publisher's messages must arrive; without an entry any one queue will do."""
    bounds: tuple[Bound, ...] = ()
    """Limits of what is measured, and where they come from."""
    asked: Asked | None = None
    """What was asked for; older histories do not say."""

    @property
    def request(self) -> Asked:
        """What to ask for, to have it again; of an older history what its names say."""
        return self.asked or Asked(inventory=self.topology, scenario=self.scenario)


PhaseName = Literal["load", "fault", "heal", "recover", "after", "finish", "drain"]


class Phase(_Event):
    """The test enters a part of its sequence; `load` ends with `finish`, when publishers are told to stop."""

    event: Literal["phase"] = "phase"
    name: PhaseName


class Published(_Event):
    """Copies about to be written to the socket: `count` of them from `seq` and `tag` on."""

    event: Literal["published"] = "published"
    client: str
    epoch: PositiveInt
    seq: PositiveInt
    tag: PositiveInt
    count: Count = 1
    late: NonNegativeFloat = 0.0
    """Seconds by which the first of them is behind its schedule (open loop)."""


class _Range(_Event):
    client: str
    epoch: PositiveInt
    first: PositiveInt
    last: PositiveInt

    @model_validator(mode="after")
    def _bounded(self) -> Self:
        if not 0 <= self.last - self.first < MOST:
            raise ValueError(f"{self.first} to {self.last} is no range of copies")
        return self


class Confirmed(_Range):
    """The broker took responsibility for the copies `first` to `last`."""

    event: Literal["confirmed"] = "confirmed"


class Nacked(_Range):
    """The broker refused the copies `first` to `last`."""

    event: Literal["nacked"] = "nacked"


class Returned(_Event):
    """The copy was unroutable: it comes back, and is confirmed although stored nowhere."""

    event: Literal["returned"] = "returned"
    client: str
    epoch: PositiveInt
    tag: PositiveInt
    reason: str = ""


class Unknown(_Range):
    """Copies whose fate the publisher cannot know: the connection died, or no confirm came in time."""

    event: Literal["unknown"] = "unknown"
    reason: str = ""


class Delivered(_Event):
    """What a consumer received, in the order of arrival, written before it is acknowledged."""

    event: Literal["delivered"] = "delivered"
    client: str
    epoch: PositiveInt
    queue: str
    spans: tuple[Span, ...]


class Unexpected(_Event):
    """A consumer received what no publisher of this run can have sent."""

    event: Literal["unexpected"] = "unexpected"
    client: str
    epoch: PositiveInt
    queue: str
    reason: str


class Acked(_Event):
    """The consumer acknowledged everything up to delivery tag `upto` of its epoch."""

    event: Literal["acked"] = "acked"
    client: str
    epoch: PositiveInt
    upto: PositiveInt


class Connected(_Event):
    """A client's channel is open: its epoch begins."""

    event: Literal["connected"] = "connected"
    client: str
    epoch: PositiveInt
    endpoint: str


class Disconnected(_Event):
    """A client's epoch ended, or (`opened` false) a connection attempt failed."""

    event: Literal["disconnected"] = "disconnected"
    client: str
    epoch: PositiveInt
    opened: bool
    reason: str


class Blocked(_Event):
    """The broker blocks the publishing connection (memory or disk alarm), or (`blocked` false) no longer."""

    event: Literal["blocked"] = "blocked"
    client: str
    blocked: bool


class Finished(_Event):
    """The client came to its regular end; everything it did is written."""

    event: Literal["finished"] = "finished"
    client: str


class FaultInjected(_Event):
    """Something was broken on purpose."""

    event: Literal["fault-injected"] = "fault-injected"
    fault: str
    host: str


class FaultObserved(_Event):
    """The fault's effect on the system was seen, not only its command run."""

    event: Literal["fault-observed"] = "fault-observed"
    fault: str
    host: str
    evidence: str


class FaultHealed(_Event):
    """What was broken was put right; the host may need time to come back."""

    event: Literal["fault-healed"] = "fault-healed"
    fault: str
    host: str


class HoldersSeen(_Event):
    """Which routers carry the VIP; written when it changes."""

    event: Literal["holders-seen"] = "holders-seen"
    routers: tuple[str, ...]
    """All that were asked."""
    holders: tuple[str, ...]
    silent: tuple[str, ...] = ()
    """Routers that did not answer."""


class QueueSeen(_Event):
    """On which brokers' hosts a test queue lives; written when it changes."""

    event: Literal["queue-seen"] = "queue-seen"
    queue: str
    leader: str | None = None
    mirrors: tuple[str, ...] = ()
    synchronised: tuple[str, ...] = ()


class NodesSeen(_Event):
    """Which brokers' hosts the cluster says are running; written when it changes."""

    event: Literal["nodes-seen"] = "nodes-seen"
    running: tuple[str, ...]
    stopped: tuple[str, ...] = ()


class ConsumersSeen(_Event):
    """Where brokers stay apart: how many consumers the test queues have on each."""

    event: Literal["consumers-seen"] = "consumers-seen"
    brokers: Mapping[str, NonNegativeInt]
    """By host."""


class Recovered(_Event):
    """The gates' answer after healing."""

    event: Literal["recovered"] = "recovered"
    healthy: bool
    detail: str = ""


class Drained(_Event):
    """How the drain ended; complete: every confirmed message arrived, or the queues stayed empty."""

    event: Literal["drained"] = "drained"
    complete: bool
    left: NonNegativeInt | None = None
    """Messages still in the queues; None: could not be asked."""


class Ended(_Event):
    """Last line of a run that came to its end."""

    event: Literal["ended"] = "ended"


class Aborted(_Event):
    """The whole test ended here, before its last scenario did."""

    event: Literal["aborted"] = "aborted"
    reason: str
    left: tuple[str, ...] = ()
    """Scenarios that were to come after this one."""
    own: Mapping[str, str] = Field(default_factory=dict)
    """Their own names, where others stand above; older histories do not say."""


Event = (
    Started | Phase | Published | Confirmed | Nacked | Returned | Unknown | Delivered | Unexpected | Acked
    | Connected | Disconnected | Blocked | Finished | FaultInjected | FaultObserved | FaultHealed
    | HoldersSeen | QueueSeen | NodesSeen | ConsumersSeen | Recovered | Drained | Ended | Aborted
)  # fmt: skip
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class History(Model):
    """The events of one scenario by monotonic time, and what is wrong with the record itself."""

    events: tuple[Event, ...]
    damage: tuple[str, ...] = ()
    """Lines that could not be read: evidence is missing."""
    truncated: bool = False
    """The last line was cut off: the tool did not come to its end."""


def encode(event: Event) -> str:
    """One NDJSON line, without what is only a default."""
    return event.model_dump_json(exclude_none=True) + "\n"


def decode(line: str | bytes) -> Event:
    """The event of one line; raises pydantic's ValidationError."""
    return _EVENT.validate_json(line)


def parse(lines: Iterable[str]) -> History:
    """Reads a whole history; a bad line is damage, an incomplete last one only the sign of a crash."""
    events: list[Event] = []
    damage: list[str] = []
    truncated = False
    for number, line in enumerate(lines, 1):
        try:
            events.append(decode(line))
        except ValidationError as error:
            if line.endswith("\n"):
                damage.append(f"line {number}: {error.errors()[0]['msg']}")
            else:
                truncated = True
    events.sort(key=lambda event: event.t)
    return History(events=tuple(events), damage=tuple(damage), truncated=truncated)
