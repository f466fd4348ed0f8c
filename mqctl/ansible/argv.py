"""How ansible-playbook is called: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

CALLBACKS = Path(__file__).resolve().parent / "callback"


def playbook(
    playbook: Path,
    inventory: Path,
    *,
    groups: Path,
    plan: Path,
    hosts: Sequence[str] = (),
    forks: int,
    vault: Sequence[str] = (),
) -> list[str]:
    """The command line.

    `groups` is an inventory that sorts the hosts by their work, `plan` has variables, `hosts` limits the run,
    `vault` are Ansible's own options.
    """
    limit = ["--limit", ",".join(hosts)] if hosts else []
    return [
        "ansible-playbook",
        *("-i", str(inventory)),
        *("-i", str(groups)),
        *("--extra-vars", f"@{plan}"),
        *limit,
        *("--forks", str(forks)),
        *vault,
        str(playbook),
    ]


def variables(plan: Path) -> dict[str, str]:
    """The plan as playbooks/apply.yml has it; read from its file, so that none of it counts as a template."""
    return {
        "mqctl_plan": "{{ lookup('ansible.builtin.file', mqctl_plan_file) | from_json }}",
        "mqctl_plan_file": str(plan),
    }


def inventory(groups: Mapping[str, Iterable[str]]) -> dict[str, Any]:
    """Groups of hosts, the empty ones too, as Ansible's YAML inventory has them."""
    return {name: {"hosts": dict.fromkeys(hosts)} for name, hosts in groups.items()}


def environment(config: Path, control: Path) -> dict[str, str]:
    """What this process's environment is extended by; `control` is where SSH keeps its shared connections.

    Host key checking and most of what a user's environment says stays as it is; what would print modules'
    arguments, or keep them on the hosts, is switched off.
    """
    return {
        "ANSIBLE_CONFIG": str(config),
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_STDOUT_CALLBACK": "mqctl_events",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(control),
        "ANSIBLE_VERBOSITY": "0",
        "ANSIBLE_DEBUG": "0",
        "ANSIBLE_KEEP_REMOTE_FILES": "0",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORCE_COLOR": "0",
        "LC_ALL": "C.UTF-8",
    }
