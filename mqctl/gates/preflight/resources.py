"""Disk, memory and open files, against what RabbitMQ and HAProxy themselves ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from mqctl.gates.preflight.evidence import Subject
from mqctl.model.preflight import CheckResult, Resources
from mqctl.model.rabbitmq import RabbitmqSettings

LEAST_MEMORY = 256 * 2**20
"""Bytes that a node should have available at all times (RabbitMQ guide "Production Checklist")."""
LEAST_FILES = 1024
"""What a Linux process gets without asking: fewer would hardly hold the broker's own files."""
_PER_CONNECTION = 2
_BESIDE = 600
"""HAProxy's files beside those of AMQP connections: the statistics' reserve of 256, listeners, checks."""
_UNITS: Mapping[str, int] = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}


def disk(subject: Subject) -> Iterator[CheckResult]:
    """More free than `disk_free_limit`, below which the broker blocks every publisher."""
    if subject.host.broker is None:
        return
    check, found = subject.check("disk"), subject.facts.resources
    if found is None or found.disk_free is None:
        yield check.unknown(subject.why("resources"))
        return
    settings = subject.host.broker.settings
    limit = size(settings.disk_free_limit)
    free = f"{shown(found.disk_free)} free in {found.disk}"
    if found.disk_free <= limit:
        yield check.fails(
            f"expected more than rabbitmq_disk_free_limit, {settings.disk_free_limit}, got {free}",
            "below it the broker blocks every publisher",
        )
    elif found.disk_free < limit + watermark(settings, found):
        held = shown(watermark(settings, found))
        yield check.warns(
            f"{free}: what the broker may have in memory, {held}, would not fit there beside "
            f"rabbitmq_disk_free_limit, {settings.disk_free_limit}"
        )
    else:
        yield check.passes(free)


def memory(subject: Subject) -> Iterator[CheckResult]:
    """As much available as `vm_memory_high_watermark` lets the broker use before it blocks publishers."""
    if subject.host.broker is None:
        return
    check, found = subject.check("memory"), subject.facts.resources
    if found is None:
        yield check.unknown(subject.why("resources"))
        return
    available = min(found.memory_available, found.memory)
    got = f"{shown(available)} of {shown(found.memory)} available"
    high = watermark(subject.host.broker.settings, found)
    running = subject.status.broker is not None and subject.status.broker.running
    if running:
        yield check.passes(f"{got} beside the broker that runs")
    elif available < LEAST_MEMORY:
        yield check.fails(f"expected {shown(LEAST_MEMORY)} at least, got {got}")
    elif available < high:
        yield check.warns(
            f"expected {shown(high)}, the rabbitmq_memory_high_watermark, got {got}",
            "the kernel may kill the broker before it blocks its publishers",
        )
    else:
        yield check.passes(got)


def open_files(subject: Subject) -> Iterator[CheckResult]:
    """systemd can give the units as many open files as they will ask for."""
    found = subject.facts.resources
    check = subject.check("open files")
    if found is None:
        yield check.unknown(subject.why("resources"))
        return
    bad = [*_broker_files(subject, found), *_balancer_files(subject, found)]
    if subject.host.broker or subject.host.haproxy:
        yield from bad or [check.passes(f"up to {found.files}")]


def _broker_files(subject: Subject, found: Resources) -> Iterator[CheckResult]:
    if subject.host.broker is None:
        return
    check, needed = subject.check("open files"), subject.host.broker.settings.file_limit
    message = f"expected {needed} of rabbitmq_file_limit, got {found.files} at most"
    if found.files < LEAST_FILES:
        yield check.fails(message)
    elif found.files < needed:
        yield check.warns(message, "the broker takes fewer connections then; raise process 1's hard limit")


def _balancer_files(subject: Subject, found: Resources) -> Iterator[CheckResult]:
    if subject.host.haproxy is None:
        return
    needed = _PER_CONNECTION * subject.host.haproxy.maxconn + _BESIDE
    if found.files < needed:
        asked = f"haproxy_maxconn, {subject.host.haproxy.maxconn}"
        yield subject.check("open files").fails(
            f"expected {needed} for {asked}, got {found.files} at most",
            "HAProxy does not start then: lower haproxy_maxconn, or raise process 1's hard limit",
        )


def watermark(settings: RabbitmqSettings, found: Resources) -> int:
    """The broker's memory limit in bytes."""
    return int(settings.memory_high_watermark * found.memory)


def size(text: str) -> int:
    """`256MB` in bytes, as RabbitMQ reads it: kB is 1000, KiB is 1024 (guide "Disk Alarms")."""
    found = re.fullmatch(r"(\d+)([A-Za-z]*)", text)
    if found is None:
        raise ValueError(f"no size: {text}")
    return int(found.group(1)) * _UNITS[found.group(2).upper()]


def shown(octets: int) -> str:
    """`9.4 GiB`."""
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20)):
        if octets >= factor:
            return f"{octets / factor:.1f} {unit}"
    return f"{octets // 1024} KiB"
