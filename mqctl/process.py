"""The only door to other programs on this machine: argv lists, never a shell, always a deadline."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mqctl.errors import MqctlError

_GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL: Ansible removes its temporary files on the hosts in this time."""

_HINTS = {
    "ansible-playbook": "pip install ansible-core, or install mqctl with its dependencies again",
    "ansible-inventory": "pip install ansible-core, or install mqctl with its dependencies again",
    "ansible-vault": "pip install ansible-core, or install mqctl with its dependencies again",
    "ssh": "apt-get install openssh-client",
}


class ProgramError(MqctlError):
    """A program is missing or did not end in time."""


@dataclass(frozen=True)
class Result:
    """How a program ended. `returncode` is negative for a signal; output is UTF-8, bad bytes replaced."""

    program: str
    returncode: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        """Exit code 0."""
        return self.returncode == 0


def find(program: str) -> str:
    """The program's path: beside this Python first (a virtual environment not activated), then on PATH.

    Raises ProgramError when there is none.
    """
    if os.sep in program:
        return program
    beside = Path(sys.executable).parent
    path = shutil.which(program, path=str(beside)) or shutil.which(program)
    if path is None:
        raise ProgramError(f"{program} is not installed", _HINTS.get(program, f"install {program}"))
    return path


def run(
    argv: Sequence[str],
    *,
    stdin: bytes | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float,
    cwd: Path | None = None,
) -> Result:
    """Run a program to its end, at most `timeout` seconds. `env` adds to this process's environment.

    Raises ProgramError when the program is missing or was killed at the deadline.
    """
    lines: list[str] = []
    ended = stream(argv, lines.append, stdin=stdin, env=env, timeout=timeout, cwd=cwd)
    return Result(ended.program, ended.returncode, "".join(lines), ended.stderr)


def stream(
    argv: Sequence[str],
    line: Callable[[str], None],
    *,
    stdin: bytes | str | None = None,
    env: Mapping[str, str] | None = None,
    timeout: float,
    cwd: Path | None = None,
) -> Result:
    """Run a program and call `line` with each line of its output (with its end) as it comes.

    The result's `stdout` is empty. The program is a process group of its own and dies whole: at the deadline
    (ProgramError), when `line` raises, and on Ctrl-C.
    """
    child = _start(argv, env, cwd, with_stdin=stdin is not None)
    errors: list[str] = []
    overdue = threading.Event()
    readers = [
        threading.Thread(target=_collect, args=(child, errors), daemon=True),
        threading.Thread(target=_feed, args=(child, stdin), daemon=True),
    ]
    timer = threading.Timer(timeout, _expire, args=(child, overdue))
    timer.daemon = True
    for thread in (*readers, timer):
        thread.start()
    try:
        _read(child, line)
        child.wait()
    finally:
        timer.cancel()
        end(child)
        for thread in readers:
            thread.join(_GRACE)
    if overdue.is_set():
        raise ProgramError(f"{argv[0]} did not end within {timeout:g} s", _last(errors))
    return Result(argv[0], child.returncode, "", "".join(errors))


def attached(argv: Sequence[str]) -> int:
    """Run a program at this process's own terminal to its end, however long that takes; its exit code.

    Ctrl-C is the program's meanwhile. It is ended when this process is interrupted in another way.
    Raises ProgramError when it is missing.
    """
    child = subprocess.Popen([find(argv[0]), *argv[1:]])
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        return child.wait()
    finally:
        signal.signal(signal.SIGINT, before)
        if child.poll() is None:
            child.kill()
            child.wait()


def end(child: subprocess.Popen[bytes]) -> None:
    """End a child's whole process group: SIGTERM, then SIGKILL; a child that ended is left alone."""
    if child.poll() is not None:
        return
    for number in (signal.SIGTERM, signal.SIGKILL):
        _signal(child, number)
        try:
            child.wait(_GRACE)
        except subprocess.TimeoutExpired:
            continue
        return


def _start(
    argv: Sequence[str], env: Mapping[str, str] | None, cwd: Path | None, with_stdin: bool
) -> subprocess.Popen[bytes]:
    program = find(argv[0])
    try:
        return subprocess.Popen(
            [program, *argv[1:]],
            stdin=subprocess.PIPE if with_stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, **(env or {})},
            cwd=cwd,
            start_new_session=True,
        )
    except OSError as error:
        raise ProgramError(f"cannot run {argv[0]}: {error.strerror}") from None


def _read(child: subprocess.Popen[bytes], line: Callable[[str], None]) -> None:
    assert child.stdout is not None
    with child.stdout as output:
        for raw in output:
            line(raw.decode(errors="replace"))


def _collect(child: subprocess.Popen[bytes], errors: list[str]) -> None:
    assert child.stderr is not None
    with child.stderr as output:
        for raw in output:
            errors.append(raw.decode(errors="replace"))


def _feed(child: subprocess.Popen[bytes], stdin: bytes | str | None) -> None:
    if child.stdin is None or stdin is None:
        return
    try:
        with child.stdin as pipe:
            pipe.write(stdin.encode() if isinstance(stdin, str) else stdin)
    except BrokenPipeError:
        return


def _expire(child: subprocess.Popen[bytes], overdue: threading.Event) -> None:
    overdue.set()
    end(child)
    _signal(child, signal.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: int) -> None:
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return


def _last(errors: list[str]) -> str:
    return errors[-1].strip() if errors else ""
