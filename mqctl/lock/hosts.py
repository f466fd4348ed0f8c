"""Takes the lock of hosts, keeps it while a run changes them, and says who has it when it is not free."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from mqctl.errors import MqctlError
from mqctl.lock.holder import MARK
from mqctl.model.claim import LOCK, Claim, read
from mqctl.model.topology import Topology
from mqctl.ssh import Held, Hosts, SshError

BUSY = "/run/mqctl.busy"
"""Which mqctl's Ansible modules share while they work; playbooks/module_utils/mqctl_busy.py has it too."""
SILENCE = 90.0
"""Seconds after which a host gives the lock back when nothing is heard from whoever took it."""
BEAT = 15.0
"""Seconds between two signs of life: several may get lost."""
_TAKE = 20.0
"""Seconds for a host to answer: a loaded one is slow to start a program."""
_RELEASE = 5.0
"""Seconds until it is believed to have given the lock back."""
_SCRIPT = (Path(__file__).parent / "holder.py").read_text(encoding="utf-8")


class LockedError(MqctlError):
    """Another run has the lock of a host."""


@dataclass(frozen=True)
class Answer:
    """What one host said: `found` is what its lock file said before."""

    held: Held
    found: str


class HostLock:
    """The lock of some hosts; use it as a context manager: leaving it gives all of them back.

    The kernel of each host keeps it for a process of this SSH session, so it cannot outlive the session.
    `pool` may have other work too: the lock is taken again where that ended a connection. Whoever wants it
    takes the host of the lowest address first: of two runs on the same hosts one gets all.
    """

    def __init__(self, topology: Topology, claim: Claim, pool: Hosts) -> None:
        self._topology = topology
        self._claim = claim
        self._pool = pool
        self._held: dict[str, Held] = {}
        self._stolen: dict[str, LockedError] = {}
        self._over = threading.Event()
        self._mending = threading.Lock()
        self._beats = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> HostLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Those that hold it now, as far as this side knows."""
        return tuple(host for host, held in self._held.items() if held.alive)

    def take(self, hosts: Iterable[str]) -> tuple[dict[str, str], dict[str, SshError]]:
        """Take it on these hosts: what each lock file said before, and which hosts did not answer.

        Raises LockedError, with nothing held any more, when another run has any of them.
        """
        first, *rest = in_order(self._topology, hosts) or [""]
        answers = dict(self._ask([first] if first else []))
        if first and not isinstance(answers[first], LockedError):
            answers.update(self._ask(rest))
        for host, answer in answers.items():
            if isinstance(answer, Answer):
                self._held[host] = answer.held
        taken = {host: answer for host, answer in answers.items() if isinstance(answer, LockedError)}
        if taken:
            self.release()
            raise _refusal(taken)
        if not self._beats.is_alive():
            self._beats.start()
        found = {host: answer.found for host, answer in answers.items() if isinstance(answer, Answer)}
        return found, {host: error for host, error in answers.items() if isinstance(error, SshError)}

    def require(self) -> None:
        """Take it again where a connection broke; raises LockedError when another run was faster."""
        self._mend()
        if self._stolen:
            raise _refusal(self._stolen)

    def release(self) -> None:
        """Give all of them back, at the same time, and wait until they are."""
        self._over.set()
        with self._mending:
            self._pool.each(list(self._held), lambda host: self._held[host].release(_RELEASE))
            self._held.clear()

    def _beat(self) -> None:
        """A sign of life from time to time; a host that came back after it was off is locked again."""
        while not self._over.wait(BEAT):
            for held in list(self._held.values()):
                held.beat()
            self._mend()

    def _mend(self) -> None:
        with self._mending:
            if not self._over.is_set():
                self._take_again()

    def _take_again(self) -> None:
        lost = [host for host, held in self._held.items() if not held.alive and host not in self._stolen]
        for host, answer in self._ask(lost).items():
            if isinstance(answer, LockedError):
                self._stolen[host] = answer
            elif isinstance(answer, Answer):
                self._held[host] = answer.held

    def _ask(self, hosts: Sequence[str]) -> Mapping[str, Answer | LockedError | SshError]:
        return self._pool.each(hosts, self._take)

    def _take(self, host: str) -> Answer | LockedError:
        asked = {
            "lock": LOCK,
            "busy": BUSY,
            "claim": self._claim.model_dump(mode="json"),
            "silence": SILENCE,
        }
        held = self._pool.hold(host, _SCRIPT, json.dumps(asked), _TAKE)
        said = _parsed(held.said)
        if "found" in said:
            return Answer(held, said["found"])
        held.release(_RELEASE)
        if "holder" in said:
            return self._second(host, read(said["holder"]))
        if "busy" in said:
            return LockedError(f"a task of a run that was cut off{_of(read(said['busy']))}")
        raise SshError(host, "command", f"the lock cannot be taken: {said.get('error', held.said[:200])}")

    def _second(self, host: str, holder: Claim | None) -> LockedError:
        """Somebody else was first; raises SshError when it was this very run, whose connection broke."""
        if holder and holder.token == self._claim.token:
            raise SshError(host, "lost", "the lock's connection broke, and the host has not noticed it yet")
        return LockedError(str(holder or "mqctl, just started"))


def in_order(topology: Topology, hosts: Iterable[str]) -> list[str]:
    """By address and port: inventories may call the same hosts by other names, or list them otherwise."""
    wanted = set(hosts)
    places = [(one.connection.host, one.connection.port, one.name) for one in topology.hosts]
    return [name for *_, name in sorted(places) if name in wanted]


def _parsed(line: str) -> dict[str, str]:
    try:
        said = json.loads(line.removeprefix(MARK)) if line.startswith(MARK) else {}
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _of(claim: Claim | None) -> str:
    return f": {claim}" if claim else ""


def _refusal(taken: Mapping[str, LockedError]) -> LockedError:
    """One sentence per holder, with the hosts that it has; mostly there is one."""
    holders: dict[str, list[str]] = {}
    for host, error in taken.items():
        holders.setdefault(error.message, []).append(host)
    parts = [f"{holder} (its lock is on {', '.join(hosts)})" for holder, hosts in holders.items()]
    return LockedError(
        f"something else is changing these hosts: {'; '.join(parts)}",
        "wait until it has ended: the lock goes with its process, and at most "
        f"{SILENCE:g} s after a connection that was cut",
    )
