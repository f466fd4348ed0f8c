"""The only polling loop: asks at least once, keeps its deadline, hides no error."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.errors import MqctlError
from mqctl.gates.wait import DeadlineError, wait


class Clock:
    """Time passes only while sleeping."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.slept.append(seconds)
        self.now += seconds


def true_at(moment: float, clock: Clock) -> Callable[[], bool]:
    return lambda: clock.now >= moment


def test_true_at_once_sleeps_not_at_all() -> None:
    clock = Clock()
    wait(lambda: True, timeout=0, clock=clock, sleep=clock.sleep)
    assert clock.slept == []


def test_it_says_what_it_waited_for_and_how_long() -> None:
    clock = Clock()
    with pytest.raises(DeadlineError) as caught:
        wait(lambda: False, timeout=1.5, what="sshd of mq1", clock=clock, sleep=clock.sleep)
    assert caught.value.message == "sshd of mq1: not within 1.5 s"
    assert isinstance(caught.value, MqctlError)


def test_an_error_of_the_check_goes_through_at_once() -> None:
    clock = Clock()

    def check() -> bool:
        raise MqctlError("gone")

    with pytest.raises(MqctlError, match="gone"):
        wait(check, timeout=60, clock=clock, sleep=clock.sleep)
    assert clock.slept == []


@given(moment=st.floats(0, 50), timeout=st.floats(0, 50), interval=st.floats(0.01, 10))
def test_exactly_what_comes_true_in_time_is_seen(moment: float, timeout: float, interval: float) -> None:
    clock = Clock()
    start = clock.now
    check = true_at(start + moment, clock)
    if start + moment <= start + timeout:
        wait(check, timeout=timeout, interval=interval, clock=clock, sleep=clock.sleep)
    else:
        with pytest.raises(DeadlineError):
            wait(check, timeout=timeout, interval=interval, clock=clock, sleep=clock.sleep)
    assert clock.now - start <= timeout + 1e-6
