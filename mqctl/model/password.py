"""RabbitMQ's password hashes: base64(salt[4] + digest(salt + password)) (RabbitMQ guide "Passwords")."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

SHA256 = "rabbit_password_hashing_sha256"
SALT_BYTES = 4

_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    SHA256: lambda data: hashlib.sha256(data).digest(),
    "rabbit_password_hashing_sha512": lambda data: hashlib.sha512(data).digest(),
}


def hash_password(password: str, salt: bytes) -> str:
    """The SHA-256 hash as the broker stores it. Raises ValueError unless the salt has 4 bytes."""
    if len(salt) != SALT_BYTES:
        raise ValueError("the salt must have 4 bytes")
    return base64.b64encode(salt + _DIGESTS[SHA256](salt + password.encode())).decode()


def verify(password: str, hashed: str, algorithm: str = SHA256) -> bool:
    """Whether the broker would accept the password for this hash; no for an unknown algorithm."""
    digest = _DIGESTS.get(algorithm)
    try:
        raw = base64.b64decode(hashed, validate=True)
    except (binascii.Error, ValueError):
        return False
    if digest is None or len(raw) <= SALT_BYTES:
        return False
    salt, expected = raw[:SALT_BYTES], raw[SALT_BYTES:]
    return hmac.compare_digest(digest(salt + password.encode()), expected)


def salt_of(*parts: str) -> bytes:
    """A salt that is the same for the same parts (cluster, user), so that planning stays repeatable."""
    return hashlib.sha256("\0".join(("mqctl", *parts)).encode()).digest()[:SALT_BYTES]
