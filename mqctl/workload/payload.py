"""What is in a message: whose it is, which copy, and a checksum over all of it."""

from __future__ import annotations

import zlib
from typing import NamedTuple

_SUM = 8
"""Hexadecimal digits of the CRC-32 at the end."""


class Copy(NamedTuple):
    """The one copy of a message that a body is."""

    publisher: str
    seq: int
    epoch: int
    tag: int


def pack(run: str, copy: Copy, size: int) -> bytes:
    """A body of `size` bytes (or as many as the identity needs)."""
    head = f"{run}/{copy.publisher}/{copy.seq}/{copy.epoch}/{copy.tag} ".encode()
    body = head.ljust(size - _SUM, b".")
    return body + b"%08x" % zlib.crc32(body)


def unpack(run: str, data: bytes) -> Copy:
    """The copy that a body is; raises ValueError saying why it is none of this run."""
    body, checksum = data[:-_SUM], data[-_SUM:]
    if b"%08x" % zlib.crc32(body) != checksum:
        raise ValueError(f"damaged body of {len(data)} bytes")
    fields = body.split(b" ", 1)[0].decode(errors="replace").split("/")
    if len(fields) != 5 or fields[0] != run:
        raise ValueError(f"a message of another run: {'/'.join(fields)[:60]}")
    return Copy(fields[1], int(fields[2]), int(fields[3]), int(fields[4]))
