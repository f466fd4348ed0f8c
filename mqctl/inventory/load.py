"""From a path to a topology."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from mqctl.inventory import assemble, certificates, source
from mqctl.inventory.drafting import Drafted, draft
from mqctl.inventory.errors import InventoryError, MissingSecretsError
from mqctl.inventory.listing import Listing
from mqctl.inventory.vault import VaultOptions, decrypt_all
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.model.versions import DEBIAN


def load(path: Path, vault: VaultOptions | None = None) -> Topology:
    """Read and check an inventory; nothing is written.

    Raises InventoryError with every problem, MissingSecretsError when secrets were not generated yet,
    UsageError for a path or vault that cannot be read, ProgramError when Ansible is missing.
    """
    path = path.expanduser().absolute()
    drafted = complete(path, vault or VaultOptions())
    return assemble.topology(drafted, path, certificates.load(drafted.draft, path))


def complete(path: Path, vault: VaultOptions) -> Drafted:
    """Read and check an inventory that lacks no secret; raises like `load`, but not for certificates."""
    drafted = read(path, vault)
    absent = assemble.missing(drafted.draft)
    if absent:
        raise MissingSecretsError(path, absent)
    return drafted


def read(path: Path, vault: VaultOptions) -> Drafted:
    """Read and check an inventory that may still lack its secrets; raises like `load`."""
    listing = source.read(path, vault)
    opened = decrypt_all(ciphertexts(listing.hostvars), vault)
    drafted = draft(listing, opened)
    if drafted.problems:
        raise InventoryError(path, drafted.problems)
    return drafted


def fits(path: Path, vault: VaultOptions) -> dict[Release, bool]:
    """Whether the inventory would be accepted with each of Debian's releases as its lab's."""
    listing = source.read(path, vault)
    opened = decrypt_all(ciphertexts(listing.hostvars), vault)
    return {release: not draft(_on(listing, release), opened).problems for release in DEBIAN}


def _on(listing: Listing, release: Release) -> Listing:
    """All hosts on that release; hosts without a lab stay as they are."""
    hostvars = {
        host: {**values, "mqctl_lab": {**values["mqctl_lab"], "image": release}}
        if isinstance(values.get("mqctl_lab"), dict)
        else values
        for host, values in listing.hostvars.items()
    }
    return replace(listing, hostvars=hostvars)


def ciphertexts(value: Any) -> Iterator[str]:
    """Every inline vault value anywhere in the variables."""
    if isinstance(value, dict):
        if "__ansible_vault" in value:
            if isinstance(value["__ansible_vault"], str):
                yield value["__ansible_vault"]
        else:
            for item in value.values():
                yield from ciphertexts(item)
    elif isinstance(value, list):
        for item in value:
            yield from ciphertexts(item)
