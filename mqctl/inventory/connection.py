"""Ansible's connection variables."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from mqctl.inventory import wording
from mqctl.inventory.settings import Reading
from mqctl.model.problem import Problem
from mqctl.model.topology import Connection

_VARIABLES = {
    "host": ("ansible_host", "ansible_ssh_host"),
    "port": ("ansible_port", "ansible_ssh_port"),
    "user": ("ansible_user", "ansible_ssh_user"),
    "password": ("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"),
    "private_key": ("ansible_ssh_private_key_file", "ansible_private_key_file"),
    "become": ("ansible_become",),
    "become_password": ("ansible_become_password", "ansible_become_pass"),
    "python": ("ansible_python_interpreter",),
}
_OPTIONS = ("ansible_ssh_common_args", "ansible_ssh_extra_args")


def connection(reading: Reading) -> Connection | None:
    """How SSH reaches the host; None when one of its variables has a problem, which is then noted."""
    values = {field: _first(reading, names) for field, names in _VARIABLES.items()}
    values = {field: value for field, value in values.items() if value is not None}
    values.setdefault("host", reading.host)
    for field in ("user", "password", "become_password"):
        if isinstance(values.get(field), int | float) and not isinstance(values[field], bool):
            values[field] = str(values[field])
    if "private_key" in values:
        values["private_key"] = Path(str(values["private_key"])).expanduser()
    if str(values.get("python", "auto")).startswith("auto"):
        values.pop("python", None)
    values["ssh_options"] = _options(reading)
    try:
        return Connection.model_validate(values)
    except ValidationError as error:
        for problem in wording.problems(error, "", Connection, reading.host):
            path = _VARIABLES.get(problem.path, (problem.path,))[0]
            reading.problems.append(Problem(path, problem.rule, problem.got, problem.hint, reading.host))
        return None


def _first(reading: Reading, names: tuple[str, ...]) -> Any:
    for name in names:
        value = reading.variable(name)
        if value is not None:
            return value
    return None


def _options(reading: Reading) -> dict[str, str]:
    """The `-o Name=Value` options, names lowered; ssh's own quotes around a value are taken off."""
    options: dict[str, str] = {}
    for variable in _OPTIONS:
        text = reading.variable(variable, "")
        try:
            words = shlex.split(str(text))
        except ValueError:
            hint = "close it"
            reading.problems.append(Problem(variable, "has an open quote", hint=hint, host=reading.host))
            continue
        options.update(_pairs(words))
    return options


def _pairs(words: list[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for before, word in zip(["", *words], words, strict=False):
        option = word if before == "-o" else word.removeprefix("-o") if word.startswith("-o") else ""
        name, equals, value = option.partition("=")
        if equals:
            pairs[name.strip().lower()] = value.strip().strip('"')
    return pairs
