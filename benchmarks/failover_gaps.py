"""Runs of the failover test in a row on one lab: what clients wait for, and that nothing is ever lost.

    python benchmarks/failover_gaps.py [--runs 20] [--reports DIR]

First the default scenarios and `kill-haproxy`, so many times, on `mirrored-3node` with its default timers;
then the powered-off VIP holder with VRRP 3 and adverts of 0.2 s, half as many times. Prints Markdown; exits 1
when a confirmed message was lost, a scenario did not pass, or a median is above its goal or above 1.2 times
what the timers add up to. The worst stands beside it: a stall of the machine is in it.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from bench import Bench

from mqctl.faults.scenarios import bundled
from mqctl.verdict.bounds import SLACK

SUBNET = "10.93.23.0/24"
GOALS: Mapping[str, float] = {
    "kill-queue-leader": 1.5,
    "kill-haproxy": 2.5,
    "lose-haproxy": 2.5,
    "power-off-vip-holder": 4.5,
    "power-off-vip-holder, VRRP 3, adverts 0.2 s": 1.5,
}
"""Seconds without a confirm, of the client that waited longest."""
OF_BOUND = 1.2
"""What the median may be of the sum of the timers."""


@dataclass
class Seen:
    """What the runs so far came to."""

    gaps: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    bounds: dict[str, float] = field(default_factory=dict)
    confirmed: int = 0
    lost: int = 0
    failed: list[str] = field(default_factory=list)

    def add(self, verdicts: Iterable[Mapping[str, Any]], variant: str = "") -> None:
        """One run's verdicts."""
        for verdict in verdicts:
            name = verdict["scenario"] + variant
            self.confirmed += verdict["messages"]["confirmed"]
            self.lost += verdict["messages"]["lost"]
            self.gaps[name].append(verdict["continuity"]["publish_gap"] or 0)
            for limit in verdict["limits"]:
                if limit["metric"] == "publish_gap":
                    self.bounds[name] = limit["limit"] / SLACK
            if verdict["outcome"] != "pass":
                why = [f"{x['gate']}: {x['got']}" for x in verdict["findings"] if x["outcome"] != "pass"]
                self.failed.append(f"{name}: {'; '.join(why)}")


def main() -> None:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--reports", type=Path)
    wanted = parser.parse_args()
    seen = Seen()
    with tempfile.TemporaryDirectory(prefix="mqctl-benchmark-") as place:
        bench = Bench(Path(place), SUBNET)
        try:
            measure(bench, seen, wanted.runs, wanted.reports or Path(place))
        finally:
            bench.down()
            show(seen)
    sys.exit(0 if met(seen) else 1)


def measure(bench: Bench, seen: Seen, runs: int, reports: Path) -> None:
    """The default timers first, then those of VRRP 3."""
    bench.mqctl("deploy", str(bench.directory))
    default = [scenario.name for scenario in bundled() if scenario.run == "by-default"]
    for number in range(runs):
        seen.add(run(bench, [*default, "kill-haproxy"], reports / f"run-{number + 1}"))
        print(f"run {number + 1}: {seen.confirmed} confirmed, {seen.lost} lost", file=sys.stderr, flush=True)
    variables = {
        "keepalived_vrrp_version": 3,
        "keepalived_auth_pass": None,
        "keepalived_advert_interval": 0.2,
    }
    everywhere = bench.directory / "group_vars" / "all" / "vrrp3.yml"
    everywhere.write_text(yaml.safe_dump(variables))
    bench.mqctl("deploy", str(bench.directory))
    for number in range((runs + 1) // 2):
        found = run(bench, ["power-off-vip-holder"], reports / f"vrrp3-{number + 1}")
        seen.add(found, ", VRRP 3, adverts 0.2 s")


def run(bench: Bench, names: Sequence[str], report: Path) -> list[dict[str, Any]]:
    """The verdicts of one failover test; exit codes 0 and 1 are verdicts, anything else is none."""
    argv = [sys.executable, "-m", "mqctl", "failover-test", str(bench.directory), "--json"]
    argv += ["--report", str(report), *(word for name in names for word in ("-s", name))]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=3600, check=False)
    if done.returncode not in (0, 1):
        sys.exit(f"the failover test ended with {done.returncode}:\n{done.stderr[-3000:]}")
    verdicts: list[dict[str, Any]] = json.loads(done.stdout)["verdicts"]
    return verdicts


def met(seen: Seen) -> bool:
    """Whether nothing was lost, every scenario passed, and every median is within its goal."""
    medians = {name: statistics.median(gaps) for name, gaps in seen.gaps.items()}
    slow = [name for name, goal in GOALS.items() if medians.get(name, float("inf")) > goal]
    slow += [name for name, bound in seen.bounds.items() if medians[name] > OF_BOUND * bound]
    return not (seen.lost or seen.failed or slow)


def show(seen: Seen) -> None:
    """The table, and every scenario that did not pass."""
    print(f"\n{seen.confirmed} confirmed, {seen.lost} lost, {len(seen.failed)} scenarios did not pass\n")
    print("| scenario | goal | bound | median | of the bound | worst | n |\n|---|---|---|---|---|---|---|")
    for name, gaps in seen.gaps.items():
        goal = f"{GOALS[name]:g} s" if name in GOALS else ""
        bound = f"{seen.bounds[name]:.2f} s" if name in seen.bounds else ""
        middle = statistics.median(gaps)
        part = f"{middle / seen.bounds[name]:.2f}" if name in seen.bounds else ""
        print(f"| {name} | {goal} | {bound} | {middle:.2f} s | {part} | {max(gaps):.2f} s | {len(gaps)} |")
    print("".join(f"\n{one}" for one in seen.failed))


if __name__ == "__main__":
    main()
