"""The Jinja that resolves an inventory's templates: no access to Python, and an end to every computation.

Templates run inside mqctl, so one that never ends or that fills the memory would take mqctl with it.
Repeating, powers and padding have limits, loops share a number of turns, and macros, which may call
themselves, are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sized
from typing import Any

from jinja2 import StrictUndefined, nodes
from jinja2.exceptions import SecurityError
from jinja2.filters import do_format
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

LONGEST = 10_000
"""Characters, entries or binary digits that a template may make out of little."""
TURNS = 100_000
"""Turns that the loops of one template may take together."""
_PADDING = {"center", "ljust", "rjust", "zfill", "expandtabs", "format", "format_map"}
_WIDTH = re.compile(r"%[^a-zA-Z%]*?(\d{5,}|\*)")
_COUNTED = "mqctl_counted"


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja for values that people write; OverflowError and SecurityError for what has no business there."""

    intercepted_binops = frozenset(("*", "**", "%"))

    def __init__(self) -> None:
        super().__init__(undefined=StrictUndefined, keep_trailing_newline=True)
        self._left = 0
        self.filters[_COUNTED] = self._counted
        self.filters["format"] = self._format
        for name in ("center", "indent", "slice", "batch"):
            del self.filters[name]
        del self.globals["lipsum"]

    def parse(self, source: str, name: str | None = None, filename: str | None = None) -> nodes.Template:
        """The template's tree with its loops counted; SecurityError for macros."""
        tree = super().parse(source, name, filename)
        if tree.find(nodes.Macro) or tree.find(nodes.CallBlock):
            raise SecurityError("macros do not belong into a variable")
        for loop in tree.find_all(nodes.For):
            if loop.recursive:
                raise SecurityError("recursive loops do not belong into a variable")
            loop.iter = nodes.Filter(loop.iter, _COUNTED, [], [], None, None, lineno=loop.lineno)
        return tree

    def start(self) -> None:
        """Give the next template all its turns."""
        self._left = TURNS

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Not what pads a text to any width."""
        return not (isinstance(obj, str) and attr in _PADDING) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Jinja's own exception for `str.format`, which is_safe_attribute refuses too."""

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The operation, unless its result is out of all proportion."""
        if operator == "%" and isinstance(left, str) and _WIDTH.search(left):
            raise OverflowError
        if operator == "*" and max(_repeated(left, right), _repeated(right, left)) > LONGEST:
            raise OverflowError
        if operator == "**" and _bits(left) * max(abs(right), 1) > LONGEST:
            raise OverflowError
        return super().call_binop(context, operator, left, right)

    def _format(self, text: str, *args: Any, **named: Any) -> str:
        if _WIDTH.search(text):
            raise OverflowError
        return do_format(text, *args, **named)

    def _counted(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self._left -= 1
            if self._left < 0:
                raise OverflowError
            yield item


def _repeated(what: Any, times: Any) -> int:
    if not isinstance(times, int):
        return 0
    if isinstance(what, int):
        return _bits(what) + _bits(times)
    return len(what) * times if isinstance(what, Sized) else 0


def _bits(number: Any) -> int:
    return number.bit_length() if isinstance(number, int) else 1
