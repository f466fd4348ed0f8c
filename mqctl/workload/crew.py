"""All client processes of one scenario, and what they have done so far."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Literal

from mqctl.errors import MqctlError
from mqctl.model.workload import ClientSpec
from mqctl.workload import consumer, publisher

_SPAWN = multiprocessing.get_context("spawn")
_MAIN = {"publisher": publisher.main, "consumer": consumer.main}
_GRACE = 3.0
"""Seconds that a client may take to close its connection after its work is done."""


class ClientDiedError(MqctlError):
    """A client process ended without being asked to."""


class Crew:
    """Starts clients, asks them to finish, leaves none behind. Specs travel over a pipe, never in argv."""

    def __init__(self) -> None:
        self._members: dict[str, tuple[BaseProcess, Connection]] = {}

    def start(self, role: Literal["publisher", "consumer"], spec: ClientSpec) -> None:
        """A new process."""
        theirs, ours = _SPAWN.Pipe(duplex=False)
        process = _SPAWN.Process(target=_MAIN[role], args=(spec, theirs), name=spec.name, daemon=True)
        process.start()
        theirs.close()
        self._members[spec.name] = (process, ours)

    def check(self) -> None:
        """Raises ClientDiedError when a client that was not asked to finish is gone."""
        for name, (process, _) in self._members.items():
            if not process.is_alive():
                raise ClientDiedError(f"client {name} ended by itself with exit code {process.exitcode}")

    def finish(self, names: Sequence[str], timeout: float) -> tuple[str, ...]:
        """Asks clients to finish; gives the names of those that did not within `timeout` seconds."""
        members = {name: self._members.pop(name) for name in names if name in self._members}
        for process, pipe in members.values():
            if process.is_alive():
                pipe.send_bytes(b"finish")
        for process, pipe in members.values():
            process.join(timeout + _GRACE)
            pipe.close()
        late = tuple(name for name, (process, _) in members.items() if process.is_alive())
        for name in late:
            members[name][0].kill()
        return late

    def stop(self) -> None:
        """Ends all that are left at once."""
        for process, pipe in self._members.values():
            process.kill()
            process.join()
            pipe.close()
        self._members.clear()
