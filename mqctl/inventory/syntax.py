"""Where an inventory's YAML is malformed: Ansible does not always name the file and line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from mqctl.model.problem import Problem

_SUFFIXES = {".yml", ".yaml", ".json"}


_DEEPEST = 50
"""Levels of lists and mappings: variables have five, and programs that follow them have a limit too."""
_MOST = 1_000_000
"""Values in one file, those that aliases repeat counted each time."""


def check(source: Path) -> list[Problem]:
    """What is wrong with the inventory's YAML files, its group_vars and host_vars among them.

    Syntax errors, repeated keys, and what never ends or grows out of all bounds.
    """
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
    shape = _Shape(file)
    shape.size(node)
    yield from shape.problems


_HINT = "text with : # { [ * & ! % @ ` or quotes in it needs quotes around it"


class _Shape:
    """A look at every node of a file, once: aliases make one node the child of many, even of itself."""

    def __init__(self, file: Path) -> None:
        self.problems: list[Problem] = []
        self._file = file
        self._sizes: dict[int, int] = {}
        self._above: list[int] = []

    def size(self, node: yaml.Node | None) -> int:
        """How many values a node is when its aliases are written out."""
        if node is None or isinstance(node, yaml.ScalarNode):
            return 1
        if id(node) in self._above:
            return self._note(node, "contains itself", "write the value out in place of its alias")
        if id(node) not in self._sizes:
            self._sizes[id(node)] = self._look(node)
        return self._sizes[id(node)]

    def _look(self, node: yaml.Node) -> int:
        if len(self._above) == _DEEPEST:
            return self._note(node, f"has more than {_DEEPEST} levels", "no variable needs as many")
        self._repeated(node)
        self._above.append(id(node))
        size = 1 + sum(map(self.size, _children(node)))
        self._above.pop()
        if size > _MOST:
            rule = f"has more than {_MOST} values once its aliases are written out"
            return self._note(node, rule, "repeat less of them")
        return size

    def _repeated(self, node: yaml.Node) -> None:
        seen: set[str] = set()
        for key in (key for key, _ in node.value) if isinstance(node, yaml.MappingNode) else ():
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen and name != "<<":
                self._note(key, f"repeats the key {name}", "keep one of the two")
            seen.add(name)

    def _note(self, node: yaml.Node, rule: str, hint: str) -> int:
        self.problems.append(Problem(_at(self._file, node.start_mark), rule, hint=hint))
        return 1


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    for item in node.value:
        if isinstance(item, tuple):
            yield from item
        else:
            yield item


def _at(file: Path, mark: yaml.Mark | None) -> str:
    return f"{file}:{mark.line + 1}:{mark.column + 1}" if mark else str(file)
