"""Ansible module: starts or reloads HAProxy, and proves that the new configuration is in force."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_haproxy
short_description: Starts or reloads HAProxy, with proof
description:
  - The proof is the runtime socket, which must be answered by a worker that is younger than the reload.
  - HAProxy is never restarted; its master process lives through every reload.
options:
  action: {description: What HAProxy needs., type: str, choices: [start, reload], required: true}
  socket: {description: Its runtime socket., type: path, required: true}
  config: {description: HAProxy's configuration file., type: path, default: /etc/haproxy/haproxy.cfg}
  unit: {description: The systemd unit., type: str, default: haproxy.service}
  timeout: {description: Seconds until the proof must be there., type: int, default: 30}
author:
  - mqctl
"""

EXAMPLES = """
- name: Reload HAProxy
  mqctl_haproxy:
    action: reload
    socket: /run/haproxy/admin.sock
"""

RETURN = """
note:
  description: What was done.
  type: str
  returned: success
"""

import re
import socket

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_systemd import NotDoneError, bring, do, journal, poll, state

LOOK = 0.05
"""Seconds between two looks: asking the socket costs next to nothing, and reloads take tenths of a second."""


def worker(path):
    """The process that answers HAProxy's runtime socket; 0 when nobody does."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(2)
            client.connect(path)
            client.sendall(b"show info\n")
            said = b"".join(iter(lambda: client.recv(65536), b""))
    except OSError:
        return 0
    found = re.search(rb"^Pid: (\d+)", said, re.MULTILINE)
    return int(found.group(1)) if found else 0


def start(unit, path, timeout):
    """Started, and somebody answers."""
    bring("start", unit)
    poll(lambda: worker(path), timeout, lambda: f"haproxy does not answer on {path}\n{journal(unit)}", LOOK)
    return "started"


def reload(unit, path, timeout):
    """The old worker serves until the new one has bound everything; then the socket changes hands."""
    master, old = state(unit)["MainPID"], worker(path)
    bring("reload", unit)
    poll(
        lambda: worker(path) not in (0, old),
        timeout,
        lambda: f"haproxy still runs on its old configuration\n{journal(unit)}",
        LOOK,
    )
    if state(unit)["MainPID"] != master:
        raise NotDoneError("haproxy was restarted by its reload")
    return "reloaded"


def main():
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["start", "reload"]},
            "socket": {"type": "path", "required": True},
            "config": {"type": "path", "default": "/etc/haproxy/haproxy.cfg"},
            "unit": {"type": "str", "default": "haproxy.service"},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    do(module, {"start": start, "reload": reload}, module.params["socket"])


if __name__ == "__main__":
    main()
