"""Who holds the VIP, put together from routers that are asked at the same time and answer when they can."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mqctl.model.history import HoldersSeen


@dataclass
class _Moment:
    """When one router answered, and what the others said."""

    t: float
    w: float
    answers: dict[str, bool | None]
    open: set[str]
    """Routers that were being asked then."""


class Holding:
    """A moment at which a router answers waits for those that are being asked: what they said before may be
    over. So a router that loses its power is silent from then on, not a holder until its question times out
    while another one has long taken the address."""

    def __init__(self, routers: tuple[str, ...]) -> None:
        self._routers = routers
        self._last: dict[str, bool | None] = {}
        self._asked: set[str] = {*routers}
        self._moments: deque[_Moment] = deque()

    def ask(self, router: str) -> None:
        """A question is on its way."""
        self._asked.add(router)

    def answer(self, router: str, holds: bool | None, t: float, w: float) -> Iterator[HoldersSeen]:
        """Its answer, None for silence; gives the moments that are known now, in their order."""
        self._asked.discard(router)
        self._last[router] = holds
        for moment in self._moments:
            if router in moment.open:
                moment.open.discard(router)
                moment.answers[router] = holds
        self._moments.append(_Moment(t, w, dict(self._last), set(self._asked)))
        while self._moments and not self._moments[0].open:
            yield self._seen(self._moments.popleft())

    def _seen(self, moment: _Moment) -> HoldersSeen:
        return HoldersSeen(
            t=moment.t,
            w=moment.w,
            routers=self._routers,
            holders=tuple(name for name in self._routers if moment.answers[name]),
            silent=tuple(name for name in self._routers if moment.answers[name] is None),
        )
