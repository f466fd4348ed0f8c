"""A reader of the Erlang terms that mqctl writes, made for the tests, apart from the writer."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<float>-?\d+\.\d+(?:e[+-]?\d+)?) | (?P<integer>-?\d+) | (?P<bare>[a-z][A-Za-z0-9_@]*)
    | (?P<atom>'(?:[^'\\]|\\.)*') | (?P<text>"(?:[^"\\]|\\.)*") | (?P<open><<) | (?P<close>/utf8>>|>>)
    | (?P<mark>[\[\]{},.])
    )""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Atom:
    name: str


@dataclass(frozen=True)
class Charlist:
    text: str


def read(source: str) -> Any:
    """The one term of a file: binaries as str, lists as list, tuples as tuple."""
    assert source.isascii()
    tokens = _tokens(source)
    value, rest = _term(tokens)
    assert rest == [("mark", ".")], rest
    return value


def _tokens(source: str) -> list[tuple[str, str]]:
    source = re.sub(r"(?m)^%%.*$", "", source)
    found: list[tuple[str, str]] = []
    position = 0
    while source[position:].strip():
        match = _TOKEN.match(source, position)
        assert match, source[position : position + 40]
        found.append((str(match.lastgroup), match[str(match.lastgroup)]))
        position = match.end()
    return found


def _term(tokens: list[tuple[str, str]]) -> tuple[Any, list[tuple[str, str]]]:
    (kind, text), rest = tokens[0], tokens[1:]
    if kind == "float":
        return float(text), rest
    if kind == "integer":
        return int(text), rest
    if kind == "bare":
        return {"true": True, "false": False}.get(text, Atom(text)), rest
    if kind == "atom":
        return Atom(_unescaped(text)), rest
    if kind == "text":
        return Charlist(_unescaped(text)), rest
    if kind == "open":
        value, after = _term(rest)
        assert after[0][0] == "close"
        assert value.text.isascii() or after[0][1] == "/utf8>>"
        return value.text, after[1:]
    assert text in "[{", text
    closing = {"[": "]", "{": "}"}[text]
    items, rest = _items(rest, closing)
    return (items if text == "[" else tuple(items)), rest


def _items(tokens: list[tuple[str, str]], closing: str) -> tuple[list[Any], list[tuple[str, str]]]:
    items: list[Any] = []
    while tokens[0] != ("mark", closing):
        value, tokens = _term(tokens)
        items.append(value)
        assert tokens[0][1] in (",", closing)
        if tokens[0][1] == ",":
            tokens = tokens[1:]
            assert tokens[0] != ("mark", closing), "a trailing comma"
    return items, tokens[1:]


def _unescaped(quoted: str) -> str:
    return re.sub(
        r"\\(?:x\{([0-9a-f]+)\}|(.))",
        lambda match: chr(int(match[1], 16)) if match[1] else match[2],
        quoted[1:-1],
        flags=re.DOTALL,
    )
