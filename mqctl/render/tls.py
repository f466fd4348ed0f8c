"""Certificates and keys on the hosts: readable by root and by the service that has them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mqctl.model.base import reveal
from mqctl.model.bundle import Component, FileSpec
from mqctl.model.tls import BALANCER, BROKER, DISTRIBUTION, Tls
from mqctl.model.topology import Host
from mqctl.render.context import rabbitmq as context
from mqctl.render.files import printed, written


def tls_files(tls: Tls, host: Host) -> Iterator[FileSpec]:
    """Before the files that name them.

    A renewed certificate restarts no broker: Erlang reads the files again within two minutes (RabbitMQ guide
    "TLS Support", "Certificate and Private Key Rotation"; ssl application, `ssl_pem_cache_clean`). HAProxy
    reads them when it is reloaded, and a certificate's key from the file of that name with `.key` behind it
    (configuration manual, `ssl-load-extra-files`).
    """
    if host.broker:
        where, effects = f"{BROKER}/key.pem", ("none",)
        yield from _files(tls, host, "rabbitmq", BROKER, where, effects=effects)
    if host.broker and tls.inter_node:
        yield printed(
            DISTRIBUTION,
            "rabbitmq",
            "rabbitmq/terms.config.j2",
            context.TermsFile(DISTRIBUTION, context.distribution_terms()),
            group="rabbitmq",
            mode="0640",
            effects=("restart-broker",),
        )
    if host.haproxy:
        where, effects = f"{BALANCER}/cert.pem.key", ("reload-haproxy",)
        yield from _files(tls, host, "haproxy", BALANCER, where, effects=effects)


def _files(
    tls: Tls, host: Host, component: Component, directory: str, key: str, **how: Any
) -> Iterator[FileSpec]:
    own = tls.certificates[host.name]
    access = {"group": component, "mode": "0640", **how}
    yield written(f"{directory}/ca.pem", component, tls.authorities, **access)
    yield written(key, component, reveal(own.key), secrecy="secret", **access)
    yield written(f"{directory}/cert.pem", component, own.chain, **access)
