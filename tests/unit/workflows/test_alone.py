from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mqctl.errors import MqctlError
from mqctl.workflows.alone import alone, who

HOLD = """
import sys, time
from pathlib import Path
from mqctl.workflows.alone import alone
with alone(Path(sys.argv[1]), "failover-test"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_the_second_one_is_told_who_is_first(tmp_path: Path) -> None:
    state = tmp_path / ".mqctl"
    with alone(state, "deploy"):
        with pytest.raises(MqctlError) as caught, alone(state, "heal"):
            pass
        assert caught.value.message.startswith(
            f"something else is changing this inventory's hosts: mqctl deploy by {who()}, "
            f"process {os.getpid()}, from {tmp_path}, since 2"
        )
        assert "@" in who()
        assert caught.value.hint == "wait until it has ended"
    with alone(state, "heal"):
        pass
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_a_holder_that_has_not_signed_yet(tmp_path: Path) -> None:
    with alone(tmp_path, "deploy"):
        (tmp_path / "lock").write_bytes(b"")
        with pytest.raises(MqctlError, match="mqctl, just started"), alone(tmp_path, "heal"):
            pass


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(MqctlError, match=f"failover-test by .*, process {holder.pid}"),
            alone(tmp_path, "x"),
        ):
            pass
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with alone(tmp_path, "deploy") as turn:
            assert turn.killed
            assert turn.killed.pid == holder.pid
    with alone(tmp_path, "deploy") as turn:
        assert turn.killed is None
