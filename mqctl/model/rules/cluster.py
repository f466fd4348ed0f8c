"""Rules about the brokers as one cluster."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.base import reveal
from mqctl.model.draft import Draft
from mqctl.model.problem import Problem

SHARED = (
    "version",
    "cluster_name",
    "clustered",
    "shared_dir",
    "shared_name",
    "shared_lease",
    "erlang_cookie",
    "net_ticktime",
    "partition_handling",
    "admin_user",
    "client_user",
    "passwords",
    "vhosts",
    "users",
    "policies",
    "exchanges",
    "queues",
    "bindings",
)
"""Settings that belong to the cluster, not to a broker."""
_EPMD = 4369


def same_everywhere(draft: Draft) -> Iterator[Problem]:
    """What belongs to the cluster is equal on all brokers (RabbitMQ guide "Clustering", net_ticktime too)."""
    if not draft.brokers:
        return
    first, wanted = draft.brokers[0]
    for host, settings in draft.brokers[1:]:
        for name in SHARED:
            variable = f"rabbitmq_{name}"
            if draft.usable(variable) and getattr(settings, name) != getattr(wanted, name):
                rule = f"must be the same on all brokers, and differs from that of {first.name}"
                yield Problem(variable, rule, hint="set it in group_vars/rabbitmq.yml", host=host.name)


def a_disc_node(draft: Draft) -> Iterator[Problem]:
    """A cluster keeps its metadata on disc somewhere (RabbitMQ guide "Clustering", "Node Types")."""
    types = [settings.node_type for _, settings in draft.brokers]
    if types and "disc" not in types:
        yield Problem("rabbitmq_node_type", "must be disc on at least one broker", "ram", "two are better")


def two_disc_nodes(draft: Draft) -> Iterator[Problem]:
    """With one disc node its loss is the loss of all metadata."""
    types = [settings.node_type for _, settings in draft.brokers]
    if "ram" in types and types.count("disc") == 1:
        hint = "set rabbitmq_node_type: disc on a second broker"
        yield Problem("rabbitmq_node_type", "should be disc on at least two brokers", "disc on one", hint)


def pause_minority_majority(draft: Draft) -> Iterator[Problem]:
    """On two nodes each side of any loss is the minority: both pause (RabbitMQ guide "Partitions")."""
    handling = {settings.partition_handling for _, settings in draft.brokers if settings.clustered}
    if len(draft.brokers) == 2 and "pause_minority" in handling:
        yield Problem(
            "rabbitmq_partition_handling",
            "pause_minority stops both brokers of a cluster of two when one is lost",
            hint="add a third broker, or choose autoheal or ignore",
        )


def cookie_characters(draft: Draft) -> Iterator[Problem]:
    """Erlang refuses a cookie file with other characters (kernel, auth.erl)."""
    for host, settings in draft.brokers:
        cookie = settings.erlang_cookie
        if cookie and not all("!" <= character <= "~" for character in reveal(cookie)):
            hint = "letters and digits; leave it out and mqctl generates one"
            yield Problem(
                "rabbitmq_erlang_cookie", "must be printable ASCII without spaces", "", hint, host.name
            )


def distinct_ports(draft: Draft) -> Iterator[Problem]:
    """Each of a broker's listeners needs a port of its own; epmd has 4369."""
    for host, settings in draft.brokers:
        taken = {_EPMD: "epmd"}
        for name in ("port", "management_port", "distribution_port"):
            port = getattr(settings, name)
            other = taken.setdefault(port, f"rabbitmq_{name}")
            if other != f"rabbitmq_{name}":
                hint = "each listener its own port"
                yield Problem(f"rabbitmq_{name}", f"must not be that of {other}", str(port), hint, host.name)


def reachable_listener(draft: Draft) -> Iterator[Problem]:
    """HAProxy connects to the broker's address."""
    if not draft.balancers:
        return
    for host, settings in draft.brokers:
        bind = settings.bind_address
        if bind is None or host.address is None:
            continue
        if bind != host.address and not bind.is_unspecified:
            rule = f"must be the broker's address {host.address}, or absent: HAProxy connects there"
            yield Problem(
                "rabbitmq_bind_address", rule, str(bind), "leave it out to listen on all", host.name
            )


STRUCTURAL = (same_everywhere, a_disc_node, cookie_characters, distinct_ports, reachable_listener)
RISKS = {"one-disc-node": two_disc_nodes, "pause-minority-on-two": pause_minority_majority}
