"""The notify script, run: Keepalived makes its calls without waiting for the one before."""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

import pytest

from mqctl.model.base import reveal
from mqctl.render.bundle import render
from tests.topologies import mirrored_3node

STATE = "/run/mqctl/vrrp.state"


@pytest.fixture
def script(tmp_path: Path) -> Path:
    files = {spec.path: reveal(spec.content) for spec in render(mirrored_3node())["lb1"].files}
    path = tmp_path / "notify"
    text = files["/etc/keepalived/notify"]
    assert STATE in text
    path.write_text(text.replace(STATE, str(tmp_path / "vrrp.state")))
    return path


def call(script: Path, state: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(["sh", str(script), "INSTANCE", "rabbitmq", state, "150"], stderr=subprocess.PIPE)


def said(script: Path) -> str:
    return (script.parent / "vrrp.state").read_text()


def finish(running: subprocess.Popen[bytes]) -> None:
    _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (0, b"")


def test_each_call_is_written_down(script: Path) -> None:
    for state in ("FAULT", "BACKUP", "MASTER", "BACKUP"):
        finish(call(script, state))
        assert said(script) == f"{state}\n"
    finish(call(script, "NONSENSE"))
    assert said(script) == "BACKUP\n"
    assert not list(script.parent.glob("vrrp.state.[0-9]*"))


def test_a_call_that_was_overtaken_writes_nothing(script: Path) -> None:
    """The first of two has read when it was started, and then waits; the second one is done before it."""
    lock = os.open(script.parent / "vrrp.state.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    first = call(script, "FAULT")
    (script.parent / "vrrp.state").write_text("BACKUP\n")
    ticks = int(Path(f"/proc/{first.pid}/stat").read_text().split()[21])
    (script.parent / "vrrp.state.order").write_text(f"{ticks} {first.pid + 1}\n")
    os.close(lock)
    finish(first)
    assert said(script) == "BACKUP\n"
    assert (script.parent / "vrrp.state.order").read_text() == f"{ticks} {first.pid + 1}\n"
