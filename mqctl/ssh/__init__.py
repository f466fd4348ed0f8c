"""The only door to other hosts: SSH, with the host's key checked and every wait bounded."""

from __future__ import annotations

from mqctl.ssh.failure import Kind, SshError
from mqctl.ssh.pool import Hosts
from mqctl.ssh.session import Output, Session, connect

__all__ = ["Hosts", "Kind", "Output", "Session", "SshError", "connect"]
