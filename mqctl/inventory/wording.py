"""Pydantic's errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from mqctl.inventory.masking import shown
from mqctl.model.problem import Problem

OURS = ("rabbitmq_", "haproxy_", "keepalived_", "mqctl_")
"""How the variables begin that mqctl reads, but for Ansible's own."""


def problems(error: ValidationError, prefix: str, model: type[BaseModel], host: str) -> list[Problem]:
    """A problem for each of pydantic's errors; unions report once, with what they would take."""
    found: dict[str, Problem] = {}
    for detail in error.errors(include_url=False):
        problem = _problem(detail, prefix, model, host)
        found.setdefault(problem.path, problem)
    return list(found.values())


def closest(name: str, known: Iterable[str]) -> str:
    """`did you mean x?`, or nothing when no known name is near."""
    matches = get_close_matches(name, list(known), n=1)
    return f"did you mean {matches[0]}?" if matches else ""


def advised(problem: Problem) -> Problem:
    """The problem with a hint where it has none: where the variable is explained."""
    variable = re.split(r"[.\[ ]", problem.path, maxsplit=1)[0]
    own = variable.startswith(OURS)
    hint = f"inventories/example explains {variable}" if own else "as Ansible's documentation describes it"
    return problem if problem.hint else replace(problem, hint=hint)


def _problem(detail: ErrorDetails, prefix: str, model: type[BaseModel], host: str) -> Problem:
    path = location(prefix, detail["loc"])
    kind, value = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        known = _keys(model, detail["loc"][:-1])
        hint = closest(str(detail["loc"][-1]), known) or f"known keys: {', '.join(known)}"
        return Problem(path, "is not a known key", hint=hint, host=host)
    if kind == "missing":
        return Problem(path, "is required", hint=_example(path), host=host)
    return Problem(path, _rule(detail), shown(path, value), _hint(kind, value), host)


def location(prefix: str, loc: Sequence[int | str]) -> str:
    """`rabbitmq_policies[0].pattern`; the parts of pydantic's location that name a union's branch are cut."""
    path = f"{prefix}{loc[0]}" if loc else prefix.rstrip("_")
    for part in loc[1:]:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _branch(part):
            continue
        elif part == "[key]":
            path += " (key)"
        else:
            path += f".{part}"
    return path


_BRANCHES = {
    "str",
    "int",
    "float",
    "bool",
    "ipv4address",
    "ipv6address",
    "ipv4interface",
    "ipv6interface",
    "ipv4network",
    "ipv6network",
}


def _branch(part: str) -> bool:
    """A union's branch in pydantic's locations, e.g. `int` or `lax-or-strict[...]`."""
    return part.lower() in _BRANCHES or "[" in part.removesuffix("[key]")


def _keys(model: type[BaseModel], loc: Sequence[int | str]) -> list[str]:
    """The keys that the model at a location knows, by the names that people write."""
    for part in loc:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _inner(field.annotation) if field else model
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel]:
    """The model inside an annotation such as `tuple[Policy, ...]` or `LabSettings | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for argument in getattr(annotation, "__args__", ()):
        inner = _inner(argument)
        if inner is not BaseModel:
            return inner
    return BaseModel


_RULES: Mapping[str, str] = {
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "ip_v4_address": "must be an IP address",
    "ip_v6_address": "must be an IP address",
    "ip_v4_interface": "must be an IP address with its prefix length",
    "ip_v6_interface": "must be an IP address with its prefix length",
    "ip_v4_network": "must be an IPv4 network without host bits",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} character(s)",
    "list_too_short": "must have at least {min_length} in the list",
    "too_long": "must have at most {max_length} characters",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_pattern_mismatch": "must match {pattern}",
    "literal_error": "must be one of {expected}",
    "value_error": "{error}",
    "finite_number": "must be a finite number",
}


def _rule(detail: ErrorDetails) -> str:
    of_a_list = detail["type"] == "too_short" and isinstance(detail["input"], list)
    rule = _RULES.get("list_too_short" if of_a_list else detail["type"])
    if rule is None:
        message = detail["msg"]
        return message[:1].lower() + message[1:]
    return rule.format(**detail.get("ctx", {})).replace("'", "")


def _hint(kind: str, value: Any) -> str:
    if kind == "string_type" and isinstance(value, int | float):
        return "put quotes around it"
    if kind == "tuple_type" and isinstance(value, str):
        return "write it as a list: [...]"
    return ""


def _example(path: str) -> str:
    examples = {
        "keepalived_virtual_address": "the address that clients connect to, e.g. 192.0.2.100/24",
        "keepalived_priority": "each host its own in host_vars, e.g. 150 and 100",
    }
    return examples.get(path, "")
