"""What is wrong with an inventory, all of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mqctl.errors import UsageError
from mqctl.model.problem import Problem
from mqctl.model.visible import visible


class InventoryError(UsageError):
    """The inventory is refused; `problems` says everything that is wrong with it."""

    def __init__(self, inventory: Path, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "a problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = [f"the inventory {inventory} has {count}"]
        for problem in self.problems:
            lines.append(f"  {problem}")
            if problem.hint:
                lines.append(f"    hint: {visible(problem.hint)}")
        super().__init__("\n".join(lines))


class ShadowedSecretsError(UsageError):
    """A secret was generated, and something that Ansible prefers takes its place with nothing."""

    def __init__(self, inventory: Path, missing: Sequence[str]) -> None:
        super().__init__(
            f"the inventory {inventory} has no value for {', '.join(missing)}, and one in "
            "group_vars/all/secrets.yml would not be heard",
            "a group or a host has the variable too, and goes before: write the value there, or take it away",
        )


class MissingSecretsError(UsageError):
    """The inventory has no cookie or passwords yet; `missing` names the variables."""

    def __init__(self, inventory: Path, missing: Sequence[str]) -> None:
        self.missing = tuple(missing)
        super().__init__(
            f"the inventory {inventory} has no secrets yet: {', '.join(self.missing)}",
            "deploy and render generate them, or set them in group_vars/all/secrets.yml",
        )
