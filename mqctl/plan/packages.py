"""Which packages a host lacks, and whether its package sources can give them."""

from __future__ import annotations

from mqctl.model.bundle import HostBundle
from mqctl.model.changes import PackageChange
from mqctl.model.status import HostStatus
from mqctl.model.topology import Host
from mqctl.model.versions import BROKER_PACKAGE, upstream
from mqctl.plan.refusal import Refusal


def plan_packages(
    host: Host, bundle: HostBundle, status: HostStatus
) -> tuple[list[PackageChange], list[Refusal]]:
    """The packages to install on one host.

    A candidate that the host's sources do not have is refused; a host that never read its package lists
    has no say about candidates, the installation will tell.
    """
    changes: list[PackageChange] = []
    refusals: list[Refusal] = []
    for package in bundle.packages:
        installed = status.packages.get(package)
        candidate = status.candidates.get(package)
        if installed is None and package in status.candidates and candidate is None:
            refusals.append(_not_offered(host.name, package))
            continue
        if package == BROKER_PACKAGE and (refusal := _wrong_line(host, installed or candidate)):
            refusals.append(refusal)
        if installed is None:
            changes.append(PackageChange(host=host.name, package=package, candidate=candidate))
    return changes, refusals


def _not_offered(host: str, package: str) -> Refusal:
    return Refusal(
        f"{host}: package {package} is not installed and the host's package sources do not offer it",
        f"add a package source that has it, or run apt-get update on {host}",
    )


def _wrong_line(host: Host, version: str | None) -> Refusal | None:
    """The inventory names the RabbitMQ line of the hosts; another one is refused beforehand."""
    wanted = host.broker.settings.version if host.broker else None
    if wanted is None or version is None or upstream(version).startswith(f"{wanted}."):
        return None
    return Refusal(
        f"{host.name}: RabbitMQ {upstream(version)} instead of the {wanted} of rabbitmq_version",
        "set rabbitmq_version to what the hosts have, or offer them that version",
    )
