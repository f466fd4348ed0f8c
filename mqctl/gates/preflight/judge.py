"""All checks, from the ground up: what is below usually explains what is above."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from mqctl.gates.preflight import brokers, clocks, entrance, names, ports, resources, software, system
from mqctl.gates.preflight.access import access
from mqctl.gates.preflight.evidence import Subject
from mqctl.model.bundle import HostBundle
from mqctl.model.preflight import CheckResult, Survey
from mqctl.model.topology import Topology

OF_HOSTS: tuple[Callable[[Subject], Iterable[CheckResult]], ...] = (
    system.release,
    system.systemd,
    software.packages,
    software.rabbitmq,
    software.erlang,
    resources.disk,
    resources.memory,
    resources.open_files,
    ports.ports,
    names.names,
    brokers.foreign_cluster,
    entrance.interface,
    entrance.unanswered,
    entrance.router_id,
    system.cloud,
    system.upgrades,
)


def judge(topology: Topology, bundles: Mapping[str, HostBundle], survey: Survey) -> list[CheckResult]:
    """Every result, host by host within each check. A host that was not reached has only what stopped it."""
    found = [result for host in topology.hosts for result in access(host, survey.host(host.name))]
    subjects = list(_subjects(topology, bundles, survey))
    found += [result for check in OF_HOSTS for subject in subjects for result in check(subject)]
    for site in topology.sites:
        found += entrance.holders(site, survey)
        for cluster in site.clusters:
            found += software.one_line(cluster, survey)
    return [*found, *clocks.clocks(survey)]


def _subjects(topology: Topology, bundles: Mapping[str, HostBundle], survey: Survey) -> Iterator[Subject]:
    """The hosts that told everything."""
    for site in topology.sites:
        for host in site.hosts:
            exam = survey.host(host.name)
            if exam.stopped_at or exam.status is None or exam.status.error:
                continue
            yield Subject(topology, site, host, exam, exam.status, bundles[host.name], survey)
