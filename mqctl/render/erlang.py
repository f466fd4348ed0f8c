"""Python values as Erlang terms, in ASCII only: the text means the same in every encoding.

The notation (docs/rendering.md): text is a binary, a mapping a list of pairs with atom keys, a list a list,
numbers and booleans are themselves; what YAML has no word for is a mapping with one of the keys of `_TAGS`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mqctl.render.refusal import CannotCarryError

_BARE_ATOM = re.compile(r"[a-z][A-Za-z0-9_@]*")
_RESERVED = frozenset(
    (
        *(
            "after",
            "and",
            "andalso",
            "band",
            "begin",
            "bnot",
            "bor",
            "bsl",
            "bsr",
            "bxor",
            "case",
            "catch",
            "cond",
        ),
        *("div", "else", "end", "fun", "if", "let", "maybe", "not", "of", "or", "orelse", "receive", "rem"),
        *("try", "when", "xor"),
    )
)
_LONGEST_ATOM = 255
_INDENT = "  "
_WIDTH = 100


def term(value: Any, what: str) -> str:
    """The value on one line. CannotCarryError, which names `what`, when Erlang has no such term."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return number(value, what)
    if isinstance(value, str):
        return binary(value)
    if isinstance(value, Mapping):
        return _mapping(value, what)
    if isinstance(value, Sequence) and not isinstance(value, bytes):
        return "[" + ",".join(term(item, what) for item in value) + "]"
    raise CannotCarryError(what, f"{type(value).__name__} has no counterpart in Erlang")


def pretty(value: Any, what: str, indent: int = 0) -> str:
    """The value over as many lines as it needs, the first one not indented."""
    flat = term(value, what)
    if len(flat) + indent * len(_INDENT) <= _WIDTH or not isinstance(value, Mapping | list | tuple):
        return flat
    if isinstance(value, Mapping) and _tag(value):
        return flat
    margin = "\n" + _INDENT * (indent + 1)
    if isinstance(value, Mapping):
        parts = [
            f"{{{atom(str(key), what)}, {pretty(item, what, indent + 1)}}}" for key, item in value.items()
        ]
    else:
        parts = [pretty(item, what, indent + 1) for item in value]
    return "[" + margin + ("," + margin).join(parts) + "\n" + _INDENT * indent + "]"


def number(value: float, what: str) -> str:
    """A float; Erlang wants digits on both sides of the point, before an exponent too."""
    if not math.isfinite(value):
        raise CannotCarryError(what, "Erlang has no infinite number and no NaN")
    digits, mark, exponent = repr(value).partition("e")
    return (digits if "." in digits else digits + ".0") + mark + exponent


def binary(text: str) -> str:
    """A text as UTF-8 binary: what RabbitMQ wants for names."""
    return f"<<{string(text)}{'' if text.isascii() else '/utf8'}>>"


def string(text: str) -> str:
    """A text as list of code points: what Erlang's own applications want, e.g. for paths."""
    return _quoted(text, '"')


def atom(text: str, what: str) -> str:
    """An atom, quoted where it must be; at most 255 characters."""
    if len(text) > _LONGEST_ATOM:
        raise CannotCarryError(what, f"an Erlang atom has at most {_LONGEST_ATOM} characters")
    if _BARE_ATOM.fullmatch(text) and text not in _RESERVED:
        return text
    return _quoted(text, "'")


def _mapping(value: Mapping[Any, Any], what: str) -> str:
    if tag := _tag(value):
        return _TAGS[tag](value[tag], what)
    pairs = (f"{{{atom(str(key), what)},{term(item, what)}}}" for key, item in value.items())
    return "[" + ",".join(pairs) + "]"


def _tag(value: Mapping[Any, Any]) -> str:
    """The tag of a mapping that stands for something else, empty for an ordinary one."""
    key = next(iter(value), "") if len(value) == 1 else ""
    return key if isinstance(key, str) and key in _TAGS else ""


def _tagged_text(write: Callable[[str, str], str]) -> Callable[[Any, str], str]:
    def printed(value: Any, what: str) -> str:
        if not isinstance(value, str):
            raise CannotCarryError(what, "atom, string and binary take a text")
        return write(value, what)

    return printed


def _tuple(value: Any, what: str) -> str:
    if not isinstance(value, list | tuple):
        raise CannotCarryError(what, "tuple takes a list")
    return "{" + ",".join(term(item, what) for item in value) + "}"


def _proplist(value: Any, what: str) -> str:
    if not isinstance(value, Mapping):
        raise CannotCarryError(what, "proplist takes a mapping")
    pairs = (f"{{{atom(str(key), what)},{term(item, what)}}}" for key, item in value.items())
    return "[" + ",".join(pairs) + "]"


_TAGS: dict[str, Callable[[Any, str], str]] = {
    "atom": _tagged_text(atom),
    "string": _tagged_text(lambda text, _: string(text)),
    "binary": _tagged_text(lambda text, _: binary(text)),
    "tuple": _tuple,
    "proplist": _proplist,
}


def _quoted(text: str, quote: str) -> str:
    return quote + "".join(_escaped(character, quote) for character in text) + quote


def _escaped(character: str, quote: str) -> str:
    if character in (quote, "\\"):
        return "\\" + character
    if " " <= character <= "~":
        return character
    return f"\\x{{{ord(character):x}}}"
