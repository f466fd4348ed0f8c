"""Words of the command line itself: what imports nothing does not make `mqctl --help` wait."""

from __future__ import annotations

from typing import Literal

QueueType = Literal["classic", "quorum", "plain"]
"""classic: as the cluster's policies say, mirrored where one mirrors; plain: classic on one broker."""
ExchangeType = Literal["direct", "topic", "fanout"]
"""fanout: every message goes to every queue, and must arrive in each."""
