"""How mqctl itself, as a client, knows whom it speaks to over TLS."""

from __future__ import annotations

import functools
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pika


@functools.cache
def context(authorities: str) -> ssl.SSLContext:
    """Trusts these certificates (PEM) and no other; the peer's must name the address that was called."""
    return ssl.create_default_context(cadata=authorities)


def for_pika(authorities: str, address: str) -> pika.SSLOptions | None:
    """TLS to whoever shows a certificate of that address; None when there is nobody to trust: without TLS."""
    import pika

    return pika.SSLOptions(context(authorities), address) if authorities else None
