"""TLS on everything that listens: the inventory's `mqctl_tls`, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography import x509
from pydantic import SecretStr

from mqctl.model.base import Line, Model

AMQPS, MANAGEMENT = 5671, 15671
"""RabbitMQ guide "Networking", "Ports Used by RabbitMQ"."""
BROKER, BALANCER = "/etc/rabbitmq/tls", "/etc/haproxy/tls"
"""Where certificates and keys lie on brokers, and on load balancers."""
DISTRIBUTION = f"{BROKER}/distribution.config"
"""What Erlang reads for the connections between nodes."""
NOTICE = timedelta(days=30)
"""So long before its end mqctl renews a certificate of its own, and warns of any."""


class TlsSettings(Model):
    """What a person says; an empty mapping switches everything on."""

    plain: bool = True
    """False: AMQP without TLS is closed, on brokers and load balancers."""
    inter_node: bool = True
    """Between the nodes, and between a node and its command line tools."""
    directory: Line | None = None
    """The user's own certificates; below the inventory unless absolute. Without it mqctl keeps a CA."""


class Certificate(Model):
    """Of one host, in PEM; behind its own come those that lead to the authority."""

    chain: str
    key: SecretStr


class Tls(Model):
    """What a topology has."""

    plain: bool
    inter_node: bool
    authorities: str
    """The CA's certificates in PEM: what is trusted, by clients, nodes and links."""
    certificates: Mapping[str, Certificate]
    """By host name."""


def end_of(pem: str) -> datetime | None:
    """When the first of these certificates ends, UTC; None where there is none that can be read."""
    try:
        return min(found.not_valid_after_utc for found in x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return None
