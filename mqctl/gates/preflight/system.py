"""The operating system, what upgrades it by itself, and the network around it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from mqctl.gates.preflight.evidence import Subject
from mqctl.model.preflight import CheckResult, Upgrades
from mqctl.model.versions import DEBIAN

_GUARDED: Mapping[str, tuple[str, ...]] = {"rabbitmq": ("rabbitmq-server", "erlang-base")}
"""Erlang too: a node whose Erlang was replaced under it loads modules of another release."""

_AZURE = "7783-7084-3265-9085-8269-3286-77"
"""The chassis' asset tag of every virtual machine there (Microsoft's documentation of Azure)."""
_CLOUDS: tuple[tuple[str, str, str], ...] = (
    ("sys_vendor", "Amazon EC2", "Amazon EC2"),
    ("bios_version", "amazon", "Amazon EC2"),
    ("sys_vendor", "Google", "Google Compute Engine"),
    ("product_name", "Google Compute Engine", "Google Compute Engine"),
    ("chassis_asset_tag", _AZURE, "Microsoft Azure"),
)
"""What the firmware says, and whose network that is."""


def release(subject: Subject) -> Iterator[CheckResult]:
    """A Debian release that mqctl was tried on; what has no apt cannot be one."""
    check = subject.check("release")
    maker, _, codename = subject.status.os.partition(" ")
    machine = subject.facts.machine
    if maker == "debian" and codename in DEBIAN:
        yield check.passes(subject.status.os)
        return
    expected = f"expected debian {', '.join(DEBIAN)}, got {subject.status.os or 'no name'}"
    if machine is None:
        yield check.unknown(f"{expected}; {subject.why('machine')}")
    elif not machine.apt:
        yield check.fails(f"{expected}, without apt", "mqctl installs Debian's packages with apt")
    else:
        yield check.warns(expected, "mqctl was not tried on it")


def systemd(subject: Subject) -> Iterator[CheckResult]:
    """Services are systemd's units."""
    machine = subject.facts.machine
    if machine is None:
        yield subject.check("systemd").unknown(subject.why("machine"))
    elif machine.systemd:
        yield subject.check("systemd").passes("runs")
    else:
        yield subject.check("systemd").fails("expected process 1 to be systemd, got another program")


def upgrades(subject: Subject) -> Iterator[CheckResult]:
    """Nobody upgrades a clustered broker by itself: all of them in one night, with no gate between them."""
    check = subject.check("unattended-upgrades")
    told, guarded = subject.facts.upgrades, _guarded(subject)
    if told is None:
        yield check.unknown(subject.why("upgrades"))
    elif not told.enabled:
        yield check.passes("not enabled" if told.installed else "not installed")
    elif exposed := _exposed(told, guarded):
        yield check.warns(
            f"would upgrade and restart {', '.join(exposed)} by itself",
            "upgrade them one host at a time; --fix keeps unattended-upgrades away from them",
            fix="keep-packages",
            packages=tuple(guarded),
        )
    else:
        yield check.passes("leaves mqctl's packages alone")


def _guarded(subject: Subject) -> list[str]:
    names = list(subject.bundle.packages)
    if subject.host.broker:
        names += _GUARDED["rabbitmq"]
    return sorted(set(names))


def _exposed(told: Upgrades, names: Sequence[str]) -> list[str]:
    """Those that are neither held nor on the blacklist, as unattended-upgrades matches it: from the start."""
    return [
        name
        for name in names
        if name not in told.held and not any(_matches(pattern, name) for pattern in told.blacklist)
    ]


def _matches(pattern: str, name: str) -> bool:
    try:
        return re.match(pattern, name) is not None
    except re.error:
        return False


def cloud(subject: Subject) -> Iterator[CheckResult]:
    """A network that forwards only what it was told about does not follow a virtual IP to another host."""
    if subject.host.keepalived is None:
        return
    check, machine = subject.check("network"), subject.facts.machine
    if machine is None:
        yield check.unknown(subject.why("machine"))
        return
    where = next((name for key, mark, name in _CLOUDS if mark in machine.dmi.get(key, "")), None)
    if where is None:
        yield check.passes("no cloud that is known to do without VRRP")
        return
    multicast = "" if subject.host.keepalived.unicast else "does not carry multicast adverts, and "
    yield check.warns(
        f"{where}: its network {multicast}delivers only addresses that it assigned itself, so the virtual IP "
        "does not move",
        "use the cloud's own load balancer in front of the brokers",
    )
