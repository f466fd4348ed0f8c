"""The end state of mirrored-3node as conventional roles place it.

Facts are gathered, each file and each unit is a task, and `rabbitmqctl` is asked for each kind of object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from bench import Bench, command

from mqctl.process import find

GROUPS: Mapping[str, tuple[str, ...]] = {
    "mq1,mq2,mq3": ("rabbitmq-server",),
    "lb1,lb2": ("haproxy", "keepalived"),
}
KINDS = ("list_vhosts", "list_users", "list_permissions", "list_policies", "list_queues", "list_bindings")


def run(bench: Bench) -> None:
    """Run the playbook with Ansible's own settings: five hosts at once, facts, no pipelining."""
    playbook = bench.place / "conventional.json"
    playbook.write_text(json.dumps([_play(bench, hosts, units) for hosts, units in GROUPS.items()]))
    hosts = ",".join(bench.addresses) + ","
    ssh = f"-F {bench.config}"
    command([find("ansible-playbook"), "-i", hosts, "--ssh-common-args", ssh, str(playbook)])


def _play(bench: Bench, hosts: str, units: Iterable[str]) -> dict[str, Any]:
    first = hosts.split(",", maxsplit=1)[0]
    manifest = json.loads((bench.tree / "manifest.json").read_text())[first]
    tasks = [
        *({"ansible.builtin.apt": {"name": unit, "state": "present"}} for unit in units),
        *(_file(bench, entry) for entry in manifest),
        *({"ansible.builtin.service": {"name": unit, "state": "started", "enabled": True}} for unit in units),
    ]
    if "rabbitmq-server" in units:
        tasks += [_object(kind) for kind in KINDS]
    return {"hosts": hosts, "gather_facts": True, "tasks": tasks}


def _file(bench: Bench, entry: Mapping[str, str]) -> dict[str, Any]:
    source = f"{bench.tree}/{{{{ inventory_hostname }}}}/{entry['path'].lstrip('/')}"
    return {"ansible.builtin.copy": {**_place(entry), "src": source}}


def _place(entry: Mapping[str, str]) -> dict[str, str]:
    return {name: entry[name] for name in ("owner", "group", "mode")} | {"dest": entry["path"]}


def _object(kind: str) -> dict[str, Any]:
    return {
        "ansible.builtin.command": {"argv": ["rabbitmqctl", "--quiet", kind]},
        "run_once": True,
        "changed_when": False,
    }
