"""Variables to settings: each on its own, every problem noted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from mqctl.inventory import wording
from mqctl.inventory.jinja import Resolver, UnresolvedError
from mqctl.inventory.listing import Listing
from mqctl.inventory.masking import shown
from mqctl.model.draft import MqctlSettings
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.problem import Problem
from mqctl.model.rabbitmq import RabbitmqSettings

COMPONENTS: Mapping[str, type[BaseModel]] = {
    "rabbitmq": RabbitmqSettings,
    "haproxy": HaproxySettings,
    "keepalived": KeepalivedSettings,
}
"""The inventory groups and what their variables become."""
_PREFIXES: Mapping[str, type[BaseModel]] = {**COMPONENTS, "mqctl": MqctlSettings}

_NONE: Mapping[str, Any] = {}

M = TypeVar("M", bound=BaseModel)


@dataclass
class Reading:
    """A host's variables as they are read, and what was wrong with them."""

    host: str
    resolver: Resolver
    problems: list[Problem] = field(default_factory=list)
    invalid: set[str] = field(default_factory=set)

    def variable(self, name: str, default: Any = None) -> Any:
        """A resolved variable, or the default when it is absent or has a problem."""
        if name not in self.resolver.names(self.host):
            return default
        try:
            return self.resolver.value(self.host, name)
        except UnresolvedError as error:
            path = f"{name}{error.where}"
            self._note(Problem(path, error.reason, hint=error.hint, host=self.host), name)
            return default

    def settings(self, prefix: str, model: type[M], defaults: Mapping[str, Any] = _NONE) -> M | None:
        """A component's settings without the variables that have a problem; None when it needs one.

        `defaults` go before the model's own.
        """
        values = {**defaults, **dict(self._values(f"{prefix}_", model))}
        try:
            return model.model_validate(values)
        except ValidationError as error:
            for problem in wording.problems(error, f"{prefix}_", model, self.host):
                self._note(problem, _variable(problem.path))
        kept = {name: value for name, value in values.items() if f"{prefix}_{name}" not in self.invalid}
        try:
            return model.model_validate(kept)
        except ValidationError:
            return None

    def _values(self, prefix: str, model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
        for name in self.resolver.names(self.host):
            short = name.removeprefix(prefix)
            if name.startswith(prefix) and short in model.model_fields:
                value = self.variable(name)
                if name in self.invalid:
                    continue
                if isinstance(value, bool) and "bool" not in str(model.model_fields[short].annotation):
                    self._note(
                        Problem(name, "must not be true or false", shown(name, value), host=self.host), name
                    )
                    continue
                yield short, value

    def _note(self, problem: Problem, variable: str) -> None:
        self.problems.append(problem)
        self.invalid.add(variable)


def unknown(listing: Listing) -> Iterator[Problem]:
    """Variables with one of our prefixes that nothing reads, on any host."""
    known = [f"{prefix}_{name}" for prefix, model in _PREFIXES.items() for name in model.model_fields]
    for host in listing.hosts:
        for name in listing.hostvars[host]:
            if name.split("_", maxsplit=1)[0] in _PREFIXES and "_" in name and name not in known:
                hint = wording.closest(name, known) or "inventories/example names every variable"
                yield Problem(name, "is not a known variable", hint=hint, host=host)


def _variable(path: str) -> str:
    """The variable that a problem's path begins with."""
    return path.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0].split(" ", maxsplit=1)[0]
