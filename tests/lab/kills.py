"""Deploys that are killed, where and when by a seed; then repeated, and judged by what was seen meanwhile.

`python -m tests.lab.kills --seeds 1-50` plays seeds one after the other and prints a line of JSON for each.
An odd seed is a first deploy on blank hosts; an even one changes a setting for which every broker restarts,
while clients publish and consume.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal, get_args

from mqctl import lab
from mqctl.errors import ExitCode, MqctlError
from mqctl.faults import packets
from mqctl.faults.base import COMMAND
from mqctl.faults.packets import Rule
from mqctl.faults.scenarios import Choice, listed
from mqctl.faults.targets import Rounds
from mqctl.gates.wait import wait
from mqctl.inventory import ensure
from mqctl.model import history
from mqctl.model.topology import Topology
from mqctl.model.verdict import MessageCounts
from mqctl.model.workload import WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.verdict import messages
from mqctl.workflows.reach import LabNetwork
from mqctl.workflows.scenario import Run
from mqctl.workflows.stage import Stage
from mqctl.workload import journal
from tests.lab import subnets
from tests.lab.failover import quiet
from tests.lab.leftovers import own_name
from tests.lab.membership import Sampler

Blow = Literal["kill mqctl", "end mqctl", "kill ansible", "cut a host", "power off a host"]
BLOWS: tuple[Blow, ...] = get_args(Blow)
HOSTS = ("mq1", "mq2", "mq3", "lb1", "lb2")
FIRST, CHANGE = 40.0, 60.0
"""Seconds that the two kinds of deploys take here; a blow that comes when it is over counts as missed."""
_DEPLOY = 900.0
_AGAIN = 300.0
"""Seconds for the next deploy to be let in: 90 for a lock whose connection was cut, the rest for modules."""
_BUSY = ("something else is changing these hosts", "a task of a run that was cut off")
_SETTINGS = WorkloadSettings(duration=1, rate=100)


@dataclass(frozen=True)
class Case:
    """What a seed means."""

    seed: int
    first: bool
    blow: Blow
    at: float
    """The part of an ordinary deploy's time after which it comes."""
    host: str
    held: float
    """Seconds until a host is back."""

    @classmethod
    def of(cls, seed: int) -> Case:
        """The same on every machine; the blows in turn: fifty seeds have five of each in both kinds."""
        rng = Random(f"kills:{seed}")
        first = seed % 2 == 1
        blow = BLOWS[(seed - 1) // 2 % len(BLOWS)]
        host = rng.choice(HOSTS)
        return cls(seed, first, blow, rng.uniform(0.05, 0.9), host, rng.uniform(5, 40))

    @property
    def seconds(self) -> float:
        """When it comes."""
        return self.at * (FIRST if self.first else CHANGE)


@dataclass
class Told:
    """What became of it."""

    case: Case
    hit: bool = False
    exit_code: int | None = None
    """Of the deploy that was hit."""
    tries: int = 0
    """Deploys until one was let in and finished."""
    again: float = 0.0
    """Seconds that the one took that did what was left."""
    looks: int = 0
    stops: int = 0
    """Of brokers, by their unit."""
    counts: MessageCounts | None = None
    problems: list[str] = field(default_factory=list)

    def line(self) -> str:
        """One line of JSON."""
        counts = self.counts.model_dump(include={"confirmed", "lost", "missing"}) if self.counts else None
        return json.dumps({**asdict(replace(self, counts=None)), "counts": counts})


class Site:
    """An inventory of one's own, and what is done to its hosts."""

    def __init__(self, inventory: Path) -> None:
        self.inventory = inventory
        self.topology: Topology = ensure(inventory)
        assert self.topology.lab
        self.lab = self.topology.lab.name
        self.number = 2000

    def blank(self) -> None:
        """No hosts: the next deploy makes new ones."""
        lab.down(self.lab)

    def change(self) -> None:
        """A setting for which every broker restarts."""
        self.number += 1
        change = self.inventory / "group_vars" / "all" / "change.yml"
        change.write_text(f"rabbitmq_channel_max: {self.number}\n")

    def start(self, *command: str) -> subprocess.Popen[str]:
        """An mqctl of its own process group, as from another terminal."""
        return subprocess.Popen(
            [sys.executable, "-m", "mqctl", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def cut(self, host: str) -> None:
        """Nothing comes or goes, SSH neither."""
        lo = (Rule("in", "accept", loopback=True), Rule("out", "accept", loopback=True))
        script = packets.apply((*lo, Rule("in"), Rule("out")))
        LabNetwork(self.lab)(host, script, COMMAND)

    def mend(self, host: str) -> None:
        """The network is back."""
        LabNetwork(self.lab)(host, packets.undo(), COMMAND)


def play(site: Site, case: Case, place: Path) -> Told:
    """One seed: a deploy that is hit, then the next one, and what was seen."""
    told = Told(case)
    site.blank() if case.first else site.change()
    with Sampler(site.topology) as sampler:
        if case.first:
            hit_and_repeat(site, told)
        else:
            told.counts = _under_load(site, told, place)
    told.looks, told.stops = len(sampler.looks), len(sampler.stops())
    told.problems += sampler.problems(case.host if told.hit and "host" in case.blow else "")
    if told.counts and (told.counts.lost or told.counts.missing or told.counts.confirmed < 500):
        told.problems.append(f"messages: {told.counts.model_dump_json(exclude_defaults=True)}")
    return told


def hit_and_repeat(site: Site, told: Told) -> None:
    """The deploy that is hit, the one that does the rest, and a plan that finds nothing."""
    with _healed(site, told.case):
        run = site.start("deploy", str(site.inventory))
        try:
            _strike(site, told, run)
            _, said = run.communicate(timeout=_DEPLOY)
        finally:
            _end(run)
        told.exit_code = run.returncode
        if "Traceback" in said or "mqctl itself failed" in said:
            told.problems.append(f"the deploy that was hit: {said[-2000:]}")
    _repeat(site, told)
    plan = site.start("plan", str(site.inventory), "--exit-code", "--no-diff")
    out, err = plan.communicate(timeout=_AGAIN)
    if plan.returncode != ExitCode.DONE:
        told.problems.append(f"the plan afterwards: exit code {plan.returncode}\n{out[-2000:]}{err[-2000:]}")


def _strike(site: Site, told: Told, run: subprocess.Popen[str]) -> None:
    """The blow, when its time has come; none when the deploy is over before."""
    case, began = told.case, time.monotonic()

    def due() -> bool:
        if run.poll() is not None:
            return True
        late = time.monotonic() - began >= case.seconds
        return late and (case.blow != "kill ansible" or ansible(run.pid) is not None)

    wait(due, timeout=_DEPLOY, interval=0.05, what="the blow")
    if run.poll() is not None:
        return
    with suppress(ProcessLookupError, MqctlError):
        _blows(site, case, run)[case.blow]()
        told.hit = True


def _blows(site: Site, case: Case, run: subprocess.Popen[str]) -> dict[Blow, Callable[[], object]]:
    return {
        "kill mqctl": run.kill,
        "end mqctl": run.terminate,
        "kill ansible": lambda: os.killpg(ansible(run.pid) or _gone(), signal.SIGKILL),
        "cut a host": partial(_for_a_while, site.cut, site.mend, case),
        "power off a host": partial(
            _for_a_while, partial(lab.power_off, site.lab), partial(lab.power_on, site.lab), case
        ),
    }


def _gone() -> int:
    raise ProcessLookupError


def _for_a_while(take: Callable[[str], None], give: Callable[[str], None], case: Case) -> None:
    """Takes a host away and gives it back, while the deploy goes on as it may."""
    take(case.host)
    until = time.monotonic() + case.held
    wait(lambda: time.monotonic() >= until, timeout=case.held + 1, interval=0.1)
    give(case.host)


@contextmanager
def _healed(site: Site, case: Case) -> Iterator[None]:
    """Whatever happens inside, the host is whole again."""
    try:
        yield
    finally:
        if "host" in case.blow:
            with suppress(MqctlError):
                lab.power_on(site.lab, case.host)
                site.mend(case.host)


def _repeat(site: Site, told: Told) -> None:
    """Until a deploy is let in: the lock of one that was cut off goes in its own time, modules end too."""
    said: list[str] = []

    def done() -> bool:
        began = time.monotonic()
        again = site.start("deploy", str(site.inventory))
        try:
            out, err = again.communicate(timeout=_DEPLOY)
        finally:
            _end(again)
        told.tries, told.again = told.tries + 1, round(time.monotonic() - began, 1)
        if again.returncode == ExitCode.CANNOT_RUN and any(words in err for words in _BUSY):
            return False
        if again.returncode != ExitCode.DONE:
            said.append(f"the next deploy: exit code {again.returncode}\n{out[-3000:]}{err[-3000:]}")
        return True

    wait(done, timeout=_AGAIN, interval=2, what="a deploy that is let in")
    told.problems += said


def _end(run: subprocess.Popen[str]) -> None:
    if run.poll() is None:
        run.kill()
        run.wait()


def ansible(parent: int) -> int | None:
    """The process group of the ansible-playbook that a process has started."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            _, _, rest = stat.read_text().rpartition(") ")
            command = (stat.parent / "cmdline").read_bytes()
            if int(rest.split()[1]) == parent and b"ansible-playbook" in command:
                return int(stat.parent.name)
    return None


class _UnderLoad(Run):
    """A failover test whose fault is a deploy that is hit."""

    work: Callable[[], None]

    def _break_all(self, rounds: Rounds) -> history.Recovered:
        self._phase("fault")
        self._aside(self.work, 3 * _DEPLOY, "the deploys")
        problem = self._recover()
        return history.Recovered(healthy=not problem, detail=problem)


def _under_load(site: Site, told: Told, place: Path) -> MessageCounts:
    (scenario,) = listed(Choice(("kill-queue-leader",)))
    with Hosts.of(site.topology) as hosts, Hosts.of(site.topology) as watchers:
        stage = Stage(site.topology, f"kills{told.case.seed}", place, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=180, interval=1, what="health before the deploy")
        run = _UnderLoad(stage, scenario, _SETTINGS, quiet)
        run.work = partial(hit_and_repeat, site, told)
        counts = messages.count(journal.read(run.play()))
        problem = stage.problem()
    if problem:
        told.problems.append(f"gates afterwards: {problem}")
    return counts


@contextmanager
def site(place: Path) -> Iterator[Site]:
    """mirrored-3node on a network of its own, whose hosts are gone afterwards."""
    from tests.lab.conftest import copy_topology

    inventory = copy_topology("mirrored-3node", place / own_name("kills"), subnets.take())
    made = Site(inventory)
    try:
        yield made
    finally:
        made.blank()


def _seeds(text: str) -> list[int]:
    found = re.fullmatch(r"(\d+)(?:-(\d+))?", text)
    assert found, "--seeds N or N-M"
    return list(range(int(found[1]), int(found[2] or found[1]) + 1))


def main() -> int:
    """Plays the seeds; exit code 1 when one of them did not converge or saw what must not be."""
    options = argparse.ArgumentParser(prog="python -m tests.lab.kills", description=__doc__)
    options.add_argument("--seeds", type=_seeds, default=_seeds("1-50"), metavar="N-M")
    options.add_argument("--out", type=Path, help="where the lines go too")
    asked = options.parse_args()
    failed = 0
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        os.environ["XDG_STATE_HOME"] = str(place / "state")
        with site(place) as own:
            for seed in asked.seeds:
                case = Case.of(seed)
                if not case.first:
                    deployed(own)
                told = play(own, case, place)
                failed += bool(told.problems)
                print(told.line(), flush=True)
                if asked.out:
                    with asked.out.open("a") as out:
                        out.write(told.line() + "\n")
    return 1 if failed else 0


def deployed(own: Site) -> None:
    """What a change needs: a cluster that has converged; one that has is not touched."""
    run = own.start("deploy", str(own.inventory))
    _, err = run.communicate(timeout=_DEPLOY)
    assert run.returncode == ExitCode.DONE, err


if __name__ == "__main__":
    sys.exit(main())
