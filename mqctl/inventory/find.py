"""Where an inventory is: a path, `./inventories/NAME`, or a topology that mqctl brings along."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from mqctl import share
from mqctl.errors import UsageError
from mqctl.private import STATE_DIR

_NOT_COPIED = shutil.ignore_patterns(STATE_DIR, "secrets.yml")


@dataclass(frozen=True)
class Found:
    """An inventory's path, and what the user should know about how it came to be."""

    path: Path
    note: str = ""


def find(name_or_dir: str) -> Path:
    """The inventory of that name or path, absolute; UsageError when there is none."""
    return locate(name_or_dir).path


def locate(name_or_dir: str) -> Found:
    """Like `find`, with a note when a bundled topology was copied into the user's data directory."""
    given = Path(name_or_dir).expanduser()
    if not name_or_dir:
        raise UsageError("no inventory was named", f"bundled topologies: {', '.join(bundled())}")
    if given.exists():
        # without `..`: what was brought up as x/../y is found again as y
        return Found(Path(os.path.abspath(given)))  # noqa: PTH100 -- resolve() would follow links
    if given.name == name_or_dir:
        checkout = Path("inventories") / name_or_dir
        if checkout.exists():
            return Found(checkout.absolute())
        if name_or_dir in bundled():
            return _copied(name_or_dir)
    raise _unknown(name_or_dir)


def bundled() -> tuple[str, ...]:
    """The names of the topologies that mqctl brings along."""
    return tuple(sorted(path.name for path in (share.root() / "inventories").iterdir() if path.is_dir()))


def _copied(name: str) -> Found:
    """The user's own copy, made once: an installed package's files are not for writing."""
    data = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share")
    target = data.absolute() / "mqctl" / "inventories" / name
    if target.exists():
        return Found(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{name}.{os.getpid()}")
    shutil.copytree(share.root() / "inventories" / name, half, ignore=_NOT_COPIED)
    half.chmod(0o700)
    half.rename(target)
    return Found(target, f"copied the bundled topology {name} to {target}; change it there")


def _unknown(name: str) -> UsageError:
    near = get_close_matches(name, bundled(), n=1)
    hint = f"did you mean {near[0]}?" if near else f"bundled topologies: {', '.join(bundled())};"
    return UsageError(f"no inventory {name}", f"{hint} or give a directory with a hosts.yml")
