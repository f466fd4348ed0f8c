"""How long the configured timers may take to notice and act: one small formula each, in seconds."""

from __future__ import annotations

from typing import NamedTuple

from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings


class Term(NamedTuple):
    """A time and how it came about."""

    seconds: float
    formula: str

    def __add__(self, other: object) -> Term:
        assert isinstance(other, Term)
        return Term(self.seconds + other.seconds, f"{self.formula} + {other.formula}")


def longest(*terms: Term) -> Term:
    """The latest of things that happen side by side."""
    return max(terms, key=lambda term: term.seconds)


def shortest(*terms: Term) -> Term:
    """The first of things that each suffice."""
    return min(terms, key=lambda term: term.seconds)


def skew(router: KeepalivedSettings) -> Term:
    """RFC 3768 section 6.1 (VRRP 2), RFC 5798 section 6.1 (VRRP 3): what the lower priority waits longer."""
    part = (256 - router.priority) / 256
    if router.vrrp_version == 2:
        return Term(part, f"skew (256 - {router.priority})/256")
    advert = router.advert_interval
    return Term(part * advert, f"skew (256 - {router.priority})/256 x {advert:g}")


def master_down(router: KeepalivedSettings) -> Term:
    """RFC 5798 section 6.1, Master_Down_Interval: a backup that hears nothing."""
    advert = router.advert_interval
    return Term(3 * advert, f"3 adverts x {advert:g}") + skew(router)


def check_dead(router: KeepalivedSettings) -> Term:
    """keepalived.conf(5), vrrp_script: `fall` failures at `interval`, the first after up to one of them."""
    return Term(
        router.check_fall * router.check_interval,
        f"check fall {router.check_fall} x interval {router.check_interval:g}",
    )


def check_hung(router: KeepalivedSettings) -> Term:
    """A check that gets no answer also takes its timeout."""
    return check_dead(router) + Term(router.check_timeout, f"check timeout {router.check_timeout:g}")


def gives_way(holder: KeepalivedSettings, backup: KeepalivedSettings) -> Term:
    """After a failed check: FAULT says so with priority 0 (skew only), a lowered priority is just outbid."""
    return skew(backup) if holder.check_weight == 0 else master_down(backup)


def refused(balancer: HaproxySettings) -> Term:
    """HAProxy manual, "inter", "fastinter", "fall": a server that refuses connections goes DOWN."""
    return Term(
        balancer.check_inter + (balancer.check_fall - 1) * balancer.check_fastinter,
        f"inter {balancer.check_inter:g} + "
        f"{balancer.check_fall - 1} x fastinter {balancer.check_fastinter:g}",
    )


def silent(balancer: HaproxySettings) -> Term:
    """The same for one that does not answer: every check also waits ("timeout check", "timeout connect")."""
    each = max(min(balancer.timeout_connect, balancer.check_inter), balancer.check_timeout)
    return refused(balancer) + Term(
        balancer.check_fall * each, f"fall {balancer.check_fall} x timeout {each:g}"
    )


def risen(balancer: HaproxySettings) -> Term:
    """HAProxy manual, "downinter", "fastinter", "rise": a server that works again goes UP."""
    return Term(
        balancer.check_downinter + (balancer.check_rise - 1) * balancer.check_fastinter,
        f"downinter {balancer.check_downinter:g} + "
        f"{balancer.check_rise - 1} x fastinter {balancer.check_fastinter:g}",
    )


def turnaround(balancer: HaproxySettings) -> Term:
    """HAProxy waits before it tries again elsewhere, at most 1 s; roundrobin goes on at once (backend.c)."""
    wait = 0.0 if balancer.balance == "roundrobin" else min(1.0, balancer.timeout_connect)
    return Term(wait, f"HAProxy's wait before a retry {wait:g}")


def ticktime(net_ticktime: float) -> Term:
    """Erlang kernel manual, net_ticktime: a silent peer is down after 0.75 to 1.25 of it."""
    return Term(1.25 * net_ticktime, f"1.25 x net_ticktime {net_ticktime:g}")
