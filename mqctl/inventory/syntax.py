"""Where an inventory's YAML is malformed: Ansible does not always name the file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from mqctl.model.problem import Problem

_SUFFIXES = {".yml", ".yaml", ".json"}


def check(source: Path) -> list[Problem]:
    """Syntax errors and repeated keys in the inventory's YAML files, group_vars and host_vars."""
    return [problem for file in files(source) for problem in _check(file)]


def files(source: Path) -> Iterator[Path]:
    """The inventory's YAML files: its source when it is one, and those of group_vars and host_vars."""
    directory = source if source.is_dir() else source.parent
    if source.is_file() and source.suffix in _SUFFIXES:
        yield source
    for name in ("group_vars", "host_vars"):
        for file in sorted((directory / name).rglob("*")):
            hidden = any(part.startswith(".") for part in file.relative_to(directory).parts)
            if file.is_file() and not hidden and file.suffix in _SUFFIXES | {""}:
                yield file


def _check(file: Path) -> Iterator[Problem]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        yield Problem(str(file), f"cannot be read: {type(error).__name__}", hint="YAML files are UTF-8 text")
        return
    if text.startswith("$ANSIBLE_VAULT"):
        return
    try:
        node = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        yield Problem(_at(file, mark), f"is not valid YAML: {error.problem}", hint=_HINT)
        return
    except yaml.YAMLError:
        yield Problem(str(file), "is not valid YAML: it has characters that YAML does not allow", hint=_HINT)
        return
    yield from _repeated(file, node)


_HINT = "text with : # { [ * & ! % @ ` or quotes in it needs quotes around it"


def _repeated(file: Path, node: yaml.Node | None) -> Iterator[Problem]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen and name != "<<":
                yield Problem(
                    _at(file, key.start_mark), f"repeats the key {name}", hint="keep one of the two"
                )
            seen.add(name)
            yield from _repeated(file, value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(file, item)


def _at(file: Path, mark: yaml.Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
