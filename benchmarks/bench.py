"""What the benchmarks share: a lab with its inventory, programs run beside mqctl, medians, tables."""

from __future__ import annotations

import argparse
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import tree

from mqctl import inventory
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.render.bundle import render

HERE = Path(__file__).resolve().parent
Times = Mapping[str, float]


class Bench:
    """`mirrored-3node` as a lab of its own, its hosts up; its rendered files for those without mqctl."""

    def __init__(self, place: Path, subnet: str) -> None:
        self.place = place
        self.directory = place / "benchmark"
        self.mqctl("init", "mirrored-3node", str(self.directory), "--lab", subnet)
        self.mqctl("lab", "up", str(self.directory))
        self.topology: Topology = inventory.load(self.directory)
        self.tree = place / "tree"
        self.tree.mkdir(mode=0o700)
        tree.write(self.topology, render(self.topology), self.tree)
        self.config = place / "ssh_config"
        self.config.write_text("".join(self._host(name) for name in self.addresses))

    @property
    def addresses(self) -> dict[str, str]:
        """By host name."""
        return {host.name: str(host.address) for host in self.topology.hosts}

    def _host(self, name: str) -> str:
        keys = self.topology.state_dir
        return (
            f"Host {name}\n HostName {self.addresses[name]}\n User root\n IdentityFile {keys}/id_ed25519\n"
            f" UserKnownHostsFile {keys}/known_hosts\n StrictHostKeyChecking yes\n"
        )

    def mqctl(self, *arguments: str) -> None:
        """Run a command of mqctl; its output only when it fails."""
        command([sys.executable, "-m", "mqctl", *arguments])

    def ssh(self, host: str, line: str) -> str:
        """A shell's line on one host."""
        return command(["ssh", "-F", str(self.config), host, line])

    def everywhere(self, hosts: Iterable[str], line: str) -> None:
        """The same on several hosts at once."""
        running = [subprocess.Popen(["ssh", "-F", str(self.config), host, line]) for host in hosts]
        ended = [child.wait(60) for child in running]
        if any(ended):
            sys.exit(f"{line} failed")

    def edit(self, file: str, before: str, after: str) -> None:
        """Change a file of the inventory's group_vars."""
        path = self.directory / "group_vars" / file
        text = path.read_text()
        if before not in text:
            sys.exit(f"{path} has no {before}")
        path.write_text(text.replace(before, after))

    def fresh(self) -> None:
        """Five hosts that never saw a broker run."""
        self.down()
        self.mqctl("lab", "up", str(self.directory))

    def down(self) -> None:
        """Remove the hosts."""
        self.mqctl("lab", "down", str(self.directory))

    def wait_for_entrance(self) -> None:
        """Until the virtual IP answers AMQP, as mqctl's own deploy waits for it."""
        wait(lambda: answers(str(self.topology.virtual_address)), timeout=60, interval=0.1)


def command(argv: Sequence[str], **environment: str) -> str:
    """Run a program to its end, bounded in time; its output."""
    done = subprocess.run(
        argv,
        capture_output=True,
        text=True,
        timeout=900,
        env={**os.environ, **environment},
        check=False,
        cwd=HERE,
    )
    if done.returncode:
        sys.exit(f"{argv[:4]} exited with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout + done.stderr


def answers(address: str) -> bool:
    """Whether AMQP is spoken on the virtual IP."""
    try:
        with socket.create_connection((address, 5672), timeout=1) as client:
            client.sendall(b"AMQP\x00\x00\x09\x01")
            return client.recv(1) == b"\x01"
    except OSError:
        return False


def seconds(action: Callable[[], object]) -> float:
    """Wall-clock seconds of a call."""
    start = time.monotonic()
    action()
    return time.monotonic() - start


def medians(rounds: Sequence[Times]) -> dict[str, float]:
    """Of each measurement over the rounds."""
    return {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}


@dataclass(frozen=True)
class Row:
    """A figure beside its goal: `measured` must be at most that, in `unit`."""

    name: str
    measured: float
    goal: float
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.measured <= self.goal

    def __str__(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"| {self.name} | {self.measured:.2f}{unit} | at most {self.goal:g}{unit} |"


def show(times: Times, rows: Sequence[Row], rounds: int) -> bool:
    """Print the tables; whether every goal is met."""
    print(f"\n{os.cpu_count()} cores, {platform.system()} {platform.machine()}, medians of {rounds} rounds\n")
    print("| what | seconds |\n|---|---|")
    print("".join(f"| {name} | {value:.2f} |\n" for name, value in times.items()))
    print("| beside | measured | goal |\n|---|---|---|")
    print("\n".join(map(str, rows)))
    return all(row.met for row in rows)


def on_a_lab(
    about: str,
    subnet: str,
    rounds: int,
    measure: Callable[[Bench, int], Sequence[Times]],
    judge: Callable[[Times], Sequence[Row]],
) -> None:
    """A whole program: so many rounds, unless --rounds says otherwise, on a lab of its own; their medians.

    Exits 1 when a goal is missed.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--rounds", type=int, default=rounds)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="mqctl-benchmark-") as place:
        bench = Bench(Path(place), subnet)
        try:
            times = medians(measure(bench, rounds))
        finally:
            bench.down()
    sys.exit(0 if show(times, judge(times), rounds) else 1)
