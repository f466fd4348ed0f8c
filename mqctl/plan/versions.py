"""What the inventory asks for and the hosts' RabbitMQ lacks, where the inventory does not name its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from mqctl.model.draft import Draft, DraftHost
from mqctl.model.problem import Problem, merge
from mqctl.model.rules.versions import features
from mqctl.model.status import ClusterStatus, HostStatus
from mqctl.model.topology import Host, Topology
from mqctl.model.versions import BROKER_PACKAGE, line_of, upstream
from mqctl.plan.refusal import Refusal


def plan_versions(topology: Topology, status: ClusterStatus, hosts: Collection[str]) -> list[Refusal]:
    """The inventory's own rule about lines, with the lines that these hosts have or would get.

    Where rabbitmq_version names the line, the rule was asked already, and another line is refused as such.
    """
    problems = [problem for site in topology.sites for problem in _lacking(site, status, hosts)]
    group = {"rabbitmq": frozenset(host.name for host in topology.brokers)}
    return [Refusal(str(problem), problem.hint) for problem in merge(problems, group)]


def _lacking(site: Topology, status: ClusterStatus, hosts: Collection[str]) -> Iterator[Problem]:
    """The rule's answer for each line of the site's hosts, as if the inventory had named it."""
    lines = {
        host.name: line
        for host in site.brokers
        if host.name in hosts and (line := _unnamed(host, status.host(host.name)))
    }
    for line in dict.fromkeys(lines.values()):
        for problem in features(_named(site, line)):
            if not problem.host or lines.get(problem.host) == line:
                yield problem


def _named(site: Topology, line: str) -> Draft:
    """The site's brokers as the rule takes them."""
    return Draft(
        tuple(
            DraftHost(
                host.name,
                frozenset({"rabbitmq"}),
                rabbitmq=host.broker.settings.model_copy(update={"version": line}),
            )
            for host in site.brokers
            if host.broker
        )
    )


def _unnamed(host: Host, answer: HostStatus | None) -> str:
    """The line that the host has or would get; empty when the inventory names it, or nobody knows."""
    named = host.broker.settings.version if host.broker else None
    return "" if named or answer is None else line_of(_version(answer))


def _version(answer: HostStatus) -> str:
    """Of the package that is there or would come; a broker that came some other way tells it itself."""
    package = answer.packages.get(BROKER_PACKAGE) or answer.candidates.get(BROKER_PACKAGE)
    if package:
        return upstream(package)
    return (answer.broker.version if answer.broker else None) or ""
