"""What a host's kernel must have before anything is placed there."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.status import HostStatus
from mqctl.plan.refusal import Refusal


def lacks_ipvs(status: HostStatus) -> Iterator[Refusal]:
    """Without IPVS Keepalived does not stay up when it has virtual servers."""
    if status.keepalived is not None and status.keepalived.ipvs is False:
        yield Refusal(
            f"{status.host}: keepalived_virtual_servers need IPVS, and the host's kernel has none",
            "install the kernel's ip_vs module, or leave keepalived_virtual_servers out",
        )
