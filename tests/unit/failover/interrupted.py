"""A failover test without hosts, as a process of its own, that something outside ends.

python -m tests.unit.failover.interrupted DIRECTORY N [IGNORED]: the N-th scenario breaks the file `broken`
until somebody interrupts the test, and heals it when there is a file `go`; a signal may be ignored from the
beginning.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Any

from mqctl import cli
from mqctl.gates.wait import wait
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.stage import Stage
from tests.topologies import mirrored_3node
from tests.unit.failover.histories import clean
from tests.unit.failover.reports import renamed, saved

NAMES = ("kill-mirror", "kill-queue-leader", "kill-keepalived")
PATIENCE = 120.0
"""Seconds for a step on a busy machine."""


class File:
    """Something that can be broken: a file that is there until it is healed."""

    def __init__(self, here: Path) -> None:
        self._here = here

    def inject(self) -> None:
        (self._here / "broken").touch()

    def evidence(self) -> str:
        return "it is there" if (self._here / "broken").exists() else ""

    def heal(self) -> None:
        (self._here / "healing").touch()
        wait((self._here / "go").exists, timeout=PATIENCE)
        (self._here / "broken").unlink()


class Halted(workflow.Run):
    """Finished like a hand-written history, or broken until somebody interrupts it."""

    number = 0

    def play(self) -> Path:
        if len(list(self.path.parent.glob("*.ndjson"))) < self.number:
            saved(self.path, renamed(clean(), scenario=self._scenario.name))
            return self.path
        self._journal.write(*clean()[:5])
        with self._fault(("mq1",)):
            self._for(PATIENCE)
        raise AssertionError("nobody interrupted it")


def main(here: Path, number: int, *ignored: str) -> int:
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ignored:
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    topology = mirrored_3node().model_copy(update={"state_dir": here / "state"})
    made: Any = workflow
    made.load = lambda *_: topology
    made.heal = made.clean = made._require_health = lambda _: ()
    made.Run = Halted
    Halted.number = number
    Stage.faults = lambda *_: {"mq1": File(here)}  # type: ignore[method-assign]
    chosen = [word for name in NAMES for word in ("-s", name)]
    return cli.run(["failover-test", *chosen, "--report", str(here / "report")])


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]))
