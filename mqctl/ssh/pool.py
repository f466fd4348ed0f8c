"""All hosts of a command: each logged in once, asked in parallel."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import TypeVar

from mqctl.model.topology import Connection, Topology
from mqctl.ssh.failure import SshError
from mqctl.ssh.session import COMMAND, CONNECT, Held, Output, Session, connect

_THREADS = 32
T = TypeVar("T")


class Hosts:
    """Keeps a connection to each host for as long as a command lives; use it as a context manager.

    Commands to one host run one after the other, those to different hosts at the same time.
    """

    def __init__(self, connections: Mapping[str, Connection], timeout: float = CONNECT) -> None:
        self._connections = dict(connections)
        self._timeout = timeout
        self._sessions: dict[str, Session] = {}
        self._locks = {host: threading.Lock() for host in connections}

    @classmethod
    def of(cls, topology: Topology, timeout: float = CONNECT) -> Hosts:
        """The hosts of a topology."""
        return cls({host.name: host.connection for host in topology.hosts}, timeout)

    def __enter__(self) -> Hosts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave all hosts."""
        for session in self._sessions.values():
            session.close()
        self._sessions.clear()

    def login(self, host: str) -> None:
        """Log in to a host, unless that was done. Raises SshError."""
        with self._locks[host]:
            self._session(host)

    def run(
        self, host: str, argv: Sequence[str], stdin: bytes | str = b"", timeout: float = COMMAND
    ) -> Output:
        """Run a program on a host, as root where the inventory says become. Raises SshError."""
        with self._locks[host]:
            return self._session(host).run(argv, stdin, timeout)

    def python(self, host: str, script: str, timeout: float = COMMAND) -> Output:
        """Run a Python script on a host. Raises SshError, also when the host has no Python."""
        with self._locks[host]:
            return self._session(host).python(script, timeout)

    def hold(self, host: str, script: str, line: str, timeout: float = COMMAND) -> Held:
        """Start a Python script that runs until its standard input ends. Raises SshError."""
        with self._locks[host]:
            return self._session(host).hold([self._connections[host].python, "-c", script], line, timeout)

    def each(self, hosts: Iterable[str], ask: Callable[[str], T]) -> dict[str, T | SshError]:
        """Call `ask` for every host at the same time; a host that could not be asked gets its SshError."""
        names = list(hosts)
        if not names:
            return {}

        def guarded(host: str) -> T | SshError:
            try:
                return ask(host)
            except SshError as error:
                return error

        with ThreadPoolExecutor(min(len(names), _THREADS)) as pool:
            return dict(zip(names, pool.map(guarded, names), strict=True))

    def _session(self, host: str) -> Session:
        """The host's connection, a new one when the old one is dead."""
        session = self._sessions.get(host)
        if session is None or not session.alive:
            session = connect(host, self._connections[host], self._timeout)
            self._sessions[host] = session
        return session
