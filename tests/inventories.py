"""The bundled inventories with their secrets, made once: copies that Ansible was asked about already."""

from __future__ import annotations

import functools
import shutil
import tempfile
from pathlib import Path

from mqctl import private, share
from mqctl.inventory import ensure

_PLACE = tempfile.TemporaryDirectory(prefix="mqctl-bundled-")


def bare(name: str, target: Path) -> None:
    """The inventory without what was made beside it in a checkout."""
    ignored = shutil.ignore_patterns(private.STATE_DIR, "secrets.yml")
    shutil.copytree(share.root() / "inventories" / name, target, ignore=ignored)


def copy(name: str, target: Path) -> None:
    """The inventory with secrets, the same ones in every copy of this process."""
    shutil.copytree(ready(name), target)


@functools.cache
def ready(name: str) -> Path:
    """The one of which they are copies; not to be changed."""
    place = Path(_PLACE.name) / name
    bare(name, place)
    (place / private.STATE_DIR).mkdir(mode=0o700)
    ensure(place)
    return place
