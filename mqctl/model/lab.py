"""The lab's part of an inventory: where its hosts run when they are containers on this machine."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from mqctl.model.base import Model

Release = Literal["bullseye", "bookworm", "trixie", "sid"]


class LabSettings(Model):
    """The inventory variable `mqctl_lab`."""

    image: Release = "bookworm"
    """The Debian release whose packages the hosts run."""
    subnet: IPv4Network
    """The Docker network of this lab alone; hosts' addresses lie in it."""


class LabVolume(Model):
    """Storage that several hosts of a lab mount."""

    name: str
    """Within the lab."""
    path: str
    """Where they mount it."""


class LabHost(Model):
    """A container to be."""

    name: str
    address: IPv4Address
    image: Release | None = None
    """Its Debian release where it is not the lab's."""
    volume: LabVolume | None = None
    """What it shares with other hosts."""


class LabSpec(Model):
    """A whole lab."""

    name: str
    image: Release
    """The Debian release of hosts that do not name their own."""
    subnet: IPv4Network
    hosts: tuple[LabHost, ...]
    state_dir: Path
    """Where its SSH keys lie: `.mqctl` beside the inventory."""

    def release(self, host: LabHost) -> Release:
        """What this host runs."""
        return host.image or self.image

    @property
    def inventory(self) -> Path:
        """The inventory's directory."""
        return self.state_dir.parent


class LabHostState(Model):
    """A container as the engine describes it."""

    name: str
    address: IPv4Address | None
    image: str
    state: str
    """Docker's own word: running, exited, paused, created."""


class LabState(Model):
    """A lab that the engine knows, its hosts by name."""

    name: str
    inventory: Path
    hosts: tuple[LabHostState, ...]


def lab_name(inventory: Path) -> str:
    """The name of an inventory's lab: its directory's name in lower case, anything unusual a hyphen."""
    return re.sub(r"[^a-z0-9]+", "-", inventory.resolve().name.lower()).strip("-") or "lab"
