"""AMQP URIs: written, judged, and shown without what is secret in them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from mqctl.model.base import IPAddress
from mqctl.model.diff import MASK
from mqctl.model.tls import BROKER

_USERINFO = re.compile(r"(://)([^\s\"']*)@")
"""Up to the last @: a password that was not encoded may have @ and / of its own."""
_KEY_PASSWORD = re.compile(r"([?&]password=)[^&\s\"']*")
"""The password of a TLS key file (RabbitMQ guide "URI Query Parameters")."""


def amqp(address: IPAddress, port: int, user: str, password: str, vhost: str, name: str | None = None) -> str:
    """A URI with every part percent-encoded whole: slashes, colons and @ mean nothing inside them.

    With a `name` over TLS, to whoever has it in a certificate (RabbitMQ guide "URI Query Parameters").
    """
    host = f"[{address}]" if address.version == 6 else str(address)
    place = f"{_encoded(user)}:{_encoded(password)}@{host}:{port}/{_encoded(vhost)}"
    if name is None:
        return f"amqp://{place}"
    whom = f"cacertfile={BROKER}/ca.pem&verify=verify_peer&server_name_indication={_encoded(name)}"
    return f"amqps://{place}?{whom}"


def local(vhost: str) -> str:
    """The broker itself, without a connection and a password (RabbitMQ guide "URI Specification")."""
    return f"amqp:///{_encoded(vhost)}"


def _encoded(text: str) -> str:
    return quote(text, safe="")


def trouble(uri: str) -> str | None:
    """Why this is no AMQP URI; the reason shows nothing of it."""
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError:
        return "must be a URI, e.g. amqp://user:password@host:5672/vhost"
    if parts.scheme not in ("amqp", "amqps"):
        return "must begin with amqp:// or amqps://"
    if any(character.isspace() for character in uri):
        return "must have no blanks: write %20"
    if parts.netloc.count("@") > 1 or parts.path.count("/") > 1:
        return "must have @ and / inside names and passwords percent-encoded: %40, %2F"
    if port == 0:
        return "must have a port from 1 to 65535"
    return None


def shown(text: str) -> str:
    """The text with the password of every URI in it masked."""
    return _KEY_PASSWORD.sub(rf"\1{MASK}", _USERINFO.sub(_without_password, text))


def _without_password(match: re.Match[str]) -> str:
    user, colon, _ = match.group(2).partition(":")
    return f"{match.group(1)}{user}{colon}{MASK if colon else ''}@"


def masked(value: Any) -> Any:
    """A parameter's value with every text in it shown so."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, dict):
        return {key: masked(item) for key, item in value.items()}
    return [masked(item) for item in value] if isinstance(value, list | tuple) else value
