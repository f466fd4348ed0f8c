"""The table of a failover test: every number in its row, limits beside them, and when it is narrow."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from mqctl.cli.main import build
from mqctl.model import history as h
from mqctl.model.objectives import Bound
from tests.unit.failover.histories import clean, confirmed, delivered, event
from tests.unit.failover.reports import renamed, saved

BOUNDS = (
    Bound(metric="publish_gap", limit=1.25, formula="advert_int 3 x 1 + skew"),
    Bound(metric="leader_moved", limit=0.3, formula="net_ticktime x 1.25"),
)


def spoiled() -> list[h.Event]:
    """Messages 1 to 150, one every 0.1 s. Confirms and deliveries pause from 6 s to 7 s; 141 to 143 are lost;
    20 and 21 come twice, 21 without the flag; 31 comes before 30; 121 and 122 are unknown, 121 is stored."""

    def kept(one: h.Event) -> bool:
        if isinstance(one, h.Confirmed):
            return not 51 <= one.first <= 60 and one.first not in (121, 122)
        if isinstance(one, h.Delivered):
            return not 51 <= one.spans[0].seq <= 60 and one.spans[0].seq not in (30, 122, 141, 142, 143)
        return True

    return [
        *filter(kept, renamed(clean(), bounds=BOUNDS)),
        confirmed(7.06, 51, 60),
        delivered(7.04, 51, 10),
        delivered(4.13, 30),
        delivered(3.03, 20, again=True),
        delivered(3.13, 21),
        event(h.Unknown, 13.2, client="p1", epoch=1, first=121, last=122),
    ]


def printed(tmp_path: Path, width: int, *names: str) -> list[str]:
    paths = [saved(tmp_path / name, renamed(spoiled(), scenario=name)) for name in names]
    words = [word for path in paths for word in ("--replay", str(path))]
    done = CliRunner().invoke(build(), ["failover-test", *words], env={"COLUMNS": str(width)})
    assert done.exit_code == 1
    return done.stdout.splitlines()


@pytest.mark.parametrize("width", [200, 60])
def test_every_number_is_in_its_row(tmp_path: Path, width: int) -> None:
    """One scenario has room for its column on both."""
    lines = printed(tmp_path, width, "kill-it")
    cells = [[cell.strip() for cell in line.split("│")[1:3]] for line in lines if line.startswith("│")]
    assert cells == [
        ["verdict", "fail"],
        ["broken", "mq1"],
        ["confirmed", "148"],
        ["lost", "3"],
        ["duplicated", "2"],
        ["reordered", "1"],
        ["unknown, of them stored", "2, 1"],
        ["returned", "0"],
        ["longest publish gap", "1.05 s (limit 1.25)"],
        ["longest delivery gap", "1.02 s"],
        ["publish gaps, all together", "1.05 s"],
        ["delivery gaps, all together", "1.02 s"],
        ["confirm latency p50, p99", "10 ms, 860 ms"],
        ["VIP moved after", "-"],
        ["leader changed after", "0.35 s (limit 0.30)"],
        ["new leader confirmed after", "1.01 s"],
        ["host seen gone after", "0.25 s"],
        ["host back after", "6.25 s"],
        ["mirrors in sync after", "-"],
    ]
    told = [line for line in lines if line.startswith(("fail ", "kill-it: "))]
    assert told == [
        "fail kill-it: messages.lost: expected 0 confirmed messages lost, got 3 of 148 lost (p1/141-143)",
        "fail kill-it: moves.leader: expected another queue leader within 0.30 s (net_ticktime x 1.25), "
        "got 0.35 s",
        "kill-it: publish gap limit 1.25 s = advert_int 3 x 1 + skew",
        "kill-it: leader moved limit 0.30 s = net_ticktime x 1.25",
    ]


NAMES = ("power-off-vip-holder", "kill-queue-leader", "freeze-queue-leader")


def test_several_scenarios_are_columns_where_they_fit(tmp_path: Path) -> None:
    lines = printed(tmp_path, 200, *NAMES)
    (head,) = (line for line in lines if "power-off-vip-holder ┃" in line)
    assert [cell.strip() for cell in head.split("┃")[2:5]] == [*NAMES]
    (lost,) = (line for line in lines if line.startswith("│ lost "))
    assert [cell.strip() for cell in lost.split("│")[1:5]] == ["lost", "3", "3", "3"]


def test_else_each_is_a_row_below_whole_headings(tmp_path: Path) -> None:
    lines = printed(tmp_path, 60, *NAMES)
    first, second = (line.split() for line in lines[2:4])
    assert (first, second) == (
        ["publish", "delivery"],
        ["scenario", "verdict", "confirmed", "lost", "gap", "gap", "p99"],
    )
    rows = [line.split()[1:] for line in lines if " fail " in line and not line.startswith("fail")]
    assert rows == [["fail", "148", "3", "1.05", "s", "1.02", "s", "860", "ms"]] * len(NAMES)
    assert max(map(len, lines[:12])) <= 60
    assert f"{NAMES[2]}: publish gap limit 1.25 s = advert_int 3 x 1 + skew" in lines
