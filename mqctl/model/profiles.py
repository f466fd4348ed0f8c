"""Timers by what the network is like: defaults that an inventory chooses by one word, `mqctl_profile`.

What the inventory says itself always wins. Each value trades how soon a failure is noticed for how easily a
slow moment is taken for one; docs/performance.md says what each profile's timers add up to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Profile = Literal["fast", "default", "wan"]
Defaults = Mapping[str, Mapping[str, Any]]
"""By inventory group, then by setting."""

PROFILES: Mapping[Profile, Defaults] = {
    # One switched network, hosts with processors to spare. VRRP 3 has adverts below a second (RFC 5798
    # section 5.2.7), and no password. A stall of 0.6 s moves the virtual IP, one of 15 s stops a minority.
    "fast": {
        "rabbitmq": {"net_ticktime": 20},
        "haproxy": {
            "check_inter": 0.5,
            "check_fastinter": 0.1,
            "check_downinter": 0.5,
            "check_timeout": 0.5,
            "timeout_connect": 0.5,
        },
        "keepalived": {"vrrp_version": 3, "advert_interval": 0.2},
    },
    # The settings' own defaults: hosts that sometimes stall for a second.
    "default": {},
    # Brokers in several buildings, or hosts whose neighbours take their processors: seconds of silence are
    # nothing special. net_ticktime as the RabbitMQ guide "Net Tick Time" recommends for flaky networks.
    "wan": {
        "rabbitmq": {"net_ticktime": 120},
        "haproxy": {
            "check_inter": 2,
            "check_fastinter": 1,
            "check_downinter": 2,
            "check_timeout": 3,
            "timeout_connect": 4,
        },
        "keepalived": {"advert_interval": 2, "check_interval": 2, "check_timeout": 3, "check_fall": 3},
    },
}
