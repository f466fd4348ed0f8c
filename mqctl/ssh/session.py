"""What runs on a host: a program with bytes on its stdin, as root where the inventory says become."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mqctl.model.base import reveal
from mqctl.model.topology import Connection
from mqctl.ssh import failure
from mqctl.ssh.failure import Place, SshError
from mqctl.ssh.login import login

if TYPE_CHECKING:
    from paramiko import Channel, SSHClient

CONNECT = 10.0
"""Seconds for each step of logging in: a loaded host is slow to fork, a dead one should hold nobody up."""
COMMAND = 60.0
"""Seconds for a command, unless its caller knows better."""
_ASK = "mqctl-sudo-asks"
_READY = "mqctl-ready"
_NOT_FOUND = 127


@dataclass(frozen=True)
class Output:
    """How a program on a host ended; output is UTF-8, bad bytes replaced."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Exit code 0."""
        return self.returncode == 0


class Held:
    """A program on a host that runs until it is let go; `said` is its first line of output."""

    def __init__(self, channel: Channel, said: str) -> None:
        self._channel = channel
        self.said = said

    @property
    def alive(self) -> bool:
        """Whether it still runs, as far as this side knows."""
        return not (self._channel.closed or self._channel.eof_received or self._channel.exit_status_ready())

    def beat(self) -> None:
        """Tell the program that this side lives. Never waits or raises: `alive` tells what became of it."""
        if self._channel.send_ready():
            with suppress(OSError):
                self._channel.send(b"\n")

    def release(self, timeout: float = COMMAND) -> None:
        """End its standard input, and wait at most `timeout` seconds until it has ended."""
        try:
            self._channel.shutdown_write()
            self._channel.settimeout(timeout)
            while self._channel.recv(4096):
                pass
        except (OSError, EOFError):
            return
        finally:
            self._channel.close()


class Session:
    """A logged-in host. Not for several threads at once."""

    def __init__(self, place: Place, connection: Connection, clients: list[SSHClient]) -> None:
        self._place = place
        self._connection = connection
        self._clients = clients

    @property
    def alive(self) -> bool:
        """Whether the connection still stands, as far as this side knows."""
        transport = self._clients[-1].get_transport()
        return transport is not None and transport.is_active()

    def close(self) -> None:
        """Leave the host, and the jump hosts after it."""
        for client in reversed(self._clients):
            client.close()

    def run(self, argv: Sequence[str], stdin: bytes | str = b"", timeout: float = COMMAND) -> Output:
        """Run a program, at most `timeout` seconds. Raises SshError; a program's failure is its exit code."""
        from paramiko import SSHException

        data = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            return self._run(argv, data, timeout)
        except TimeoutError:
            self.close()
            raise SshError(
                self._place.host,
                "timeout",
                f"{argv[0]} did not end within {timeout:g} s",
                "is the host overloaded?",
            ) from None
        except (SSHException, OSError, EOFError) as error:
            self.close()
            raise SshError(self._place.host, "lost", f"the connection broke: {error}") from None

    def python(self, script: str, timeout: float = COMMAND) -> Output:
        """Run a Python script with the inventory's ansible_python_interpreter; it travels on stdin."""
        output = self.run([self._connection.python, "-"], script, timeout)
        if output.returncode == _NOT_FOUND:
            raise SshError(
                self._place.host,
                "python",
                f"there is no {self._connection.python}",
                "apt-get install python3, or set ansible_python_interpreter",
            )
        return output

    def hold(self, argv: Sequence[str], line: str, timeout: float = COMMAND) -> Held:
        """Start a program that runs until its standard input ends, and give it a line.

        Returns after its first line of output, at most `timeout` seconds. Raises SshError, also when it ended
        without one.
        """
        from paramiko import SSHException

        try:
            return self._hold(argv, f"{line}\n".encode(), timeout)
        except TimeoutError:
            raise SshError(
                self._place.host,
                "timeout",
                f"{argv[0]} did not answer within {timeout:g} s",
                "is the host overloaded?",
            ) from None
        except (SSHException, OSError, EOFError) as error:
            raise SshError(self._place.host, "lost", f"the connection broke: {error}") from None

    def _hold(self, argv: Sequence[str], line: bytes, timeout: float) -> Held:
        left = _countdown(timeout)
        channel = self._channel(left)
        try:
            channel.settimeout(left())
            channel.exec_command(self._command(argv))
            if self._connection.become:
                self._become(channel, left)
            channel.settimeout(left())
            channel.sendall(line)
            said = _first_line(channel, left)
            if not said:
                errors = _drain(channel.recv_stderr, channel, left).strip()
                raise SshError(self._place.host, "command", errors[-200:] or f"{argv[0]} said nothing")
        except BaseException:
            channel.close()
            raise
        return Held(channel, said)

    def _run(self, argv: Sequence[str], data: bytes, timeout: float) -> Output:
        left = _countdown(timeout)
        channel = self._channel(left)
        try:
            channel.settimeout(left())
            channel.exec_command(self._command(argv))
            early = self._become(channel, left) if self._connection.become else ""
            _send(channel, data, left)
            stdout, stderr = _receive(channel, left)
            return Output(channel.recv_exit_status(), stdout, early + stderr)
        finally:
            channel.close()

    def _channel(self, left: Callable[[], float]) -> Channel:
        from paramiko import SSHException

        transport = self._clients[-1].get_transport()
        if transport is None:
            raise EOFError("it was closed")
        try:
            return transport.open_session(timeout=left())
        except SSHException:
            left()  # paramiko has no exception of its own for a deadline
            raise

    def _command(self, argv: Sequence[str]) -> str:
        """The line for the user's shell. With become, a mark on stderr says that sudo let us in."""
        if not self._connection.become:
            return f"exec {shlex.join(argv)}"
        inner = ["/bin/sh", "-c", f'echo {_READY} >&2; exec "$@"', "sh", *argv]
        ask = ["-S", "-p", _ASK] if self._connection.become_password else ["-n"]
        return f"exec {shlex.join(['sudo', *ask, '--', *inner])}"

    def _become(self, channel: Channel, left: Callable[[], float]) -> str:
        """Wait for the mark; answer sudo's question once. Returns what the program said on stderr by then.

        Raises SshError when sudo says no.
        """
        password = self._connection.become_password
        said, asked = "", 0
        while f"{_READY}\n" not in said:
            channel.settimeout(left())
            piece = channel.recv_stderr(4096)
            said += piece.decode(errors="replace")
            if said.count(_ASK) > asked:
                asked += 1
                if asked == 1 and password:
                    channel.sendall(f"{reveal(password)}\n".encode())
            if not piece or asked > 1:
                text = said.replace(_ASK, "")
                raise failure.denied_become(self._place, text, password is not None)
        return said.partition(f"{_READY}\n")[2]


def connect(host: str, connection: Connection, timeout: float = CONNECT) -> Session:
    """Log in to a host. Raises SshError that says what exactly is in the way."""
    from mqctl.ssh.settings import settings

    return Session(settings(host, connection).place, connection, login(host, connection, timeout))


def _countdown(timeout: float) -> Callable[[], float]:
    """The seconds left until the deadline; raises TimeoutError when there are none."""
    deadline = time.monotonic() + timeout

    def left() -> float:
        rest = deadline - time.monotonic()
        if rest <= 0:
            raise TimeoutError
        return rest

    return left


def _send(channel: Channel, data: bytes, left: Callable[[], float]) -> None:
    """All of the data, then the end of the stream; a program that ends without reading it is no failure."""
    channel.settimeout(left())
    try:
        channel.sendall(data)
        channel.shutdown_write()
    except TimeoutError:
        raise
    except OSError:
        return


def _first_line(channel: Channel, left: Callable[[], float]) -> str:
    """Without its end; empty when the output ended first."""
    said = b""
    while not said.endswith(b"\n"):
        channel.settimeout(left())
        piece = channel.recv(1)
        if not piece:
            return ""
        said += piece
    return said.decode(errors="replace").rstrip("\n")


def _receive(channel: Channel, left: Callable[[], float]) -> tuple[str, str]:
    """Both outputs to their ends; stderr waits in paramiko's window (2 MiB) meanwhile."""
    stdout = _drain(channel.recv, channel, left)
    stderr = _drain(channel.recv_stderr, channel, left)
    return stdout, stderr


def _drain(receive: Callable[[int], bytes], channel: Channel, left: Callable[[], float]) -> str:
    pieces: list[bytes] = []
    while True:
        channel.settimeout(left())
        piece = receive(65536)
        if not piece:
            return b"".join(pieces).decode(errors="replace")
        pieces.append(piece)
