"""Deploying `mirrored-3node`: mqctl beside a hand-written shell script and a pyinfra script, in one run.

    python benchmarks/run.py [--rounds 3]

Prints one table of medians and ratios in Markdown. Every cold run starts on five fresh lab hosts with the
packages installed; the rounds are interleaved, so that a noisy machine is noisy for all. pyinfra lives in an
environment of its own (.cache/pyinfra), because it wants an older paramiko.
"""

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
from collections.abc import Callable
from pathlib import Path

import tree

from mqctl import inventory
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.render.bundle import render

HERE = Path(__file__).resolve().parent
SUBNET = "10.93.19.0/24"
PYINFRA = HERE.parent / ".cache" / "pyinfra"
GOALS = {
    "cold deploy / floor": 2.0,
    "second deploy / cold deploy": 0.15,
    "second deploy / pyinfra re-run": 1.0,
}


def main() -> None:
    """Measure, print, and exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="mqctl-benchmark-") as place:
        bench = Bench(Path(place))
        try:
            times = [bench.round() for _ in range(rounds)]
        finally:
            bench.mqctl("lab", "down", str(bench.directory))
        milliseconds = bench.render_milliseconds()
    medians = {name: statistics.median(one[name] for one in times) for name in times[0]}
    sys.exit(0 if show(medians, milliseconds, rounds) else 1)


class Bench:
    """A lab of its own, and the three deployers."""

    def __init__(self, place: Path) -> None:
        self.directory = place / "benchmark"
        self.mqctl("init", "mirrored-3node", str(self.directory), "--lab", SUBNET)
        self.mqctl("lab", "up", str(self.directory))
        self.topology: Topology = inventory.load(self.directory)
        self.bundles = render(self.topology)
        self.tree = place / "tree"
        self.tree.mkdir(mode=0o700)
        tree.write(self.topology, self.bundles, self.tree)
        self.config = place / "ssh_config"
        self.config.write_text("".join(self._host(name, str(at)) for name, at in self.addresses.items()))
        self.pyinfra = pyinfra_environment()

    @property
    def addresses(self) -> dict[str, object]:
        """By host name."""
        return {host.name: host.address for host in self.topology.hosts}

    def _host(self, name: str, address: str) -> str:
        keys = self.topology.state_dir
        return (
            f"Host {name}\n HostName {address}\n User root\n IdentityFile {keys}/id_ed25519\n"
            f" UserKnownHostsFile {keys}/known_hosts\n StrictHostKeyChecking yes\n"
        )

    def mqctl(self, *arguments: str) -> None:
        """Run a command of mqctl; its output only when it fails."""
        self.command([sys.executable, "-m", "mqctl", *arguments])

    def command(self, argv: list[str], **environment: str) -> str:
        """Run a program to its end, bounded in time."""
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=600,
            env={**os.environ, **environment},
            check=False,
            cwd=HERE,
        )
        if done.returncode:
            sys.exit(f"{argv[:3]} exited with {done.returncode}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done.stdout + done.stderr

    def round(self) -> dict[str, float]:
        """One measurement of each; pyinfra is re-run on what mqctl made and it has made its own."""
        self.fresh()
        times = {"floor": seconds(self.floor)}
        self.fresh()
        times["cold deploy"] = seconds(lambda: self.mqctl("deploy", str(self.directory)))
        times["second deploy"] = seconds(lambda: self.mqctl("deploy", str(self.directory)))
        self.run_pyinfra()
        times["pyinfra re-run"] = seconds(self.run_pyinfra)
        print({name: round(value, 1) for name, value in times.items()}, file=sys.stderr, flush=True)
        return times

    def fresh(self) -> None:
        """Five hosts that never saw a broker run."""
        self.mqctl("lab", "down", str(self.directory))
        self.mqctl("lab", "up", str(self.directory))

    def floor(self) -> None:
        """The shell script, until the virtual IP answers AMQP as mqctl's own deploy waits for it."""
        self.command(["sh", str(HERE / "floor.sh"), str(self.tree), str(self.config)])
        wait(lambda: answers(str(self.topology.virtual_address)), timeout=60, interval=0.1)

    def run_pyinfra(self) -> None:
        """The pyinfra script over the same SSH."""
        hosts = ",".join(self.addresses)
        argv = [str(self.pyinfra), "-y", "--data", f"ssh_config_file={self.config}", hosts]
        self.command([*argv, str(HERE / "pyinfra_deploy" / "deploy.py")], BENCHMARK_TREE=str(self.tree))

    def render_milliseconds(self) -> float:
        """All five bundles inside the process, median of 20 after the first."""
        render(self.topology)
        return statistics.median(seconds(lambda: render(self.topology)) for _ in range(20)) * 1000


def pyinfra_environment() -> Path:
    """pyinfra's program, its environment made when it is missing."""
    program = PYINFRA / "bin" / "pyinfra"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYINFRA)], check=True)
        subprocess.run([str(PYINFRA / "bin" / "pip"), "install", "--quiet", "pyinfra>=3.10,<4"], check=True)
    return program


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


def show(medians: dict[str, float], milliseconds: float, rounds: int) -> bool:
    """Print the table; whether every goal is met."""
    ratios = {name: medians[name.split(" / ")[0]] / medians[name.split(" / ")[1]] for name in GOALS}
    print(f"\n{os.cpu_count()} cores, {platform.system()} {platform.machine()}, medians of {rounds} rounds\n")
    print("| what | seconds |\n|---|---|")
    print("".join(f"| {name} | {value:.1f} |\n" for name, value in medians.items()))
    print("| ratio | measured | goal |\n|---|---|---|")
    print(
        "".join(f"| {name} | {ratio:.2f} | at most {GOALS[name]} |\n" for name, ratio in ratios.items()),
        end="",
    )
    print(f"| render of 5 hosts | {milliseconds:.1f} ms | at most 100 ms |")
    return milliseconds <= 100 and all(ratio <= GOALS[name] for name, ratio in ratios.items())


if __name__ == "__main__":
    main()
