"""Bundles in a directory of this machine: HOST/path/of/the/file, below it and nowhere else."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from pydantic import SecretStr

from mqctl.errors import UsageError
from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec, HostBundle
from mqctl.model.diff import file_diff
from mqctl.model.hostsblock import merge

_PRIVATE = 0o600
_DIRECTORY = 0o700


def write(directory: Path, bundles: Mapping[str, HostBundle]) -> list[Path]:
    """Write the files, replace older ones, remove those that must not exist; the paths written.

    Directories are made 0700; files get their own mode, those with secrets 0600. UsageError for a path that
    leads out of the directory through a link, and for what cannot be written.
    """
    written: list[Path] = []
    for target, spec in _targets(directory, bundles):
        try:
            if spec.kind == "absent":
                target.unlink(missing_ok=True)
            else:
                _place(target, spec)
                written.append(target)
        except OSError as error:
            raise _unwritable(target, error) from None
    return written


def differences(directory: Path, bundles: Mapping[str, HostBundle]) -> Iterator[str]:
    """A unified diff of each file that `write` would change, secrets masked; one line where all is secret."""
    for target, spec in _targets(directory, bundles):
        before = _read(target)
        after = None if spec.kind == "absent" else SecretStr(text(spec))
        if _revealed(before) == _revealed(after):
            continue
        shown = spec.model_copy(update={"path": str(target.relative_to(directory))})
        yield file_diff(shown, before, after) or f"{shown.path}: contents differ\n"


def text(spec: FileSpec) -> str:
    """The file's content; a managed block as it is in an otherwise empty file."""
    content = reveal(spec.content)
    return merge("", content) if spec.kind == "block" else content


def _targets(directory: Path, bundles: Mapping[str, HostBundle]) -> Iterator[tuple[Path, FileSpec]]:
    if directory.exists() and not directory.is_dir():
        raise UsageError(f"{directory} is not a directory", "give --out a directory, it is made when missing")
    for host, bundle in bundles.items():
        for spec in bundle.files:
            yield _inside(directory, Path(host, spec.path.lstrip("/"))), spec


def _inside(directory: Path, relative: Path) -> Path:
    """The target's path, when neither `..` nor a link on the way leads elsewhere."""
    target = directory / relative
    links = [directory.joinpath(*relative.parts[:depth]) for depth in range(1, len(relative.parts) + 1)]
    if ".." in relative.parts or any(path.is_symlink() for path in links):
        raise UsageError(f"{target} leads out of {directory}", "remove the link, or give another --out")
    return target


def _place(target: Path, spec: FileSpec) -> None:
    """Beside it first, then renamed: a reader sees the old file or the new one, never half of it."""
    _make_directories(target.parent)
    mode = int(spec.mode, 8) if spec.secrecy == "public" else _PRIVATE
    if _is_there(target, spec, mode):
        return
    beside = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text(spec))
            os.fchmod(file.fileno(), mode)
        beside.rename(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def _is_there(target: Path, spec: FileSpec, mode: int) -> bool:
    """Renaming over a file waits for the disc, which of thousands of unchanged files is most of the time."""
    try:
        before = target.read_bytes()
        return before == text(spec).encode() and stat.S_IMODE(target.stat().st_mode) == mode
    except OSError:
        return False  # a reason to write it, which says what is wrong if that fails as well


def _make_directories(path: Path) -> None:
    """Like mkdir -p, private at every level: pathlib's own `parents` would ignore the mode."""
    missing = [parent for parent in (path, *path.parents) if not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir(mode=_DIRECTORY, exist_ok=True)


def _read(target: Path) -> SecretStr | None:
    try:
        return SecretStr(target.read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {target}: {error.strerror}") from None


def _revealed(content: SecretStr | None) -> str | None:
    return None if content is None else reveal(content)


def _unwritable(target: Path, error: OSError) -> UsageError:
    return UsageError(f"cannot write {target}: {(error.strerror or 'failed').lower()}", "give another --out")
