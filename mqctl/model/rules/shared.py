"""Rules about brokers that share one data directory."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.draft import Draft, DraftHost
from mqctl.model.problem import Problem
from mqctl.model.rabbitmq import RabbitmqSettings

_DECIDED = ("NODENAME", "MNESIA_BASE", "MNESIA_DIR")
"""Variables of rabbitmq-env.conf that a shared data directory decides."""


def not_members(draft: Draft) -> Iterator[Problem]:
    """Each member of a cluster has a node database of its own (RabbitMQ guide "Clustering")."""
    for host, settings in _sharing(draft):
        if settings.clustered:
            hint = "set rabbitmq_clustered: false, or leave rabbitmq_shared_dir out"
            rule = "needs brokers that stay apart: members of a cluster have a data directory each"
            yield Problem("rabbitmq_shared_dir", rule, str(settings.shared_dir), hint, host.name)


def somebody_to_share_with(draft: Draft) -> Iterator[Problem]:
    """A lock that nobody else wants protects from nothing."""
    sharing = _sharing(draft)
    if len(sharing) == 1 and len(draft.brokers) == 1:
        host, settings = sharing[0]
        hint = "add the standby to the group rabbitmq, or leave it out"
        yield Problem(
            "rabbitmq_shared_dir", "needs at least two brokers", str(settings.shared_dir), hint, host.name
        )


def one_node(draft: Draft) -> Iterator[Problem]:
    """A node database belongs to the node whose name is in it, and a node alone keeps it on disc."""
    sharing = _sharing(draft)
    for host, settings in sharing:
        first, wanted = sharing[0]
        if settings.nodename != wanted.nodename:
            rule = f"must be the same on all that share a data directory, and differs from {first.name}"
            hint = "set it in group_vars/rabbitmq.yml"
            yield Problem("rabbitmq_nodename", rule, settings.nodename, hint, host.name)
        if settings.node_type != "disc":
            rule = "must be disc where brokers share a data directory: they are one node"
            yield Problem("rabbitmq_node_type", rule, settings.node_type, "leave it out", host.name)


def decided_once(draft: Draft) -> Iterator[Problem]:
    """rabbitmq_environment comes last in rabbitmq-env.conf and would win."""
    for host, settings in _sharing(draft):
        for name in settings.environment:
            if name.removeprefix("RABBITMQ_") in _DECIDED:
                rule = "is decided by rabbitmq_shared_dir and rabbitmq_shared_name"
                yield Problem(f"rabbitmq_environment.{name}", rule, hint="leave it out", host=host.name)


def name_of_nobody(draft: Draft) -> Iterator[Problem]:
    """On each broker's host the name leads to that host, so it cannot lead to another one."""
    for host, settings in _sharing(draft):
        if settings.shared_name in [other.name for other in draft.hosts]:
            hint = "choose a name that no host has"
            rule = "must not be the name of a host of the inventory"
            yield Problem("rabbitmq_shared_name", rule, settings.shared_name, hint, host.name)


def _sharing(draft: Draft) -> list[tuple[DraftHost, RabbitmqSettings]]:
    return [(host, settings) for host, settings in draft.brokers if settings.shared_dir]


STRUCTURAL = (not_members, somebody_to_share_with, one_node, decided_once, name_of_nobody)
