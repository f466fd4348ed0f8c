"""Ansible inventories, read into a Topology."""

from mqctl.inventory.errors import InventoryError, MissingSecretsError
from mqctl.inventory.find import Found, bundled, find, locate
from mqctl.inventory.load import load
from mqctl.inventory.secrets import ensure
from mqctl.inventory.vault import VaultOptions
from mqctl.model.problem import Problem

__all__ = [
    "Found",
    "InventoryError",
    "MissingSecretsError",
    "Problem",
    "VaultOptions",
    "bundled",
    "ensure",
    "find",
    "load",
    "locate",
]
