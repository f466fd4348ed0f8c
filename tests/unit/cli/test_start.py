"""`mqctl --help` and completion load nothing that only a command needs."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {"ansible", "cryptography", "docker", "jinja2", "paramiko", "pika", "pydantic", "yaml"}
LOADED = """
import sys
from mqctl.cli.main import build
build()
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_the_commands_are_light() -> None:
    loaded = set(subprocess.check_output([sys.executable, "-c", LOADED], text=True).split())
    assert "typer" in loaded
    assert loaded & HEAVY == set()
