"""What the looks at brokers while a deploy is killed must find out, from looks by hand."""

from __future__ import annotations

from collections import Counter

from tests.lab.kills import BLOWS, Case
from tests.lab.membership import NOTICE, SETTLED, Look, clusters, majorities, read

NAMES = ("mq1", "mq2", "mq3")
ALL = frozenset(f"rabbit@{name}" for name in NAMES)


def look(at: float, host: str, members: frozenset[str] = ALL, up: bool = True, left: float = 0) -> Look:
    return Look(at, host, True, members, up, left)


def of(host: str) -> frozenset[str]:
    return frozenset({f"rabbit@{host}"})


def test_what_a_broker_says() -> None:
    said = (
        "{[rabbit@mq1,rabbit@mq2],[rabbit@mq1]}\nActiveState=active\nActiveExitTimestampMonotonic=2500000\n"
    )
    assert read(7, "mq1", said) == look(7, "mq1", ALL - of("mq3"), left=2.5)
    blank = read(7, "mq1", "\nActiveState=inactive\nActiveExitTimestampMonotonic=0\n")
    assert blank == look(7, "mq1", frozenset(), up=False)


def test_two_clusters() -> None:
    """A broker that joins says its own name first; one that still does so later has founded a cluster."""
    joining = [look(0, "mq1"), look(0, "mq2", of("mq2")), look(2, "mq2"), look(SETTLED + 3, "mq2")]
    assert list(clusters([*joining, look(SETTLED + 3, "mq1")])) == []
    founded = [look(at, host, of(host)) for at in (0, SETTLED + 1) for host in ("mq1", "mq2")]
    assert list(clusters(founded)) == ["two clusters: mq2 says ['rabbit@mq2'], mq1 ['rabbit@mq1']"]


def history(down: float, stopped: float) -> list[Look]:
    """All ran; mq2 went down at one time, and mq3 began to stop at another."""
    looks = [look(at / 2, host) for at in range(40) for host in NAMES if host == "mq1" or at / 2 < down]
    after = [look(at / 2, "mq2", up=False) for at in range(40) if at / 2 >= down]
    return [one for one in looks if one.host != "mq3" or one.at < stopped] + [
        *after,
        look(stopped + 0.5, "mq3", up=False, left=stopped),
    ]


def test_a_broker_stopped_beside_one_that_is_down() -> None:
    assert list(majorities(history(3, 12), NAMES, "")) == ["mq3 was stopped while mq2 did not run"]
    assert list(majorities(history(3, 12), NAMES, "mq3")) == []
    assert list(majorities(history(19, 12), NAMES, "")) == []
    assert list(majorities(history(12 - NOTICE / 2, 12), NAMES, "")) == []


def test_a_broker_that_never_ran_is_not_waited_for() -> None:
    looks = [one for one in history(0, 12) if one.host != "mq2" or not one.up]
    assert list(majorities(looks, NAMES, "")) == []


def test_fifty_seeds_have_every_blow_in_both_kinds() -> None:
    cases = [Case.of(seed) for seed in range(1, 51)]
    assert Counter((case.first, case.blow) for case in cases) == {
        (first, blow): 5 for first in (True, False) for blow in BLOWS
    }
    assert cases[6] == Case.of(7)
    assert len({case.at for case in cases}) == 50
