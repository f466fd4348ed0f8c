"""What ansible-inventory said of the very same files before.

Asking it takes half a second, and many seconds for thousands of hosts or objects; comparing files takes none.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path

from mqctl import private, share
from mqctl.process import find

_VARIABLES = ("group_vars", "host_vars")
_CONFIGURATIONS = (Path("ansible.cfg"), Path("~/.ansible.cfg"), Path("/etc/ansible/ansible.cfg"))
"""Where Ansible looks for its configuration (guide "Ansible Configuration Settings")."""
_PLUGIN = re.compile(rb"^[\"']?plugin[\"']?\s*:", re.MULTILINE)
_WHOLE_VAULT = b"$ANSIBLE_VAULT"


class Memo:
    """The last answer about one inventory, in a file that only its owner may read: it may have passwords."""

    def __init__(self, source: Path) -> None:
        self._source = source
        self._place = source.parent / private.STATE_DIR / "listing"
        self._key = _key(source)

    def recall(self) -> str | None:
        """The answer, when it was about these files as they are now."""
        if self._key is None:
            return None
        with suppress(OSError, UnicodeDecodeError):
            key, _, answer = self._place.read_text(encoding="utf-8").partition("\n")
            return answer if key == self._key else None
        return None

    def keep(self, answer: str) -> None:
        """Keep an answer that was given after this memo was made; one about other files goes.

        Only a convenience: a directory that is missing or cannot be written is no error.
        """
        with suppress(OSError):
            if self._key is None or self._key != _key(self._source):
                self._place.unlink(missing_ok=True)
            elif self._place.parent.is_dir():
                private.write(self._place, f"{self._key}\n{answer}".encode())


def _key(source: Path) -> str | None:
    """Of everything that decides the answer; None when files and versions alone do not decide it.

    So it is with scripts, plugins, a configuration of Ansible's, and files that need a vault password. Where
    the inventory lies decides nothing: what is moved with the answer beside it keeps it.
    """
    if any(name.startswith("ANSIBLE_") for name in os.environ):
        return None
    if any(map(_is_foreign, _CONFIGURATIONS)):
        return None
    program = Path(find("ansible-inventory")).resolve()
    digest = hashlib.sha256(f"{version('mqctl')}\n{program}\n{program.stat().st_mtime_ns}".encode())
    try:
        for path in _files(source):
            content = path.read_bytes()
            if not _plain(path, source, content):
                return None
            digest.update(f"\n{path.relative_to(source.parent)}\n{len(content)}\n".encode())
            digest.update(content)
    except OSError:
        return None
    return digest.hexdigest()


def _is_foreign(configuration: Path) -> bool:
    """Whether it is there, and not the one of mqctl's own checkout, which says nothing of inventories."""
    place = configuration.expanduser()
    return place.exists() and place.resolve() != share.root() / "ansible.cfg"


def _files(source: Path) -> Iterator[Path]:
    yield source
    for name in _VARIABLES:
        yield from sorted(path for path in (source.parent / name).rglob("*") if not _is_plain_directory(path))


def _is_plain_directory(path: Path) -> bool:
    """A link to a directory is none: what lies behind it would go unseen, and reading the link fails."""
    return path.is_dir() and not path.is_symlink()


def _plain(path: Path, source: Path, content: bytes) -> bool:
    """Whether Ansible takes the file as it is, without running or decrypting anything."""
    if content.startswith(_WHOLE_VAULT):
        return False
    if path != source:
        return True
    executable = path.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    return path.suffix in (".yml", ".yaml") and not executable and not _PLUGIN.search(content)
