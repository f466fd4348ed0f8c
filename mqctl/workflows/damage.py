"""One round of a fault: written down before it is done, seen, and healed whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Lock

from mqctl.errors import MqctlError
from mqctl.faults.base import Fault
from mqctl.faults.broken import Broken
from mqctl.gates.wait import DeadlineError, wait
from mqctl.model import history
from mqctl.model.scenario import FaultName
from mqctl.ssh.failure import Kind, SshError
from mqctl.workload.journal import Journal

_ENTER = 20.0
"""Seconds in which a busy host must let us in to break something."""
HEAL = 60.0
"""Seconds in which it must let itself be healed."""
_NEVER_IN: tuple[Kind, ...] = ("refused", "protocol", "no route")
"""Errors of a login that failed: nothing was done yet, so it may be tried again."""


class Damage:
    """A fault on the hosts of one round, by host."""

    def __init__(
        self, name: FaultName, faults: Mapping[str, Fault], broken: Broken, journal: Journal
    ) -> None:
        self._name = name
        self._faults = faults
        self._broken = broken
        self._journal = journal
        self._lock = Lock()

    @property
    def hosts(self) -> tuple[str, ...]:
        """Where it happens."""
        return tuple(self._faults)

    def announce(self) -> None:
        """On the list and in the history, before anything is touched: whoever comes later can heal."""
        for host in self._faults:
            self._broken.add(self._name, host)
        for host in self._faults:
            self._journal.write(history.FaultInjected(fault=self._name, host=host))

    def inject(self) -> None:
        """On all hosts at once; raises the first error of any."""
        at_once([partial(enter, fault.inject) for fault in self._faults.values()])

    def seen(self, host: str) -> bool:
        """Whether the effect shows; the first time it does it is written down. No answer shows nothing."""
        try:
            evidence = self._faults[host].evidence()
        except MqctlError:
            return False
        if evidence:
            event = history.FaultObserved(fault=self._name, host=host, evidence=evidence)
            self._journal.write(event)
        return bool(evidence)

    def heal(self) -> None:
        """On all hosts at once, stubbornly; what cannot be healed stays on the list, its error is raised."""
        at_once([partial(self._heal, host, fault) for host, fault in self._faults.items()])

    def _heal(self, host: str, fault: Fault) -> None:
        stubborn(fault.heal, HEAL)
        with self._lock:
            self._broken.remove(self._name, host)
            self._journal.write(history.FaultHealed(fault=self._name, host=host))


def enter(work: Callable[[], None], timeout: float = _ENTER) -> None:
    """Again as long as the host did not even let us in; any other error is raised at once."""
    stubborn(work, timeout, lambda error: isinstance(error, SshError) and error.kind in _NEVER_IN)


def stubborn(
    work: Callable[[], None], timeout: float, again: Callable[[MqctlError], bool] = lambda _: True
) -> None:
    """Does it again after an error that allows it; raises the last one after `timeout` seconds."""
    last: list[MqctlError] = []

    def done() -> bool:
        try:
            work()
        except MqctlError as error:
            if not again(error):
                raise
            last[:] = [error]
            return False
        return True

    try:
        wait(done, timeout=timeout, interval=1, what="the host's answer")
    except DeadlineError:
        raise last[0] from None


def at_once(works: Sequence[Callable[[], None]]) -> None:
    """All of them in parallel, each to its end; then raises the first error of any."""
    with ThreadPoolExecutor(max(len(works), 1)) as threads:
        begun = [threads.submit(work) for work in works]
    for work in begun:
        work.result()
