"""What each RabbitMQ line has, lost and refuses.

Tried on 3.8.9, 3.10.8, 4.0.5 and 4.3.6 from Debian's packages; the rest from RabbitMQ's release notes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mqctl.model.lab import Release

Number = tuple[int, int]
LineFeature = Literal[
    "classic-config",
    "mirroring",
    "ram-nodes",
    "partition-handling",
    "default-queue-type",
    "typed-policies",
    "streams",
    "consumer-timeout",
    "classic-queue-version-1",
    "randomized-startup-delay",
    "vhost-updates",
    "queue-version-policy",
    "dead-letter-strategy",
    "deprecated-features",
    "permitted-mirroring",
    "khepri",
    "transient-queues",
    "queue-master-locator",
    "queue-version-1-argument",
]


@dataclass(frozen=True)
class Span:
    """The lines that have a feature: from `since` on, no longer in `until`."""

    since: Number = (0, 0)
    until: Number = (99, 0)
    instead: str = ""
    """What to do on lines that lack it."""
    ends: str = "is gone"
    """What it is from `until` on."""


FEATURES: Mapping[LineFeature, Span] = {
    "classic-config": Span(instead="set rabbitmq_config_format: conf"),
    "mirroring": Span(
        until=(4, 0), instead="use quorum queues instead: x-queue-type: quorum in the queues' arguments"
    ),
    "permitted-mirroring": Span(
        until=(4, 0), instead="leave it out: nothing brings mirroring back, use quorum queues"
    ),
    "ram-nodes": Span(until=(4, 0), instead="make it a disc node"),
    "partition-handling": Span(until=(4, 3), instead="leave it out: Khepri always wants a majority"),
    # 3.10.8 takes one as `defaultqueuetype` when a vhost is made, and never tells it back: nothing to compare
    "default-queue-type": Span(since=(3, 12), instead="set x-queue-type in each queue's arguments"),
    "typed-policies": Span(since=(3, 12), instead="use apply-to: queues and a pattern"),
    "streams": Span(since=(3, 9), instead="use a classic or quorum queue"),
    "consumer-timeout": Span(since=(3, 9), instead="leave it out: there is no limit"),
    "classic-queue-version-1": Span(until=(4, 0), instead="leave it out: version 2 is the only one"),
    "queue-version-policy": Span(since=(3, 10), instead="leave it out: version 1 is the only one"),
    "dead-letter-strategy": Span(since=(3, 10), instead="leave it out: dead-lettering is at-most-once"),
    "deprecated-features": Span(since=(3, 13), instead="leave it out: an unknown key keeps it from booting"),
    "khepri": Span(since=(3, 13), instead="leave it out: metadata is in Mnesia"),
    "vhost-updates": Span(since=(3, 10), instead="a new vhost: its description and tags stay as made"),
    "randomized-startup-delay": Span(until=(4, 0), instead="leave it out: peer discovery takes a lock"),
    "transient-queues": Span(
        until=(4, 3),
        instead="make it durable; or set deprecated_features.permit.transient_nonexcl_queues: true in every "
        "broker's rabbitmq_extra_conf",
        ends="is denied",
    ),
    "queue-master-locator": Span(
        until=(4, 3),
        instead="use queue-leader-locator, as an argument x-queue-leader-locator: balanced or client-local; "
        "or set deprecated_features.permit.queue_master_locator: true in every broker's rabbitmq_extra_conf",
        ends="is denied",
    ),
    "queue-version-1-argument": Span(until=(4, 3), instead="leave it out: version 2 is the only one"),
}
"""4.3's denials: its release notes, and rabbit_amqqueue and rabbit_classic_queue of 4.3.5 (read).

x-queue-mode is not among them: the notes say that it fails, but that source takes it from classic queues.
"""
ERLANG: Mapping[Number, tuple[int, int]] = {
    (3, 8): (21, 24),
    (3, 9): (23, 24),
    (3, 10): (23, 25),
    (3, 11): (25, 25),
    (3, 12): (25, 26),
    (3, 13): (26, 26),
    (4, 0): (26, 27),
    (4, 1): (26, 27),
    (4, 2): (26, 28),
    (4, 3): (27, 29),
}
"""The oldest and the newest Erlang/OTP that releases of a line run on (RabbitMQ guide "Erlang Version
Requirements"). 29 is promised from 4.3.7 on; Debian's 4.3.6 runs on it (tried)."""
BROKER_PACKAGE = "rabbitmq-server"
ERLANG_PACKAGE = "erlang-base"
"""Debian's names, and those of the RabbitMQ team's own packages."""
OLDEST: Number = (3, 8)
"""The oldest line that mqctl was tried on."""
DEBIAN: Mapping[Release, str] = {"bullseye": "3.8", "bookworm": "3.10", "trixie": "4.0", "sid": "4.3"}
"""The line in each Debian release."""


def number(line: str) -> Number:
    """`3.10` as (3, 10), so that lines compare."""
    major, _, minor = line.partition(".")
    return int(major), int(minor)


def line_of(version: str) -> str:
    """The line of a version: `3.10` of `3.10.8`; empty when it names none."""
    found = re.match(r"\d+\.\d+", version)
    return found.group() if found else ""


def upstream(version: str) -> str:
    """The upstream part of a Debian version: without epoch and Debian revision (Debian Policy 5.6.12)."""
    return version.split(":", 1)[-1].rsplit("-", 1)[0]


def has(line: str, feature: LineFeature) -> bool:
    """Whether that line has the feature."""
    span = FEATURES[feature]
    return span.since <= number(line) < span.until
