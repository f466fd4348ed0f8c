"""The packages that a host has or would get, and whether they go together."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.gates.preflight.evidence import ALL, Check, Subject
from mqctl.model.preflight import CheckResult, Survey
from mqctl.model.status import HostStatus
from mqctl.model.topology import Topology
from mqctl.model.versions import (
    BROKER_PACKAGE,
    ERLANG,
    ERLANG_PACKAGE,
    OLDEST,
    line_of,
    number,
    upstream,
)


def packages(subject: Subject) -> Iterator[CheckResult]:
    """Each package is installed, or the host's package sources offer it."""
    check, status = subject.check("packages"), subject.status
    missing = [name for name in subject.bundle.packages if status.packages.get(name) is None]
    unheard = [name for name in missing if name not in status.candidates]
    refused = [name for name in missing if name in status.candidates and status.candidates[name] is None]
    if refused:
        yield check.fails(
            f"expected a candidate of {', '.join(refused)}, got none",
            f"add a package source that has it, or run apt-get update on {subject.host.name}",
        )
    if unheard:
        yield check.unknown(
            f"no package lists: nobody knows whether {', '.join(unheard)} is offered",
            f"run apt-get update on {subject.host.name}, or let --fix do it",
            fix="read-package-lists",
        )
    if not refused and not unheard:
        yield check.passes(", ".join(_found(name, status) for name in subject.bundle.packages) or "none")


def _found(name: str, status: HostStatus) -> str:
    installed = status.packages.get(name)
    return f"{name} {installed}" if installed else f"{name} {status.candidates[name]} to come"


def rabbitmq(subject: Subject) -> Iterator[CheckResult]:
    """The RabbitMQ line is the inventory's, where that names one, and one that mqctl knows."""
    if subject.host.broker is None or not (version := _rabbitmq(subject.status)):
        return
    check, wanted = subject.check("RabbitMQ"), subject.host.broker.settings.version
    line = line_of(version)
    if wanted and line != wanted:
        yield check.fails(
            f"expected {wanted}.x of rabbitmq_version, got {version}",
            "set rabbitmq_version to what the hosts have, or offer them that version",
        )
    elif not line or number(line) < OLDEST:
        oldest = ".".join(str(part) for part in OLDEST)
        yield check.fails(f"expected {oldest} or later, got {version}", "use a newer Debian release")
    elif number(line) not in ERLANG:
        yield check.warns(f"nothing is known of RabbitMQ {line}", "mqctl was not tried on it")
    else:
        yield check.passes(version)


def erlang(subject: Subject) -> Iterator[CheckResult]:
    """RabbitMQ's line is made for the Erlang that the host has or would get."""
    if subject.host.broker is None or not (version := _rabbitmq(subject.status)):
        return
    pair = ERLANG.get(number(line)) if (line := line_of(version)) else None
    if pair is None:
        return
    check = subject.check("Erlang")
    oldest, newest = (str(release) for release in pair)
    expected = f"{oldest if oldest == newest else f'{oldest} to {newest}'} for RabbitMQ {line}"
    found = _erlang(subject.status)
    if not found:
        yield check.unknown(f"expected {expected}, and {ERLANG_PACKAGE} is neither installed nor offered")
    elif pair[0] <= int(found.split(".")[0]) <= pair[1]:
        yield check.passes(found)
    else:
        yield check.fails(
            f"expected {expected}, got {found}", "take RabbitMQ and Erlang from sources that go together"
        )


def one_line(cluster: Topology, survey: Survey) -> Iterator[CheckResult]:
    """All brokers of a cluster are of one line: others do not let each other in, upgrades apart."""
    lines = {
        host.name: line_of(version)
        for host in cluster.brokers
        if (version := _rabbitmq(survey.host(host.name).status))
    }
    if len(cluster.brokers) < 2 or len(lines) < 2:
        return
    check = Check(ALL, "one RabbitMQ line")
    told = ", ".join(f"{line} on {name}" for name, line in lines.items())
    if len(set(lines.values())) > 1:
        yield check.fails(f"expected the same line everywhere, got {told}")
    elif len(lines) < len(cluster.brokers):
        yield check.unknown(f"{told}; the other brokers' is not known")
    else:
        yield check.passes(f"{next(iter(lines.values()))} on {len(lines)} brokers")


def _rabbitmq(status: HostStatus | None) -> str:
    """Of the package, or of a broker that came some other way; empty when nobody knows."""
    if status is None:
        return ""
    told = status.broker.version if status.broker else None
    return upstream(_package(status, BROKER_PACKAGE)) or told or ""


def _erlang(status: HostStatus) -> str:
    told = status.broker.erlang if status.broker else None
    return told or upstream(_package(status, ERLANG_PACKAGE)).split("+")[0]


def _package(status: HostStatus, name: str) -> str:
    return status.packages.get(name) or status.candidates.get(name) or ""
