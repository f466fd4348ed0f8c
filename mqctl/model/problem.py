"""One thing that is wrong with an inventory."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from mqctl.model.visible import visible


@dataclass(frozen=True)
class Problem:
    """A broken rule: where, what must hold, what was found (never a secret), and what to do about it."""

    path: str
    """The variable, e.g. `rabbitmq_policies[0].pattern`; with the host before it once merged: `mq2: ...`."""
    rule: str
    got: str = ""
    hint: str = ""
    host: str = ""
    """The host that it was found on; empty when it concerns all of them."""

    def __str__(self) -> str:
        where = f"{self.host}: {self.path}" if self.host else self.path
        return visible(f"{where}: {self.rule}, got {self.got}" if self.got else f"{where}: {self.rule}")


def quoted(value: Any) -> str:
    """A value as people write it in YAML: text in quotes, true and false, `nothing`."""
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False, default=str)


def merge(problems: Iterable[Problem], groups: Mapping[str, frozenset[str]]) -> tuple[Problem, ...]:
    """Each problem once: one that a whole group or the inventory shares names no host."""
    found: dict[Problem, list[str]] = {}
    for problem in problems:
        found.setdefault(replace(problem, host=""), []).append(problem.host)
    return tuple(_placed(problem, hosts, groups) for problem, hosts in found.items())


def _placed(problem: Problem, hosts: list[str], groups: Mapping[str, frozenset[str]]) -> Problem:
    names = dict.fromkeys(host for host in hosts if host)
    shared = len(names) > 1 and any(frozenset(names) == members for members in groups.values())
    return problem if shared else replace(problem, host=", ".join(names))
