"""Asking the hosts: one script each, nothing else, and silence is an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from ipaddress import IPv4Network

import pytest

from mqctl.model.lab import LabSpec
from mqctl.probe.run import probe, silent
from mqctl.render.bundle import render
from mqctl.ssh import Kind, SshError
from mqctl.ssh.session import Output
from tests.topologies import mirrored_3node
from tests.unit.probe.recorded import answer, printed

TOPOLOGY = mirrored_3node()


class Pool:
    """Stands for the hosts: knows scripts only, and counts them."""

    def __init__(self, silent: str) -> None:
        self.silent = silent
        self.scripts: list[str] = []

    def each(self, hosts: Iterable[str], ask: Callable[[str], object]) -> dict[str, object]:
        return {host: self._one(host, ask) for host in hosts}

    def _one(self, host: str, ask: Callable[[str], object]) -> object:
        try:
            return ask(host)
        except SshError as error:
            return error

    def python(self, host: str, script: str, timeout: float) -> Output:
        self.scripts.append(host)
        assert timeout > 0
        if host == self.silent:
            raise SshError(host, "refused", "it refused", "look there")
        return Output(0, printed(answer("standby")), "")


@pytest.mark.parametrize("hosts", [None, ("mq2",), ("lb1", "mq3")])
def test_one_round_trip_per_host_that_is_asked(hosts: tuple[str, ...] | None) -> None:
    pool = Pool("mq2")
    status = probe(TOPOLOGY, render(TOPOLOGY), hosts, pool)  # type: ignore[arg-type]
    assert sorted(pool.scripts) == sorted(hosts or [host.name for host in TOPOLOGY.hosts])
    for said in status.hosts:
        told = ("it refused", "look there") if said.host == "mq2" else (None, "")
        assert (said.error, said.hint) == told


@pytest.mark.parametrize(
    ("kind", "hint"),
    [
        ("key", "is the lab up? mqctl lab up /inventories/mirrored-3node"),
        ("no route", "is the lab up? mqctl lab up /inventories/mirrored-3node"),
        ("timeout", "is the lab up? mqctl lab up /inventories/mirrored-3node"),
        ("authentication", "look there"),
    ],
)
def test_a_silent_host_of_a_lab_may_want_its_lab(kind: Kind, hint: str) -> None:
    error = SshError("mq1", kind, "it did not answer", "look there")
    spec = LabSpec(
        name="lab",
        image="bookworm",
        subnet=IPv4Network("10.93.17.0/24"),
        hosts=(),
        state_dir=TOPOLOGY.state_dir,
    )
    assert silent(error, TOPOLOGY.model_copy(update={"lab": spec})).hint == hint
    assert silent(error, TOPOLOGY).hint == "look there"
