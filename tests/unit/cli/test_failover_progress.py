"""The live display of a failover test: what it says at several widths, and its lines in logs."""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable

import pytest
from rich.console import Console, RenderableType

from mqctl.cli.failover_progress import Lines, Screen, sparkline
from mqctl.workflows.scenario import Live
from mqctl.workload.tally import Tally


def live(
    scenario: str = "power-off-vip-holder", phase: str = "load", broken: str = "", **fields: float
) -> Live:
    tally = Tally(phase=phase, leader="mq1", holders=("lb1",), confirmed=12345)
    return Live(scenario, tally, fields.get("rate", 200), fields.get("gap", 0.1), broken)


def console(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, color_system=None, record=True)


def drawn(width: int, *looks: Live) -> list[str]:
    screen: list[RenderableType] = []
    terminal = console(width)
    show = Screen(terminal, screen.append)
    for look in looks:
        show(look)
    terminal.print(screen[-1])
    return terminal.export_text().splitlines()


def test_what_is_broken_and_the_longest_gap_are_said() -> None:
    looks = [live(gap=3.7), live(phase="fault", broken="power-off lb1", rate=0)]
    assert drawn(80, *looks) == [
        "power-off-vip-holder  broken: power-off lb1",
        "        0/s  █ ",
        "  12,345 confirmed  gap 0.1 s, longest 3.7 s",
        "  queue leader mq1  VIP lb1",
    ]


def test_waiting_for_the_end_is_no_gap() -> None:
    assert "gap 9.0 s, longest 0.1 s" in drawn(80, live(), live(phase="drain", gap=9.0))[2]


def test_a_finished_scenario_leaves_a_line() -> None:
    lines = drawn(80, live("one", gap=0.4), live("two"))
    assert lines[0] == "one: 12,345 confirmed, longest gap 0.4 s"
    assert lines[1].startswith("two  ")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_every_width_has_four_lines_that_fit(width: int) -> None:
    lines = drawn(width, *[live(phase="fault", broken="cut-from-clients mq1, mq2, mq3") for _ in range(300)])
    assert len(lines) == 4
    assert max(map(len, lines)) <= width


def test_the_sparkline_shows_the_last_values() -> None:
    assert sparkline(deque([9, 0, 50, 100]), 3) == " ▄█"
    assert sparkline(deque([0.0]), 5) == " "
    assert sparkline(deque([1.0]), 0) == ""


def test_logs_have_a_line_for_each_phase() -> None:
    log = console(80)
    show: Callable[[Live], None] = Lines(log, "prod")
    for look in (live(), live(), live(phase="fault", broken="power-off lb1")):
        show(look)
    assert log.export_text().splitlines() == [
        "prod: failover test",
        "power-off-vip-holder  load, nothing broken  200/s  12345 confirmed  gap 0.1 s",
        "power-off-vip-holder  broken: power-off lb1  200/s  12345 confirmed  gap 0.1 s",
    ]
