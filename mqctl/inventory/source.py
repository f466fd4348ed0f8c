"""Reading an inventory with Ansible's own program, and saying what is wrong when it cannot."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from mqctl import share
from mqctl.errors import MqctlError, UsageError
from mqctl.inventory import syntax
from mqctl.inventory.errors import InventoryError
from mqctl.inventory.listing import Listing, parse
from mqctl.inventory.memo import Memo
from mqctl.inventory.vault import QUIET, VaultOptions, refused
from mqctl.model.problem import Problem
from mqctl.process import Result, run

_TIMEOUT = 120.0
_DEEPEST = 60
"""Levels of what ansible-inventory prints; those of a file's own variables and a few around them."""
_FILES = ("hosts.yml", "hosts.yaml", "hosts.ini", "hosts", "inventory.yml", "inventory.ini")
_ENVIRONMENT = {
    **QUIET,
    "ANSIBLE_INVENTORY_EXPORT": "0",
    "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "1",
}
_IGNORED = re.compile(
    r"Skipping unexpected key \((?P<key>[^)]*)\) in group \((?P<group>[^)]*)\)"
    r"|Skipping '(?P<entry>[^']*)' as this is not a valid group definition"
)


def source(path: Path) -> Path:
    """The source behind a path: a directory's hosts file, so that other files beside it are not read.

    A directory without one is left to Ansible, which reads every file in it. UsageError when there is none.
    """
    path = path.expanduser().absolute()
    if not path.exists():
        raise UsageError(
            f"no inventory {path}", "give a directory with a hosts.yml, or a bundled topology's name"
        )
    if path.is_dir():
        return next((path / name for name in _FILES if (path / name).is_file()), path)
    return path


def read(path: Path, vault: VaultOptions) -> Listing:
    """Ask ansible-inventory, which needs half a second, unless it was asked about the same files before.

    Raises InventoryError for what Ansible cannot parse or silently ignores, UsageError for a vault that
    does not open, ProgramError when ansible-inventory is missing.
    """
    vault.check()
    where = source(path)
    memo = Memo(where)
    known = memo.recall()
    printed = _ask(path, where, vault) if known is None else known
    listing = parse(_data(path, printed), where)
    if not listing.hosts:
        raise UsageError(
            f"the inventory {path} has no hosts", "name them in the groups rabbitmq, haproxy, keepalived"
        )
    if known is None:
        memo.keep(printed)
    return listing


def _ask(path: Path, where: Path, vault: VaultOptions) -> str:
    problems = syntax.check(where)
    if problems:
        raise InventoryError(path, problems)
    result = run(
        ("ansible-inventory", "-i", str(where), "--list", "--playbook-dir", _playbooks(), *vault.argv()),
        env=_ENVIRONMENT,
        timeout=_TIMEOUT,
    )
    if not result.ok:
        raise _refused(path, result)
    problems = _ignored(result.stderr)
    if problems:
        raise InventoryError(path, problems)
    return result.stdout


def _data(path: Path, printed: str) -> dict[str, Any]:
    """What was printed, as data. UsageError for what is too deep or too long to read."""
    try:
        data: dict[str, Any] = json.loads(printed)
    except (ValueError, RecursionError):
        data = {}
    if not data or _too_deep(data):
        raise UsageError(
            f"the inventory {path} has a value that mqctl cannot read",
            "no number has thousands of digits, and no variable dozens of levels",
        )
    return data


def _too_deep(data: Any) -> bool:
    """Without recursion, which is what too much depth would break."""
    level = [data]
    for _ in range(_DEEPEST):
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
        if not level:
            return False
    return True


def _playbooks() -> str:
    """No variables lie beside mqctl's playbooks; without this Ansible takes the working directory's."""
    return str(share.root() / "playbooks")


def _refused(path: Path, result: Result) -> MqctlError:
    said = result.stderr
    if re.search(r"vault|decrypt", said, re.IGNORECASE):
        return refused(result)
    if "not JSON serializable" in said:
        return UsageError(
            f"the inventory {path} has a value that Ansible cannot print",
            "use text, numbers, lists and mappings",
        )
    if "as an inventory source" in said or "were parsed" in said or "parse inventory" in said:
        return UsageError(f"{path} is not an Ansible inventory", _first(said))
    return UsageError(f"ansible-inventory refused {path}", _first(said))


def _first(said: str) -> str:
    """The first complaint of an Ansible program, without its level."""
    complaint = re.search(r"^\[(?:ERROR|WARNING)\]: (.*)$", said, re.MULTILINE)
    return f"Ansible says: {complaint[1].rstrip('.')}" if complaint else ""


def _ignored(said: str) -> list[Problem]:
    """What Ansible warns about and leaves out, which would silently lose hosts or variables."""
    return [
        Problem(
            f"group {match['group']}" if match["group"] else match["entry"],
            f"has the unknown key {match['key']}" if match["key"] else "is not a group",
            hint="a group may have hosts, vars and children",
        )
        for match in _IGNORED.finditer(" ".join(said.split()))
    ]
