"""The base of every model, and the scalar types that several of them share."""

from __future__ import annotations

import hashlib
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, StringConstraints

IPAddress = IPv4Address | IPv6Address
Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=2_147_483, allow_inf_nan=False)]
"""A duration in seconds; fractions are printed as milliseconds where a program wants them.

HAProxy counts milliseconds up to 2^31 - 1 (configuration manual, section 2.5 "Time format"): 24 days.
"""
Octal = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]
"""A file mode as people write it, e.g. `0640`."""


def _one_line(text: str) -> str:
    if any(character in text for character in "\r\n\0"):
        raise ValueError("must be one line")
    return text


Line = Annotated[str, StringConstraints(min_length=1), AfterValidator(_one_line)]
"""A non-empty text without line breaks: what a line-based configuration file can carry."""


def _short(text: str) -> str:
    if len(text.encode()) > 255:
        raise ValueError("must be at most 255 bytes long in UTF-8")
    return text


ShortText = Annotated[str, AfterValidator(_short)]
"""AMQP 0-9-1's short string (section 4.2.5.3): it counts bytes, not letters."""
ObjectName = Annotated[Line, AfterValidator(_short)]
"""The broker takes line breaks out of the names of queues and exchanges without a word (3.10, seen)."""


class Model(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=False)


def sha256(text: str) -> str:
    """The hexadecimal SHA-256 of a text's UTF-8 bytes."""
    return hashlib.sha256(text.encode()).hexdigest()


def reveal(secret: SecretStr) -> str:
    """The secret's value; the few callers of this are the places where secrets leave the model."""
    return secret.get_secret_value()
