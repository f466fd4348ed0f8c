"""What is mutated: the inventories that mqctl brings along, with secrets that a message must never show."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mqctl.inventory import assemble, bundled, source
from mqctl.inventory.drafting import draft
from mqctl.inventory.listing import Listing
from mqctl.inventory.vault import VaultOptions
from tests import inventories

NAMES = bundled()
MARK = "Zq9"
"""How each secret of the corpus begins; no name, message or hint of ours has it."""


@functools.cache
def listing(name: str) -> Listing:
    """A bundled inventory as Ansible's own program prints it, with every secret that it lacks."""
    with tempfile.TemporaryDirectory() as directory:
        inventory = Path(directory) / name
        inventories.bare(name, inventory)
        return complete(source.read(inventory, VaultOptions()))


def complete(listing: Listing) -> Listing:
    """The same with marked secrets in the place of missing ones."""
    given = secrets(assemble.missing(draft(listing, {}).draft))
    hostvars = {
        host: {**values, **given, **_passwords(values, given)} for host, values in listing.hostvars.items()
    }
    return replace(listing, hostvars=hostvars)


def secrets(missing: Iterable[str]) -> dict[str, Any]:
    """Values for what `assemble.missing` names."""
    found: dict[str, Any] = {}
    for path in missing:
        variable, _, user = path.partition(".")
        if user:
            found.setdefault(variable, {})[user] = f"{MARK}{len(found)}passwordOf"
        else:
            # VRRP 2 has room for eight characters
            found[variable] = f"{MARK}{len(found)}secretLongEnough"[: 8 if "auth_pass" in variable else None]
    return found


def _passwords(values: Any, given: dict[str, Any]) -> dict[str, Any]:
    name = "rabbitmq_passwords"
    if name not in given or not isinstance(values.get(name), dict):
        return {}
    return {name: {**values[name], **given[name]}}
