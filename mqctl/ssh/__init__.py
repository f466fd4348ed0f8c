"""The only door to other hosts: SSH, with the host's key checked and every wait bounded."""

from __future__ import annotations

from mqctl.ssh.failure import Kind, SshError
from mqctl.ssh.pool import Hosts
from mqctl.ssh.session import Held, Output, Session, connect

__all__ = ["Held", "Hosts", "Kind", "Output", "Session", "SshError", "connect"]
