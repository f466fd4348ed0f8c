"""How mqctl itself, as a client, knows whom it speaks to over TLS."""

from __future__ import annotations

import functools
import ssl


@functools.cache
def context(authorities: str) -> ssl.SSLContext:
    """Trusts these certificates (PEM) and no other; the peer's must name the address that was called."""
    return ssl.create_default_context(cadata=authorities)
