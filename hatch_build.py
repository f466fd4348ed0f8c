"""The wheel carries the shared data, and never what mqctl keeps beside an inventory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHARED = ("templates", "roles", "playbooks", "inventories", "ansible.cfg")
PRIVATE = frozenset((".mqctl", "secrets.yml", "__pycache__"))
"""Secrets, SSH keys, leftovers: git ignores them too."""


def shared_files(root: Path) -> list[Path]:
    """Every file that travels, relative to the checkout."""
    places = [root / name for name in SHARED]
    files = [path for place in places for path in (place.rglob("*") if place.is_dir() else [place])]
    relative = sorted(path.relative_to(root) for path in files if path.is_file())
    return [path for path in relative if not PRIVATE & set(path.parts)]


class CustomBuildHook(BuildHookInterface[Any]):
    """Adds them to a wheel; an editable installation finds them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called by hatchling before it builds."""
        if version == "standard":
            root = Path(self.root)
            build_data["force_include"] |= {
                str(root / path): f"mqctl/_share/{path}" for path in shared_files(root)
            }
