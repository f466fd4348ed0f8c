"""The life of a client process: its event loop, and the parent's wish that it ends."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Protocol

from pika.adapters.select_connection import IOLoop

from mqctl.model.history import Finished
from mqctl.model.workload import ClientSpec
from mqctl.workload.journal import Journal
from mqctl.workload.link import Link


class Role(Protocol):
    """A publisher or a consumer."""

    link: Link

    def finish(self, done: Callable[[], None]) -> None:
        """Comes to a regular end, then calls `done`."""


def run(spec: ClientSpec, wish: Connection, make: Callable[[IOLoop, ClientSpec, Journal], Role]) -> None:
    """Runs one client until the parent asks it to finish or is gone."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # They come to the whole process group; it is the parent that ends clients.
        signal.signal(number, signal.SIG_IGN)
    logging.getLogger("pika").addHandler(logging.NullHandler())
    logging.getLogger("pika").propagate = False
    journal, loop = Journal(spec.journal), IOLoop()
    role = make(loop, spec, journal)

    def ended() -> None:
        journal.write(Finished(client=spec.name))
        role.link.close(loop.stop)

    def heard(*_: object) -> None:
        loop.remove_handler(wish.fileno())
        try:
            wish.recv_bytes()
        except EOFError:
            loop.stop()
            return
        role.finish(ended)

    loop.add_handler(wish.fileno(), heard, IOLoop.READ)
    role.link.connect()
    loop.start()
    journal.close()
