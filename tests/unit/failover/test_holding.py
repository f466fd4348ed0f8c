"""Who held the VIP when: routers are asked side by side, and one that dies answers late or never."""

from __future__ import annotations

import threading
from pathlib import Path

from mqctl.errors import MqctlError
from mqctl.gates.wait import wait
from mqctl.model.history import HoldersSeen
from mqctl.workload import journal
from mqctl.workload.holding import Holding
from mqctl.workload.journal import Journal
from mqctl.workload.watch import Watch

Seen = list[tuple[float, tuple[str, ...], tuple[str, ...]]]


class Routers:
    """Two routers that answered once: lb1 has the address."""

    def __init__(self) -> None:
        self._holding = Holding(("lb1", "lb2"))
        self.seen: Seen = []
        self.answer("lb1", True, 0.1)
        self.answer("lb2", False, 0.2)

    def ask(self, router: str) -> None:
        self._holding.ask(router)

    def answer(self, router: str, holds: bool | None, t: float) -> None:
        events = self._holding.answer(router, holds, t, 0)
        self.seen += [(event.t, event.holders, event.silent) for event in events]


def test_nothing_is_known_before_everybody_answered() -> None:
    assert Routers().seen == [(0.1, ("lb1",), ()), (0.2, ("lb1",), ())]
    alone = Holding(("lb1", "lb2"))
    assert [*alone.answer("lb1", True, 0.1, 0)] == []
    assert [*alone.answer("lb1", True, 0.3, 0)] == []


def test_a_router_that_dies_while_it_is_asked_is_no_second_holder() -> None:
    """Its power goes at 1; the other one has the address at 1.7; the question to the first ends at 3."""
    routers = Routers()
    routers.ask("lb1")
    routers.ask("lb2")
    routers.answer("lb2", True, 1.7)
    routers.ask("lb2")
    routers.answer("lb2", True, 2.0)
    assert routers.seen[2:] == []
    routers.answer("lb1", None, 3.0)
    assert routers.seen[2:] == [(t, ("lb2",), ("lb1",)) for t in (1.7, 2.0, 3.0)]


def test_two_holders_that_answer_are_two() -> None:
    routers = Routers()
    routers.ask("lb1")
    routers.ask("lb2")
    routers.answer("lb2", True, 1.7)
    routers.answer("lb1", True, 1.8)
    assert routers.seen[2:] == [(1.7, ("lb1", "lb2"), ()), (1.8, ("lb1", "lb2"), ())]


def test_a_router_that_is_not_being_asked_has_what_it_had() -> None:
    routers = Routers()
    routers.ask("lb2")
    routers.answer("lb2", True, 0.5)
    assert routers.seen[2:] == [(0.5, ("lb1", "lb2"), ())]


def test_the_watch_tells_it_so(tmp_path: Path) -> None:
    """lb1 holds, then its question hangs and fails, while lb2 takes the address."""
    path, hangs, taken = tmp_path / "h.ndjson", threading.Event(), threading.Event()
    asked: dict[str, int] = {"lb1": 0, "lb2": 0}

    def holds(router: str) -> bool:
        asked[router] += 1
        if router == "lb2":
            return taken.is_set()
        if asked[router] > 1:
            taken.set()
            assert hangs.wait(20)
            raise MqctlError("no answer")
        return True

    record = Journal(path)
    watch = Watch(record)
    watch.holders(("lb1", "lb2"), holds)
    assert taken.wait(20)
    before = asked["lb2"]
    wait(lambda: asked["lb2"] > before + 2, timeout=20, what="looks at lb2")
    hangs.set()
    watch.stop()
    record.close()
    seen = [e for e in journal.read(path).events if isinstance(e, HoldersSeen)]
    assert [(e.holders, e.silent) for e in seen] == [(("lb1",), ()), (("lb2",), ("lb1",))]
