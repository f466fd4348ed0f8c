"""Templates of the hosts' files loop and print: whatever is decided is decided in mqctl/render/context.

The report's page is no file that a program obeys: it may leave out what is empty.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import jinja2
import pytest

from mqctl import share
from mqctl.render import engine

ROOT = share.root() / "templates"
TEMPLATES = sorted(path for path in ROOT.rglob("*.j2") if path.parent != ROOT / "report")


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_statements_are_loops(path: object) -> None:
    statements = re.findall(r"{%-?\s*(\w+)", path.read_text())  # type: ignore[attr-defined]
    assert set(statements) <= {"for", "endfor"}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_expressions_decide_nothing(path: object) -> None:
    for expression in re.findall(r"{{(.*?)}}", path.read_text()):  # type: ignore[attr-defined]
        assert re.fullmatch(r' [a-z_.]+(?: \| [a-z]+(?:\((?:"[a-z_]+"|[a-z_.]+)\))?)? ', expression), (
            expression
        )


def test_there_are_templates() -> None:
    assert len(TEMPLATES) >= 9


@dataclass(frozen=True)
class Nothing:
    pass


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_what_a_context_lacks_is_an_error(path: object) -> None:
    name = str(path.relative_to(share.root() / "templates"))  # type: ignore[attr-defined]
    with pytest.raises(jinja2.UndefinedError):
        engine.text(name, Nothing())
