"""What a site lives through, as far as its settings decide it. Pure; the failover test is what proves it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mqctl.model.draft import Draft
from mqctl.model.rabbitmq import RabbitmqSettings

QUORUM_SIZE = 3
"""Members that a quorum queue gets when nobody says otherwise (RabbitMQ guide "Quorum Queues")."""


@dataclass(frozen=True)
class Survival:
    """Sentences about one site, each without a full stop."""

    survives: tuple[str, ...]
    loses: tuple[str, ...]


def survival(draft: Draft) -> Survival:
    """What the whole inventory lives through: its first site's part, and what more sites add."""
    site = draft.sites[0]
    survives, loses = list(_survives(site)), list(_loses(site))
    if len(draft.sites) > 1:
        survives.append("the loss of a whole site: the others go on by themselves")
        loses.append("a lost site's messages that no link had brought over yet wait there for its return")
    return Survival(tuple(survives), tuple(loses))


def brokers_lost(site: Draft) -> int:
    """How many brokers may be lost at once while every queue goes on."""
    return min(_cluster_spares(site), _queue_spares(site))


def balancers_lost(site: Draft) -> int:
    """How many load balancers may be lost while clients still find the virtual IP."""
    return max(min(len(site.balancers), len(site.routers)) - 1, 0)


def _cluster_spares(site: Draft) -> int:
    """With pause_minority, and with Raft, a majority must be there (RabbitMQ guide "Partitions")."""
    count = len(site.brokers)
    wants_majority = any(broker.partition_handling == "pause_minority" for _, broker in site.brokers)
    return (count - 1) // 2 if wants_majority else max(count - 1, 0)


def _queue_spares(site: Draft) -> int:
    cluster = site.cluster
    if cluster is None or not cluster.clustered:
        return 0
    spares = [_mirrors(policy.definition, len(site.brokers)) for policy in cluster.policies]
    mirrored = [count for count in spares if count is not None]
    if mirrored:
        return min(mirrored)
    return (_quorum_size(cluster) - 1) // 2 if _is_quorum(cluster) else 0


def _mirrors(definition: dict[str, object], brokers: int) -> int | None:
    """A mirroring policy's copies beyond the first; None for other policies."""
    params = definition.get("ha-params")
    match definition.get("ha-mode"):
        case "all":
            return brokers - 1
        case "exactly" if isinstance(params, int):
            return params - 1
        case "nodes" if isinstance(params, list):
            return len(params) - 1
    return None


def _is_quorum(cluster: RabbitmqSettings) -> bool:
    by_default = any(vhost.default_queue_type == "quorum" for vhost in cluster.vhosts)
    types = {queue.arguments.get("x-queue-type") for queue in cluster.queues}
    return by_default or types == {"quorum"}


def _quorum_size(cluster: RabbitmqSettings) -> int:
    """The members of a new quorum queue; a size that is no number is RabbitMQ's to refuse."""
    application = cluster.advanced_config.get("rabbit", {})
    size = application.get("quorum_cluster_size") if isinstance(application, dict) else None
    return size if isinstance(size, int) else QUORUM_SIZE


def _survives(site: Draft) -> Iterator[str]:
    count, lost = len(site.brokers), brokers_lost(site)
    if lost:
        yield f"any {lost} of {count} brokers at once"
    if _shared(site):
        yield "the loss of a broker's host: another one boots, and serves the same messages"
    elif _apart(site):
        yield "the loss of either broker: clients go on with the other one"
    if spare := balancers_lost(site):
        yield f"any {spare} of {len(site.balancers)} load balancers, the virtual IP's holder too"
    yield "a power cut of everything: confirmed persistent messages are on disc"


def _loses(site: Draft) -> Iterator[str]:
    count, lost = len(site.brokers), brokers_lost(site)
    if count == 1:
        yield "while its only broker is away nothing can be published or consumed"
    elif _shared(site):
        yield "while the standby boots nothing can be published or consumed"
        yield "without the shared storage there is no broker, and what is lost there is lost"
    elif _apart(site):
        yield "what was on the failed broker waits there until it is back"
    elif not lost:
        yield "a lost broker takes its queues along until it is back; what was transient is gone for good"
    elif _cluster_spares(site) == lost and lost < count - 1:
        yield f"with {count - lost} of {count} brokers lost at once the rest waits for them"
    else:
        yield f"with more than {lost} of {count} brokers lost at once some queues wait for them"
    if site.balancers and not balancers_lost(site):
        yield "with its only load balancer the way in is lost"
    if not site.balancers and count > 1:
        yield "clients must know every broker's address: there is no load balancer"


def _shared(site: Draft) -> bool:
    return bool(site.cluster and site.cluster.shared_dir)


def _apart(site: Draft) -> bool:
    return bool(site.cluster and not site.cluster.clustered and len(site.brokers) > 1)
