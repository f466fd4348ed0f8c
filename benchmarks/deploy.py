"""Deploying `mirrored-3node`: mqctl beside a shell script, a pyinfra script and conventional roles.

    python benchmarks/deploy.py [--rounds 3]

Prints medians and ratios in Markdown, exits 1 when a goal is missed. Every cold run starts on five fresh lab
hosts with the packages installed; the rounds are interleaved, so that a noisy machine is noisy for all.
pyinfra lives in an environment of its own (.cache/pyinfra), because it wants an older paramiko.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import conventional
from bench import HERE, Bench, Row, Times, command, on_a_lab, seconds

SUBNET = "10.93.19.0/24"
PYINFRA = HERE.parent / ".cache" / "pyinfra"


def main() -> None:
    """Measure and print."""
    on_a_lab(str(__doc__), SUBNET, 3, measure, ratios)


def measure(bench: Bench, rounds: int) -> list[Times]:
    """Each round beside the same program of pyinfra."""
    pyinfra = pyinfra_environment()
    return [round_(bench, pyinfra) for _ in range(rounds)]


def ratios(times: Times) -> list[Row]:
    """The goals."""
    goals = {
        ("cold deploy", "floor"): 1.3,
        ("cold deploy", "pyinfra cold"): 1.0,
        ("second deploy", "pyinfra re-run"): 0.5,
        ("second deploy", "conventional re-run"): 0.1,
    }
    return [Row(f"{a} / {b}", times[a] / times[b], goal) for (a, b), goal in goals.items()]


def round_(bench: Bench, pyinfra: Path) -> Times:
    """One measurement of each; the re-runs of the others are on what they placed themselves."""
    bench.fresh()
    times = {"floor": seconds(lambda: floor(bench))}
    bench.fresh()
    times["pyinfra cold"] = seconds(lambda: run_pyinfra(bench, pyinfra))
    times["pyinfra re-run"] = seconds(lambda: run_pyinfra(bench, pyinfra))
    bench.fresh()
    times["cold deploy"] = seconds(lambda: bench.mqctl("deploy", str(bench.directory)))
    times["second deploy"] = seconds(lambda: bench.mqctl("deploy", str(bench.directory)))
    conventional.run(bench)
    times["conventional re-run"] = seconds(lambda: conventional.run(bench))
    print({name: round(value, 1) for name, value in times.items()}, file=sys.stderr, flush=True)
    return times


def floor(bench: Bench) -> None:
    """The shell script, until the virtual IP answers."""
    command(["sh", str(HERE / "floor.sh"), str(bench.tree), str(bench.config)])
    bench.wait_for_entrance()


def run_pyinfra(bench: Bench, program: Path) -> None:
    """The pyinfra script over the same SSH, until the virtual IP answers."""
    argv = [str(program), "-y", "--data", f"ssh_config_file={bench.config}", ",".join(bench.addresses)]
    command([*argv, str(HERE / "pyinfra_deploy" / "deploy.py")], BENCHMARK_TREE=str(bench.tree))
    bench.wait_for_entrance()


def pyinfra_environment() -> Path:
    """pyinfra's program, its environment made when it is missing."""
    program = PYINFRA / "bin" / "pyinfra"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PYINFRA)], check=True)
        subprocess.run([str(PYINFRA / "bin" / "pip"), "install", "--quiet", "pyinfra>=3.10,<4"], check=True)
    return program


if __name__ == "__main__":
    main()
