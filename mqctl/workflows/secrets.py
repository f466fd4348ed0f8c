"""What `mqctl secrets` does: make what is missing, say what there is, change it under all rules."""

from __future__ import annotations

import os
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mqctl.errors import UsageError
from mqctl.inventory import InventoryError, VaultOptions, assemble, find, known_secrets, secrets, vault
from mqctl.inventory.load import read
from mqctl.inventory.source import source
from mqctl.model.base import reveal
from mqctl.private import STATE_DIR
from mqctl.process import attached

_MEMORY = (os.environ.get("XDG_RUNTIME_DIR", ""), "/dev/shm")  # noqa: S108 -- a directory of our own is made there
"""Where files are in memory, so that what a vault protects never lies on a disk in the clear."""

Editor = Callable[[Sequence[str]], int]


@dataclass(frozen=True)
class Row:
    """A secret as it may be shown."""

    name: str
    defined: tuple[Path, ...]
    """None of them: elsewhere (an INI file, an inventory plugin), or nowhere yet."""
    missing: bool


def init(name_or_dir: str, options: VaultOptions) -> tuple[Path, tuple[str, ...]]:
    """Generate what the inventory lacks; the file and the names of what was made. Raises like `load`."""
    inventory = find(name_or_dir)
    absent = assemble.missing(read(inventory, options).draft)
    if absent:
        secrets.generate(inventory, absent, options)
    return secrets.secrets_file(inventory), absent


def show(name_or_dir: str, options: VaultOptions) -> list[Row]:
    """Every secret, and where it is defined. Raises like `load`, but not for missing secrets."""
    inventory = find(name_or_dir)
    where = source(inventory)
    return [
        Row(
            secret.name,
            tuple(known_secrets.definitions(where, secret.variable, options)),
            secret.value is None,
        )
        for secret in known_secrets.known(read(inventory, options).draft)
    ]


def value(name_or_dir: str, name: str, options: VaultOptions) -> str:
    """The secret of that name; UsageError when there is none."""
    found = {secret.name: secret for secret in known_secrets.known(read(find(name_or_dir), options).draft)}
    secret = found.get(name)
    if secret is None:
        raise UsageError(f"there is no secret {name}", f"there are {', '.join(found)}")
    if secret.value is None:
        raise UsageError(f"{name} does not exist yet", "mqctl secrets init makes what is missing")
    return reveal(secret.value)


def edit(name_or_dir: str, options: VaultOptions, editor: Editor = attached) -> tuple[Path, bool]:
    """Let the user edit the secrets file; its path, and whether it changed.

    UsageError when there is none, when the editor fails, or when the result is no inventory that mqctl would
    take: then the old file stays as it was.
    """
    inventory = find(name_or_dir)
    file = secrets.secrets_file(inventory)
    if not file.is_file():
        raise UsageError(f"{file} does not exist", "mqctl secrets init makes it")
    stored = file.read_text(encoding="utf-8")
    closed = stored.startswith(vault.HEADER)
    before = vault.decrypt(stored, options) if closed else stored
    with _private_directory() as place:
        after = _edited(place / file.name, before, editor)
        if after == before:
            return file, False
        _check(inventory, file, after, options, place / "inventory")
        secrets.write(file, vault.encrypt(after, options) if closed else after)
    return file, True


@contextmanager
def _private_directory() -> Iterator[Path]:
    """Only its owner may enter it, and it is gone afterwards, however the block ends."""
    usable = (place for place in _MEMORY if place and os.access(place, os.W_OK | os.X_OK))
    with tempfile.TemporaryDirectory(prefix="mqctl-", dir=next(usable, None)) as name:
        yield Path(name)


def _edited(copy: Path, text: str, editor: Editor) -> str:
    with os.fdopen(
        os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8"
    ) as stream:
        stream.write(text)
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    code = editor([*shlex.split(chosen), str(copy)])
    if code:
        raise UsageError(f"{chosen} ended with exit code {code}: nothing was changed")
    try:
        return copy.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"{chosen} left no text behind: nothing was changed") from None


def _check(inventory: Path, file: Path, text: str, options: VaultOptions, copy: Path) -> None:
    """The whole inventory with the new file in it, by all rules; UsageError with every problem."""
    secrets.extend(text, (), file)
    where = source(inventory)
    _copy(where, copy)
    target = copy / file.relative_to(where if where.is_dir() else where.parent)
    secrets.write(target, text)
    try:
        read(copy if where.is_dir() else copy / where.name, options)
    except InventoryError as error:
        told = error.message.replace(str(copy), str(inventory))
        raise UsageError(f"{told}\nnothing was changed", "edit it again; the old file is as it was") from None


def _copy(where: Path, copy: Path) -> None:
    """What Ansible reads of an inventory, and nothing that lies beside it."""
    if where.is_dir():
        shutil.copytree(where, copy, ignore=shutil.ignore_patterns(STATE_DIR))
        return
    copy.mkdir(mode=0o700)
    shutil.copy2(where, copy)
    for name in ("group_vars", "host_vars"):
        if (where.parent / name).is_dir():
            shutil.copytree(where.parent / name, copy / name)
