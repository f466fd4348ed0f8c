"""Rules about what failover tests must keep to."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model import timers
from mqctl.model.draft import Draft
from mqctl.model.problem import Problem


def vip_needs_routers(draft: Draft) -> Iterator[Problem]:
    """A limit for what cannot happen would never be judged."""
    if draft.mqctl.objectives.vip_moved is not None and len(draft.routers) < 2:
        rule = "needs two hosts in group keepalived: the virtual IP has nowhere to go"
        yield Problem("mqctl_objectives.vip_moved", rule, hint="leave it out")


def above_timers(draft: Draft) -> Iterator[Problem]:
    """The next router takes over after 3 adverts and its skew at the latest (RFC 5798 section 6.1)."""
    routers = sorted((settings for _, settings in draft.routers), key=lambda router: -router.priority)
    if len(routers) < 2:
        return
    needed = timers.master_down(routers[1])
    for name in ("vip_moved", "publish_gap", "delivery_gap"):
        limit = getattr(draft.mqctl.objectives, name)
        if limit is not None and limit < needed.seconds:
            rule = f"must be at least {needed.seconds:.2f}, the time until another router takes over"
            hint = f"{needed.formula}: lower keepalived_advert_interval, with keepalived_vrrp_version: 3"
            yield Problem(f"mqctl_objectives.{name}", rule, f"{limit:g}", hint)


STRUCTURAL = (vip_needs_routers,)
RISKS = {"objective-below-timers": above_timers}
