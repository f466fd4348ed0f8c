"""What `mqctl lab` does: bring an inventory's lab up, take it down, list labs, reach into a host."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from ipaddress import IPv4Address
from pathlib import Path

from mqctl import lab
from mqctl.errors import UsageError
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.lab import Progress
from mqctl.model.lab import LabSpec, LabState, lab_name
from mqctl.private import STATE_DIR


def up(path: str, vault: VaultOptions, progress: Progress) -> LabSpec:
    """Bring the inventory's lab up; raises UsageError when the inventory is for real hosts."""
    inventory = find(path)
    spec = ensure(inventory, vault).lab
    if spec is None:
        raise UsageError(
            f"{inventory} is for real hosts: it has no mqctl_lab", "mqctl_lab with a subnet makes them a lab"
        )
    lab.up(spec, progress)
    return spec


def down(inventory: str) -> list[str]:
    """Remove the lab of an inventory, or of that name when the inventory is gone; says what was removed.

    The inventory's contents do not matter. Raises UsageError when the lab belongs to another inventory.
    """
    labs = {state.name: state for state in lab.list_labs()}
    try:
        home = _home(inventory)
    except UsageError:
        if inventory not in labs:
            raise
        return lab.down(inventory)
    state = labs.get(lab_name(home))
    if state is not None and state.inventory != home:
        raise UsageError(f"lab {state.name} is for {state.inventory}", f"mqctl lab down {state.inventory}")
    return lab.down(lab_name(home))


def _home(inventory: str) -> Path:
    """The inventory's directory."""
    path = find(inventory)
    return path if path.is_dir() else path.parent


def list_labs() -> tuple[LabState, ...]:
    """Every lab on this machine."""
    return lab.list_labs()


def as_json(labs: Sequence[LabState]) -> str:
    """The labs as JSON text."""
    return json.dumps([state.model_dump(mode="json") for state in labs], indent=2)


def exec_argv(host: str, command: Sequence[str], inventory: str | None, terminal: Sequence[str]) -> list[str]:
    """The OpenSSH command line that runs a command (without one: a shell) on a lab host.

    `terminal` are ssh's own options about the terminal. Raises UsageError when no lab, or more than one,
    has that host.
    """
    state, address = _one(lab.list_labs(), host, inventory)
    argv = lab.ssh_argv(state.inventory / STATE_DIR, address)
    return [argv[0], *terminal, *argv[1:], *([shlex.join(command)] if command else [])]


def _one(labs: Sequence[LabState], host: str, inventory: str | None) -> tuple[LabState, IPv4Address]:
    """The only host of that name, in the lab of that inventory when one is given."""
    home = None if inventory is None else _home(inventory)
    found = [
        (state, member.address)
        for state in labs
        for member in state.hosts
        if member.name == host and member.address and home in (None, state.inventory)
    ]
    if not found:
        raise UsageError(f"no lab has a host {host}", "mqctl lab list")
    if len(found) > 1:
        labs_of = ", ".join(state.name for state, _ in found)
        raise UsageError(f"several labs have a host {host}: {labs_of}", "say which: --inventory NAME|DIR")
    return found[0]
