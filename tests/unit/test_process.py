"""The subprocess door, against real programs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mqctl import process

PYTHON = sys.executable


def test_output_and_exit_code() -> None:
    result = process.run(
        [PYTHON, "-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"], timeout=20
    )
    assert (result.returncode, result.stdout, result.stderr, result.ok) == (3, "out\n", "err\n", False)


@pytest.mark.parametrize("stdin", ["päss\n", "päss\n".encode()])
def test_stdin_reaches_the_program(stdin: str | bytes) -> None:
    program = [PYTHON, "-c", "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"]
    assert process.run(program, stdin=stdin, timeout=20).stdout == "päss\n"


def test_much_output_on_both_pipes_with_much_stdin_does_not_block() -> None:
    code = "import sys; sys.stderr.write('e' * 300000); sys.stdout.write('o' * 300000); sys.stdin.read()"
    result = process.run([PYTHON, "-c", code], stdin="i" * 300000, timeout=20)
    assert (len(result.stdout), len(result.stderr)) == (300000, 300000)


def test_a_program_that_does_not_read_its_stdin() -> None:
    assert process.run([PYTHON, "-c", ""], stdin="x" * 300000, timeout=20).ok


def test_environment_is_added() -> None:
    code = "import os; print(os.environ['MQCTL_T'], 'PATH' in os.environ)"
    assert process.run([PYTHON, "-c", code], env={"MQCTL_T": "1"}, timeout=20).stdout == "1 True\n"


def test_programs_beside_python_are_found_without_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert Path(process.find("pytest")).parent == Path(sys.executable).parent


def test_missing_program() -> None:
    with pytest.raises(process.ProgramError) as caught:
        process.run(["mqctl-no-such-program"], timeout=5)
    assert caught.value.message == "mqctl-no-such-program is not installed"
    assert caught.value.exit_code == 4


def test_a_path_that_cannot_be_run(tmp_path: object) -> None:
    with pytest.raises(process.ProgramError, match=f"^cannot run {tmp_path}: Permission denied$"):
        process.run([str(tmp_path)], timeout=5)


def test_deadline_kills_the_whole_group() -> None:
    code = "import subprocess, sys; p = subprocess.Popen(['sleep', '60']); print(p.pid, flush=True); p.wait()"
    seen: list[str] = []
    started = time.monotonic()
    with pytest.raises(process.ProgramError, match="did not end within 1 s"):
        process.stream([PYTHON, "-c", code], seen.append, timeout=1)
    assert time.monotonic() - started < 10
    assert _gone(int(seen[0]))


def test_lines_arrive_while_the_program_runs() -> None:
    code = "import sys, time; print('a', flush=True); sys.stdin.read(); print('b')"
    seen: list[str] = []
    process.stream([PYTHON, "-c", code], seen.append, stdin="", timeout=20)
    assert seen == ["a\n", "b\n"]


def test_an_exception_in_the_reader_ends_the_program() -> None:
    seen: list[int] = []

    def line(text: str) -> None:
        seen.append(int(text))
        raise KeyboardInterrupt

    code = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        process.stream([PYTHON, "-c", code], line, timeout=60)
    assert time.monotonic() - started < 10
    assert _gone(seen[0])


def _gone(pid: int) -> bool:
    """Dead, or a zombie that its new parent has not fetched yet."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
                return True
        except FileNotFoundError:
            return True
    return False
