"""The nightly run, `python -m tests.fuzz --cases 20000`: what became of them; exits 1 if one fails."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from . import corpus
from .cases import case
from .judge import Failure, judge

_BATCH = 50


def batch(name: str, first: int, count: int) -> tuple[Counter[str], list[Failure]]:
    """The outcomes of some seeds of one inventory."""
    outcomes: Counter[str] = Counter()
    failures: list[Failure] = []
    for seed in range(first, first + count):
        try:
            outcomes[judge(case(name, seed))] += 1
        except Exception:
            outcomes["BROKEN"] += 1
            failures.append(Failure(name, seed, traceback.format_exc()))
    return outcomes, failures


def main() -> int:
    """Runs them on every core."""
    wanted = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    wanted.add_argument("--cases", type=int, default=20_000)
    wanted.add_argument("--first", type=int, default=0, help="the first seed of each inventory")
    wanted.add_argument("--only", metavar="NAME:SEED", help="one case, with its traceback")
    asked = wanted.parse_args()
    if asked.only:
        name, _, seed = asked.only.partition(":")
        print(judge(case(name, int(seed))))
        return 0
    each = -(-asked.cases // len(corpus.NAMES))
    batches = [
        (name, asked.first + start, min(_BATCH, each - start))
        for start in range(0, each, _BATCH)
        for name in corpus.NAMES
    ]
    outcomes: Counter[str] = Counter()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found, failures in pool.map(batch, *zip(*batches, strict=True)):
            outcomes += found
            for failure in failures:
                print(f"{failure.name}:{failure.seed}\n{failure.why}", file=sys.stderr)
    counts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(outcomes.items()))
    print(f"{outcomes.total()} inventories: {counts}")
    return 1 if outcomes["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main())
