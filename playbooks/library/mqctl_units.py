"""Ansible module: lets systemd read changed unit files, and enables units, in one call."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_units
short_description: Reloads systemd's unit files and enables units
options:
  enable: {description: Units that must start at boot., type: list, elements: str, default: []}
  daemon_reload: {description: Unit files changed., type: bool, default: false}
author:
  - mqctl
"""

EXAMPLES = """
- name: Enable the services
  mqctl_units:
    enable: [haproxy.service]
    daemon_reload: true
"""

RETURN = "{}"

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_systemd import NotDoneError, control


def main():
    module = AnsibleModule(
        argument_spec={
            "enable": {"type": "list", "elements": "str", "default": []},
            "daemon_reload": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    enable, reload = module.params["enable"], module.params["daemon_reload"]
    try:
        if reload and not module.check_mode:
            control("daemon-reload")
        if enable and not module.check_mode:
            control("enable", "--quiet", *enable)
    except NotDoneError as why:
        module.fail_json(msg=str(why))
    module.exit_json(changed=bool(enable) or reload, note=f"enabled {', '.join(enable)}" if enable else "")


if __name__ == "__main__":
    main()
