"""The lock of several hosts, each of them a process of this machine with a lock file of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mqctl.gates.wait import wait
from mqctl.lock import HostLock, LockedError, hosts
from mqctl.model.claim import Claim
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts, SshError
from tests import topologies

NAMES = ("mq1", "mq2", "mq3", "lb1", "lb2")


class Held:
    """What `Session.hold` gives, of a process on this machine."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self.process = process
        self.said = process.stdout.readline().rstrip("\n")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def beat(self) -> None:
        """Nobody is in doubt here."""

    def release(self, timeout: float = 10) -> None:
        self.process.communicate(timeout=timeout)


class Site:
    """Five hosts; `asked` says in which order they were."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.asked: list[str] = []
        self.silent: set[str] = set()
        self.held: list[Held] = []

    def hold(self, host: str, script: str, line: str, timeout: float) -> Held:
        self.asked.append(host)
        if host in self.silent:
            raise SshError(host, "timeout", "no answer")
        asked = {**json.loads(line), "lock": str(self.directory / host), "busy": str(self.directory / "busy")}
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdin
        process.stdin.write(json.dumps(asked) + "\n")
        process.stdin.flush()
        held = Held(process)
        self.held.append(held)
        return held

    def holder(self, host: str) -> Claim:
        return Claim.model_validate_json((self.directory / host).read_text())


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    made = Site(tmp_path)
    monkeypatch.setattr(Hosts, "hold", lambda pool, *arguments: made.hold(*arguments))
    yield made
    for held in made.held:
        held.process.kill()
        held.process.communicate()


@pytest.fixture
def topology() -> Topology:
    return topologies.mirrored_3node()


def claim(what: str, **more: Any) -> Claim:
    fields = {
        "who": "ops@build1",
        "pid": 7,
        "directory": "/srv/prod",
        "since": datetime(2026, 12, 1, tzinfo=UTC),
    }
    return Claim.model_validate({"what": what, "token": what, **fields, **more})


def lock_of(topology: Topology, what: str) -> HostLock:
    """By connections of its own, as from another process."""
    return HostLock(topology, claim(what), Hosts.of(topology))


def test_one_of_two_gets_every_host_and_the_other_none(site: Site, topology: Topology) -> None:
    with lock_of(topology, "deploy") as lock:
        found, silent = lock.take(NAMES)
        assert found == dict.fromkeys(NAMES, "")
        assert not silent
        assert sorted(lock.hosts) == sorted(NAMES)
        with lock_of(topology, "heal") as other, pytest.raises(LockedError) as caught:
            other.take(NAMES)
        assert caught.value.message == (
            "something else is changing these hosts: mqctl deploy by ops@build1, process 7, from /srv/prod, "
            "since 2026-12-01T00:00:00+00:00 (its lock is on mq1)"
        )
        assert caught.value.hint == (
            "wait until it has ended: the lock goes with its process, and at most 90 s after a connection "
            "that was cut"
        )
        assert caught.value.exit_code == 4
    with lock_of(topology, "heal") as other:
        other.take(NAMES)
        assert site.holder("lb2").what == "heal"
    assert site.holder("lb2").ended


def test_the_connections_are_left_to_whoever_opened_them(
    site: Site, topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[Hosts] = []
    monkeypatch.setattr(Hosts, "close", lambda pool: closed.append(pool))
    with Hosts.of(topology) as pool:
        with HostLock(topology, claim("deploy"), pool) as lock:
            lock.take(NAMES)
        assert closed == []
    assert closed == [pool]


def test_the_lowest_address_is_asked_first_and_alone(site: Site, topology: Topology) -> None:
    with lock_of(topology, "deploy") as lock:
        lock.take(reversed(NAMES))
        assert site.asked[0] == "mq1"
        with lock_of(topology, "heal") as other, pytest.raises(LockedError):
            other.take(NAMES)
        assert site.asked[len(NAMES) :] == ["mq1"]


def test_what_was_taken_before_a_refusal_is_given_back(site: Site, topology: Topology) -> None:
    with lock_of(topology, "deploy") as lock:
        lock.take(["lb1", "lb2"])
        with lock_of(topology, "heal") as other, pytest.raises(LockedError, match=r"lb1, lb2\)"):
            other.take(NAMES)
        with lock_of(topology, "queues sync") as third:
            assert set(third.take(["mq1", "mq2"])[0]) == {"mq1", "mq2"}


def test_silent_hosts_are_told_and_keep_nothing_from_being_locked(site: Site, topology: Topology) -> None:
    site.silent = {"mq1", "mq3"}
    with lock_of(topology, "deploy") as lock:
        found, silent = lock.take(NAMES)
        assert set(silent) == site.silent
        assert set(found) == set(NAMES) - site.silent


def test_a_broken_connection_is_mended_unless_another_was_faster(site: Site, topology: Topology) -> None:
    with lock_of(topology, "deploy") as lock:
        lock.take(["mq1", "mq2"])
        site.held[0].process.kill()
        site.held[0].process.wait(10)
        assert lock.hosts == ("mq2",)
        lock.require()
        assert lock.hosts == ("mq1", "mq2")
        site.held[-1].process.kill()
        site.held[-1].process.wait(10)
        with lock_of(topology, "heal") as other:
            other.take(["mq1"])
            with pytest.raises(LockedError, match=r"mqctl heal by .* \(its lock is on mq1\)"):
                lock.require()


def test_a_host_that_came_back_is_locked_again_by_itself(
    site: Site, topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "BEAT", 0.1)
    with lock_of(topology, "failover-test") as lock:
        lock.take(["mq1", "mq2"])
        site.silent = {"mq2"}
        os.kill(site.held[1].process.pid, 9)
        wait(lambda: site.asked.count("mq2") > 2, timeout=10, interval=0.05)
        assert lock.hosts == ("mq1",)
        lock.require()
        site.silent = set()
        wait(lambda: set(lock.hosts) == {"mq1", "mq2"}, timeout=10, interval=0.05)


def test_its_own_claim_on_a_host_that_did_not_notice_is_nobody_elses(site: Site, topology: Topology) -> None:
    with lock_of(topology, "deploy") as ghost:
        ghost.take(["mq1"])
        with lock_of(topology, "deploy") as lock:
            _, silent = lock.take(["mq1", "mq2"])
            assert silent["mq1"].reason == "the lock's connection broke, and the host has not noticed it yet"


def test_a_task_of_a_run_that_was_killed(site: Site, topology: Topology) -> None:
    with (site.directory / "busy").open("w") as busy:
        fcntl.flock(busy, fcntl.LOCK_SH)
        with lock_of(topology, "deploy") as lock, pytest.raises(LockedError) as caught:
            lock.take(["mq1"])
    assert caught.value.message == (
        "something else is changing these hosts: a task of a run that was cut off (its lock is on mq1)"
    )


def test_a_host_that_answers_nonsense(
    site: Site, topology: Topology, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "_SCRIPT", "print('Welcome to mq1')")
    with lock_of(topology, "deploy") as lock:
        found, silent = lock.take(["mq1"])
    assert not found
    assert silent["mq1"].reason == "the lock cannot be taken: Welcome to mq1"
