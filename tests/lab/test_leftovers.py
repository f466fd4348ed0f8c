"""A killed test run: the next one gets other networks, and removes exactly what the dead one left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
from docker.types.networks import IPAMConfig, IPAMPool

from mqctl import lab
from mqctl.gates.wait import wait
from mqctl.lab import engine
from tests.lab import subnets
from tests.lab.leftovers import (
    LABEL,
    abandoned,
    is_alive,
    is_alive_elsewhere,
    own_name,
    remove,
    remove_abandoned,
)

pytestmark = pytest.mark.lab

TAKE = "from tests.lab import subnets\nprint(subnets.take(), flush=True)\ninput()\n"
LAB = """
import sys
from pathlib import Path
from tests.lab.conftest import own_lab
with own_lab("victim", Path(sys.argv[1]), {"mq1": 11}) as spec:
    print(spec.name, flush=True)
    input()
"""


@pytest.fixture(scope="module")
def docker() -> Iterator[Any]:
    with closing(lab.connect()) as client:
        yield client


@contextmanager
def process(script: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Another test process, which lives until its input ends or it is killed."""
    argv = [sys.executable, "-c", script, *arguments]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        yield child
        if child.poll() is None:
            child.communicate("\n", timeout=60)


def said(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


def make_network(docker: Any, subnet: IPv4Network, label: str, name: str) -> Any:
    pool = IPAMConfig(pool_configs=[IPAMPool(subnet=str(subnet))])
    return docker.networks.create(f"mqctl-{name}", driver="bridge", ipam=pool, labels={label: name})


def networks(docker: Any) -> set[str]:
    return {network.name for network in docker.networks.list()}


def until_removed(docker: Any, name: str) -> None:
    """Also when a test run that starts now has the turn, or was faster."""

    def removed() -> bool:
        remove_abandoned(is_alive)
        return f"mqctl-{name}" not in networks(docker)

    wait(removed, timeout=60, what=f"the removal of {name}")


class Network:
    """As the Docker SDK gives it."""

    def __init__(self, *taken: str) -> None:
        self.attrs = {"IPAM": {"Config": [{"Subnet": subnet} for subnet in taken]}}


@pytest.mark.parametrize(
    ("taken", "free"),
    [
        ((), True),
        (("10.93.129.0/24", "172.17.0.0/16"), True),
        (("fd00::/64",), True),
        (("10.93.128.0/24",), False),
        (("172.17.0.0/16", "10.93.128.128/25"), False),
        (("10.0.0.0/8",), False),
    ],
)
def test_a_network_is_free_when_no_other_has_an_address_of_it(taken: tuple[str, ...], free: bool) -> None:
    assert subnets.is_free(IPv4Network("10.93.128.0/24"), [Network(), Network(*taken)]) is free


def test_processes_at_the_same_time_take_different_networks() -> None:
    with process(TAKE) as one, process(TAKE) as other, process(TAKE) as third:
        taken = [said(one), said(other), said(third), str(subnets.take()), str(subnets.take())]
    assert len(set(taken)) == 5
    assert all(IPv4Network(subnet).subnet_of(subnets.POOL) for subnet in taken)


def test_a_killed_process_keeps_nothing() -> None:
    with process(TAKE) as child:
        subnet = said(child)
        assert subnets.reserve(subnet) is None
        child.kill()
        child.wait(30)
        reservation = subnets.reserve(subnet)
    assert reservation is not None
    reservation.close()


def test_a_network_that_was_left_behind_is_not_taken(docker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    subnet, name = subnets.take(), own_name("left")
    monkeypatch.setattr(subnets, "POOL", subnet)
    make_network(docker, subnet, LABEL, name)
    try:
        # from here on nothing but the network itself stands in the way
        os.close(subnets._held.pop())
        with pytest.raises(LookupError) as refused:
            subnets.take()
    finally:
        remove(docker, LABEL, name)
    assert str(refused.value) == (
        f"no /24 of {subnet} is free: `mqctl lab list` and `docker network ls` say who has them"
    )
    assert subnets.take() == subnet


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("mqctl-tests-24230", True),
        ("mqctl-tests-24230-deployed", True),
        ("mqctl-tests-77-deployed", False),
        ("soak3", False),
        ("mirrored-3node", False),
        ("mqctl-tests", False),
        ("mqctl-tests-", False),
        ("mqctl-tests-deployed", False),
        ("mqctl-tests-24230deployed", False),
        ("my-mqctl-tests-24230", False),
        ("mqctl-tests-24230-deployed\n", False),
    ],
)
def test_only_a_dead_processs_name_is_abandoned(name: str, gone: bool) -> None:
    assert abandoned([name], lambda process: process == 77) == ([name] if gone else [])


def test_who_is_alive() -> None:
    with process("input()") as child:
        assert is_alive(child.pid)
        assert is_alive_elsewhere(child.pid)
        child.send_signal(signal.SIGKILL)
        child.wait(30)
        assert not is_alive(child.pid)
    assert is_alive(os.getpid())
    assert not is_alive_elsewhere(os.getpid())


def test_the_lab_of_a_killed_run_is_removed_and_that_of_a_living_one_stays(
    docker: Any, tmp_path: Path
) -> None:
    with process(LAB, str(tmp_path)) as run:
        name = said(run)
        assert name == f"mqctl-tests-{run.pid}-victim"
        assert name not in remove_abandoned(is_alive)
        host = docker.containers.get(f"mqctl-{name}-mq1")
        assert host.status == "running"
        run.kill()
        run.wait(30)
        assert name in {state.name for state in lab.list_labs()}
        until_removed(docker, name)
    assert name not in {state.name for state in lab.list_labs()}


@pytest.mark.parametrize("label", [LABEL, engine.LAB])
def test_what_is_not_a_dead_runs_stays(docker: Any, label: str) -> None:
    """A lab of somebody's, one of this run, and a dead run's, side by side."""
    with process("input()") as child:
        child.communicate("\n", timeout=60)
    dead, mine, other = f"mqctl-tests-{child.pid}-x", own_name("x"), f"somebodys-{os.getpid()}"
    try:
        for name in (dead, mine, other):
            make_network(docker, subnets.take(), label, name)
        until_removed(docker, dead)
        assert {f"mqctl-{mine}", f"mqctl-{other}"} <= networks(docker)
    finally:
        for name in (dead, mine, other):
            remove(docker, label, name)


def test_one_clean_up_at_a_time(docker: Any) -> None:
    with process("input()") as child:
        child.communicate("\n", timeout=60)
    dead = f"mqctl-tests-{child.pid}-y"
    turns: list[socket.socket] = []

    def my_turn() -> bool:
        turns.extend(filter(None, [subnets.reserve("clean-up")]))
        return bool(turns)

    wait(my_turn, timeout=60, what="the turn to clean up")
    try:
        with turns[0]:
            make_network(docker, subnets.take(), LABEL, dead)
            assert remove_abandoned(is_alive) == []
            assert f"mqctl-{dead}" in networks(docker)
        until_removed(docker, dead)
    finally:
        remove(docker, LABEL, dead)
