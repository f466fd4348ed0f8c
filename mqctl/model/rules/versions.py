"""Rules about what the hosts' RabbitMQ line has; known when rabbitmq_version or mqctl_lab says it.

Where nothing says it, plan/versions.py asks `features` again with what the hosts have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mqctl.model.draft import Draft
from mqctl.model.objects import Queue
from mqctl.model.problem import Problem, quoted
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.rules import mirroring
from mqctl.model.versions import DEBIAN, FEATURES, OLDEST, LineFeature, Number, has, number


def line(draft: Draft) -> str | None:
    """The RabbitMQ line that the hosts will run, when the inventory says it."""
    if draft.cluster and draft.cluster.version:
        return draft.cluster.version
    return DEBIAN[draft.mqctl.lab.image] if draft.mqctl.lab else None


def supported(draft: Draft) -> Iterator[Problem]:
    """Older lines were never tried."""
    version = draft.cluster.version if draft.cluster else None
    if version and number(version) < OLDEST:
        yield Problem("rabbitmq_version", f"must be at least {_text(OLDEST)}", version)


def version_of_image(draft: Draft) -> Iterator[Problem]:
    """A lab host runs what its Debian release has."""
    version = draft.cluster.version if draft.cluster else None
    image = draft.mqctl.lab.image if draft.mqctl.lab else None
    if version and image and version != DEBIAN[image]:
        releases = ", ".join(f"{release} {has}" for release, has in DEBIAN.items())
        rule = f"must be {DEBIAN[image]}, which mqctl_lab.image {image} has"
        yield Problem("rabbitmq_version", rule, version, releases)


def features(draft: Draft) -> Iterator[Problem]:
    """Nothing is asked for that the line does not have."""
    version = line(draft)
    if version is None:
        return
    for asked in (*_settings(draft), *_declarations(draft)):
        if not has(version, asked.feature) and not _permitted(draft, asked.feature):
            span = FEATURES[asked.feature]
            early = number(version) < span.since
            when = (
                f"exists from {_text(span.since)} on" if early else f"{span.ends} since {_text(span.until)}"
            )
            rule = f"{when}, and this is RabbitMQ {version}"
            yield Problem(asked.path, rule, asked.got, span.instead, asked.host)


def disc_nodes_under_khepri(draft: Draft) -> Iterator[Problem]:
    """Where a line has both, RAM nodes cannot join Khepri's cluster (rabbit_db_cluster:join_using_khepri)."""
    version = line(draft)
    if version and not (has(version, "ram-nodes") and has(version, "khepri")):
        return
    asked = [path for _, settings in draft.brokers for path, _ in _khepri(settings)]
    for host, settings in draft.brokers:
        if asked and settings.node_type == "ram":
            hint = f"make it a disc node, or take khepri_db out of {asked[0]}"
            yield Problem(
                "rabbitmq_node_type", "must be disc where Khepri is asked for", "ram", hint, host.name
            )


@dataclass(frozen=True)
class _Asked:
    """A setting that needs a feature."""

    feature: LineFeature
    path: str
    got: str = ""
    host: str = ""


_CONF: tuple[tuple[str, tuple[str, ...], LineFeature], ...] = (
    ("classic_queue.default_version", ("1",), "classic-queue-version-1"),
    ("cluster_formation.randomized_startup_delay_range.", (), "randomized-startup-delay"),
    ("cluster_formation.node_type", ("ram",), "ram-nodes"),
    ("cluster_partition_handling", ("autoheal", "ignore", "pause_if_all_down"), "partition-handling"),
    ("deprecated_features.permit.classic_queue_mirroring", ("True", "true"), "permitted-mirroring"),
    ("deprecated_features.permit.", (), "deprecated-features"),
)
"""How a key begins, its values (none: any), and what it needs."""
_PAUSE_MINORITY = {"atom": "pause_minority"}
"""What mqctl itself writes; without effect, it does no harm either."""
_POLICY_KEYS: Mapping[str, LineFeature] = {
    "queue-version": "queue-version-policy",
    "dead-letter-strategy": "dead-letter-strategy",
    "max-age": "streams",
    "queue-master-locator": "queue-master-locator",
}
_ARGUMENTS: tuple[tuple[str, str | int | None, LineFeature], ...] = (
    ("x-queue-type", "stream", "streams"),
    ("x-queue-version", 1, "queue-version-1-argument"),
    ("x-queue-master-locator", None, "queue-master-locator"),
)
"""An argument of a queue, its value (None: any), and what it needs."""
_PERMITTED: Mapping[LineFeature, str] = {
    "transient-queues": "transient_nonexcl_queues",
    "queue-master-locator": "queue_master_locator",
}
"""What can be permitted again where it is denied, by RabbitMQ's name for it."""


def _text(line_number: Number) -> str:
    return f"{line_number[0]}.{line_number[1]}"


def _settings(draft: Draft) -> Iterator[_Asked]:
    for host, settings in draft.brokers:
        if settings.config_format == "classic":
            yield _Asked("classic-config", "rabbitmq_config_format", "classic", host.name)
        if settings.node_type == "ram":
            yield _Asked("ram-nodes", "rabbitmq_node_type", "ram", host.name)
        if settings.consumer_timeout is not None:
            yield _Asked("consumer-timeout", "rabbitmq_consumer_timeout", host=host.name)
        if settings.partition_handling != "pause_minority":
            handling = settings.partition_handling
            yield _Asked("partition-handling", "rabbitmq_partition_handling", handling, host.name)
        for key, value in settings.extra_conf.items():
            yield from _conf(key, str(value), host.name)
        yield from _advanced(settings.advanced_config.get("rabbit", {}), host.name)
        for path, value in _khepri(settings):
            yield _Asked("khepri", path, value, host.name)


def _khepri(settings: RabbitmqSettings) -> Iterator[tuple[str, str]]:
    """Where the environment asks for Khepri, and how."""
    for name, value in settings.feature_flags.items():
        if "khepri_db" in value:
            yield f"rabbitmq_environment.{name}", value


def _advanced(rabbit: Mapping[str, Any], host: str) -> Iterator[_Asked]:
    """What the environment of application rabbit needs where advanced.config says it."""
    path = "rabbitmq_advanced_config.rabbit"
    if rabbit.get("classic_queue_default_version") == 1:
        yield _Asked("classic-queue-version-1", f"{path}.classic_queue_default_version", "1", host)
    handling = rabbit.get("cluster_partition_handling", _PAUSE_MINORITY)
    if handling != _PAUSE_MINORITY:
        where = f"{path}.cluster_partition_handling"
        yield _Asked("partition-handling", where, quoted(handling), host)


def _conf(key: str, value: str, host: str) -> Iterator[_Asked]:
    """What a line of rabbitmq.conf needs; unknown keys and refused values keep a broker from booting."""
    path = f"rabbitmq_extra_conf.{key}"
    for start, values, feature in _CONF:
        if key.startswith(start) and (not values or value in values):
            yield _Asked(feature, path, value, host)


def _permitted(draft: Draft, feature: LineFeature) -> bool:
    """Whether every broker permits what its line denies; some are not enough (release notes of 4.3.0).

    Only rabbitmq.conf can say it: rabbit.permit_deprecated_features is a map, which the notation of
    rabbitmq_advanced_config does not have.
    """
    name = _PERMITTED.get(feature)
    key = f"deprecated_features.permit.{name}"
    return name is not None and all(
        str(settings.extra_conf.get(key)).lower() == "true" for _, settings in draft.brokers
    )


def _declarations(draft: Draft) -> Iterator[_Asked]:
    cluster = draft.cluster
    if cluster is None:
        return
    for path, _ in mirroring.policies(draft):
        yield _Asked("mirroring", f"{path}.ha-mode")
    for index, policy in enumerate(cluster.policies):
        for key in (key for key in policy.definition if key in _POLICY_KEYS):
            yield _Asked(_POLICY_KEYS[key], f"rabbitmq_policies[{index}].definition.{key}")
        if policy.apply_to in ("classic_queues", "quorum_queues", "streams"):
            yield _Asked("typed-policies", f"rabbitmq_policies[{index}].apply-to", policy.apply_to)
    for index, vhost in enumerate(cluster.vhosts):
        if vhost.default_queue_type:
            path = f"rabbitmq_vhosts[{index}].default_queue_type"
            yield _Asked("default-queue-type", path, vhost.default_queue_type)
    for index, queue in enumerate(cluster.queues):
        yield from _queue(f"rabbitmq_queues[{index}]", queue)


def _queue(path: str, queue: Queue) -> Iterator[_Asked]:
    if not queue.durable:
        yield _Asked("transient-queues", f"{path}.durable", "false")
    for argument, value, feature in _ARGUMENTS:
        if argument in queue.arguments and value in (None, queue.arguments[argument]):
            got = str(queue.arguments[argument])
            yield _Asked(feature, f"{path}.arguments.{argument}", got)


STRUCTURAL = (supported, version_of_image, features, disc_nodes_under_khepri)
