"""Rules about TLS: its ports, and what stands in its way."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem
from mqctl.model.tls import AMQPS, MANAGEMENT

_BROKER = ("port", "management_port", "distribution_port")
_BALANCER = ("amqp_port", "management_port", "stats_port", "peers_port")
_ARGUMENTS = ("SERVER_ADDITIONAL_ERL_ARGS", "CTL_ERL_ARGS")


def ports_left_free(draft: Draft) -> Iterator[Problem]:
    """Listeners with TLS have ports of their own; HAProxy's management speaks TLS on its usual one."""
    if draft.mqctl.tls is None:
        return
    chosen = [
        *(("rabbitmq", host, settings, _BROKER, (AMQPS, MANAGEMENT)) for host, settings in draft.brokers),
        *(("haproxy", host, settings, _BALANCER, (AMQPS,)) for host, settings in draft.balancers),
    ]
    for prefix, host, settings, names, fixed in chosen:
        for name in names:
            if (port := getattr(settings, name)) in fixed:
                hint = f"choose another one: mqctl_tls needs {' and '.join(map(str, fixed))}"
                rule = "must not be a port of a listener with TLS"
                yield Problem(f"{prefix}_{name}", rule, str(port), hint, host.name)


def one_listener(draft: Draft) -> Iterator[Problem]:
    """A broker and a balancer on one host would both listen on 5671."""
    for host, _ in draft.balancers:
        if draft.mqctl.tls is not None and host.rabbitmq is not None:
            rule = f"cannot be on a host with broker and HAProxy: both would listen on {AMQPS}"
            yield Problem("mqctl_tls", rule, "", "give HAProxy hosts of its own", host.name)


def distribution_is_ours(draft: Draft) -> Iterator[Problem]:
    """The inventory's lines of rabbitmq-env.conf come last: nodes without TLS would meet nodes with it."""
    if draft.mqctl.tls is None or not draft.mqctl.tls.inter_node:
        return
    for host, settings in draft.brokers:
        for name in settings.environment:
            if name.removeprefix("RABBITMQ_") in _ARGUMENTS:
                rule = "must be absent: mqctl_tls switches TLS between nodes on there"
                hint = "leave it out, or set mqctl_tls.inter_node: false"
                yield Problem(f"rabbitmq_environment.{name}", rule, "", hint, host.name)


def standbys_ask(draft: Draft) -> Iterator[Problem]:
    """Hosts that share a data directory ask each other over plain AMQP who has it (roles/rabbitmq)."""
    tls, cluster = draft.mqctl.tls, draft.cluster
    if tls and not tls.plain and cluster and cluster.shared_dir:
        hint = "leave it out: clients can use TLS all the same"
        yield Problem("mqctl_tls.plain", "must be true with rabbitmq_shared_dir", "false", hint)


STRUCTURAL = (ports_left_free, one_listener, distribution_is_ours, standbys_ask)
