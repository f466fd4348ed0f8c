"""Ansible module: starts or reloads Keepalived, and looks whether it lived through that."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_keepalived
short_description: Starts or reloads Keepalived, with proof
description:
  - A start is proven by the state that the notify script wrote, a reload by the same process still running.
  - Keepalived is never restarted, so the virtual address does not move.
options:
  action: {description: What Keepalived needs., type: str, choices: [start, reload], required: true}
  config: {description: Its configuration file., type: path, default: /etc/keepalived/keepalived.conf}
  vrrp_state: {description: The notify script's file., type: path, default: /run/mqctl/vrrp.state}
  unit: {description: The systemd unit., type: str, default: keepalived.service}
  timeout: {description: Seconds until the proof must be there., type: int, default: 30}
author:
  - mqctl
"""

EXAMPLES = """
- name: Reload Keepalived
  mqctl_keepalived:
    action: reload
"""

RETURN = """
note:
  description: What was done.
  type: str
  returned: success
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_systemd import NotDoneError, bring, do, journal, poll, state


def start(unit, vrrp_state, timeout):
    """Started, and in a state of VRRP; which one the election decides."""
    if os.path.exists(vrrp_state) and state(unit)["ActiveState"] != "active":
        os.unlink(vrrp_state)
    bring("start", unit)
    poll(
        lambda: os.path.exists(vrrp_state),
        timeout,
        lambda: f"keepalived takes no part in VRRP\n{journal(unit)}",
    )
    return "started"


def reload(unit, _, timeout):
    """A configuration that is refused at run time makes the process end, so it must still be the same one."""
    before = state(unit)["MainPID"]
    bring("reload", unit)
    poll(
        lambda: state(unit)["ActiveState"] == "active",
        timeout,
        lambda: f"keepalived does not run after its reload\n{journal(unit)}",
    )
    if state(unit)["MainPID"] != before:
        raise NotDoneError(f"keepalived ended when it read its configuration\n{journal(unit)}")
    return "reloaded"


def main():
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["start", "reload"]},
            "config": {"type": "path", "default": "/etc/keepalived/keepalived.conf"},
            "vrrp_state": {"type": "path", "default": "/run/mqctl/vrrp.state"},
            "unit": {"type": "str", "default": "keepalived.service"},
            "timeout": {"type": "int", "default": 30},
        },
        supports_check_mode=True,
    )
    do(module, {"start": start, "reload": reload}, module.params["vrrp_state"])


if __name__ == "__main__":
    main()
