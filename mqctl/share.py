"""Where templates, roles, playbooks and inventories lie: the checkout's top, or inside the wheel."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def root() -> Path:
    """The directory that holds templates, roles, playbooks, inventories and ansible.cfg."""
    installed = _PACKAGE / "_share"
    return installed if installed.is_dir() else _PACKAGE.parent
