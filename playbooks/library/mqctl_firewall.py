"""Ansible module: loads mqctl's packet filter or takes it away, and proves it by asking the kernel."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_firewall
short_description: Loads or removes the packet filter of mqctl, with proof
description:
  - The table is mqctl's own, replaced in one transaction; no other table is touched.
  - It judges only who opens connections to ports of RabbitMQ, HAProxy and Keepalived, never SSH.
options:
  action:
    description: What the packet filter needs.
    type: str
    choices: [start, reload, stop]
    required: true
  table: {description: Its table in family inet., type: str, default: mqctl}
  config: {description: Its rules., type: path, default: /etc/mqctl/firewall.nft}
  unit: {description: The systemd unit., type: str, default: mqctl-firewall.service}
  timeout: {description: Seconds until the proof must be there., type: int, default: 10}
author:
  - mqctl
"""

EXAMPLES = """
- name: Load the firewall
  mqctl_firewall:
    action: reload
"""

RETURN = """
note:
  description: What was done.
  type: str
  returned: success
"""

import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_systemd import NotDoneError, bring, control, do, journal, poll, run


def loaded(table):
    """Whether the kernel has the table."""
    if not shutil.which("nft"):
        return False
    listed = run(["nft", "list", "tables", "inet"])
    if listed.returncode:
        raise NotDoneError(f"nft list tables: {listed.stderr.strip() or listed.returncode}")
    return f"table inet {table}" in listed.stdout.splitlines()


def start(unit, table, timeout):
    """Started: loaded now and at every boot."""
    bring("start", unit)
    poll(lambda: loaded(table), timeout, lambda: f"the kernel has no table inet {table}\n{journal(unit)}")
    return "loaded"


def reload(unit, table, timeout):
    """The old rules hold until the new ones are in their place."""
    bring("reload", unit)
    poll(lambda: loaded(table), timeout, lambda: f"the kernel has no table inet {table}\n{journal(unit)}")
    return "loaded again"


def stop(unit, table, timeout):
    """Gone now, and at the next boot. A unit whose file is missing already knows no way to take it away."""
    if run(["systemctl", "cat", "--", unit]).returncode == 0:
        control("disable", "--now", "--quiet", unit)
    if loaded(table):
        run(["nft", "delete", "table", "inet", table])
    poll(lambda: not loaded(table), timeout, lambda: f"the kernel still has table inet {table}")
    return "removed"


def main():
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": ["start", "reload", "stop"]},
            "table": {"type": "str", "default": "mqctl"},
            "config": {"type": "path", "default": "/etc/mqctl/firewall.nft"},
            "unit": {"type": "str", "default": "mqctl-firewall.service"},
            "timeout": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    do(module, {"start": start, "reload": reload, "stop": stop}, module.params["table"])


if __name__ == "__main__":
    main()
