"""Scenarios: short YAML files beside this module, and a user's own."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mqctl.errors import UsageError
from mqctl.model.scenario import Scenario

Breadth = Literal["by-default", "with-all"]


@dataclass(frozen=True)
class Choice:
    """What a person wants to play."""

    names: tuple[str, ...] = ()
    directory: Path | None = None
    """Scenarios of one's own."""
    breadth: Breadth = "by-default"
    source: str = ""
    """Where the names come from when it is not the command line."""

    def or_else(self, names: tuple[str, ...], source: str) -> Choice:
        """Itself when the person chose anything, else these names."""
        chosen = self.names or self.directory or self.breadth == "with-all"
        return self if chosen or not names else Choice(names, source=source)


def bundled() -> tuple[Scenario, ...]:
    """All that come with mqctl, by file name: the order in which they run."""
    return _read(files("mqctl.faults").joinpath("scenarios"))


def choose(choice: Choice) -> tuple[Scenario, ...]:
    """The scenarios of these names, each once, in the order given, bundled ones and one's own.

    Without names: all of one's own, or without any the bundled ones of that breadth; never those that want to
    be asked for by name. Raises UsageError.
    """
    own = _own(choice.directory) if choice.directory else ()
    known = {scenario.name: scenario for scenario in (*bundled(), *own)}
    unknown = [name for name in choice.names if name not in known]
    if unknown:
        where = f" in {choice.source}" if choice.source else ""
        raise UsageError(f"no scenario {', '.join(unknown)}{where}", f"there are: {', '.join(known)}")
    if choice.names:
        return tuple(known[name] for name in dict.fromkeys(choice.names))
    wanted = ("by-default",) if choice.breadth == "by-default" and not own else ("by-default", "with-all")
    return tuple(scenario for scenario in own or known.values() if scenario.run in wanted)


def listed(choice: Choice) -> tuple[Scenario, ...]:
    """What `--list` explains: the scenarios of these names, or all that there are. Raises UsageError."""
    if choice.names:
        return choose(choice)
    return (*bundled(), *(_own(choice.directory) if choice.directory else ()))


def _own(directory: Path) -> tuple[Scenario, ...]:
    """A user's scenarios: none of them may have the name of a bundled one."""
    if not directory.is_dir():
        raise UsageError(f"no directory {directory}", "give --scenarios a directory of .yaml files")
    own = _read(directory)
    if not own:
        raise UsageError(f"no scenario in {directory}", "a scenario is a file that ends in .yaml")
    taken = sorted({scenario.name for scenario in bundled()} & {scenario.name for scenario in own})
    if taken:
        raise UsageError(
            f"{directory}: mqctl has a scenario {taken[0]} already", "give the file another name"
        )
    return own


def _read(directory: Traversable) -> tuple[Scenario, ...]:
    entries = sorted((entry.name, entry) for entry in directory.iterdir())
    return tuple(parse(entry.read_text("utf-8"), name) for name, entry in entries if name.endswith(".yaml"))


def parse(text: str, source: str) -> Scenario:
    """One scenario; its name is the file's. Raises UsageError naming every key that is wrong."""
    try:
        data = yaml.safe_load(text)
        if not isinstance(data, dict):
            raise UsageError(f"{source}: a scenario is a mapping: title, fault, target, hold, expect")
        return Scenario.model_validate({"name": Path(source).stem, **data})
    except yaml.YAMLError as error:
        raise UsageError(f"{source}: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        raise UsageError(f"{source}: {'; '.join(map(_problem, error.errors()))}") from None


def _problem(found: ErrorDetails) -> str:
    """Where, and what is wrong; our own sentences without pydantic's words before them."""
    where = ".".join(str(part) for part in found["loc"])
    what = found["msg"].removeprefix("Value error, ")
    return f"{where}: {what}" if where else what
