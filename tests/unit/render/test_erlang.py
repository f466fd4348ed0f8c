"""Python values as Erlang terms, and back through a reader of the tests' own."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.render.erlang import pretty, term
from mqctl.render.refusal import CannotCarryError
from tests.unit.render.erlang_reader import Atom, Charlist, read

TERMS = {
    "binary": ("guest", '<<"guest">>'),
    "UTF-8": ("é", '<<"\\x{e9}"/utf8>>'),
    "quotes and backslashes": ('a"b\\c', '<<"a\\"b\\\\c">>'),
    "line break": ("a\nb", '<<"a\\x{a}b">>'),
    "integer": (-3, "-3"),
    "float": (0.4, "0.4"),
    "float with an exponent": (1e-20, "1.0e-20"),
    "large float": (1e22, "1.0e+22"),
    "true": (True, "true"),
    "list": (["a", 1], '[<<"a">>,1]'),
    "empty": ({}, "[]"),
    "mapping": ({"a": 1, "b c": 2}, "[{a,1},{'b c',2}]"),
    "atom": ({"atom": "verify_peer"}, "verify_peer"),
    "node": ({"atom": "rabbit@mq1"}, "rabbit@mq1"),
    "long node": ({"atom": "rabbit@mq1.example"}, "'rabbit@mq1.example'"),
    "reserved word": ({"atom": "end"}, "'end'"),
    "upper case": ({"atom": "End"}, "'End'"),
    "string": ({"string": "/etc/x.pem"}, '"/etc/x.pem"'),
    "tuple": ({"tuple": [1, {"string": "a"}]}, '{1,"a"}'),
    "a list of pairs with a tag's name": ({"proplist": {"atom": 1}}, "[{atom,1}]"),
    "a tag beside another key": ({"atom": "x", "b": 1}, '[{atom,<<"x">>},{b,1}]'),
}


@pytest.mark.parametrize("case", TERMS)
def test_term(case: str) -> None:
    value, text = TERMS[case]
    assert term(value, "x") == text


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "NoneType has no counterpart"),
        (math.nan, "no NaN"),
        (math.inf, "no infinite number"),
        ({"atom": "x" * 256}, "at most 255"),
        ({"x" * 256: 1}, "at most 255"),
        ({"atom": 1}, "take a text"),
        ({"string": ["a"]}, "take a text"),
        ({"tuple": "abc"}, "tuple takes a list"),
        ({"proplist": []}, "proplist takes a mapping"),
        ([b"bytes"], "bytes has no counterpart"),
    ],
)
def test_what_erlang_has_no_word_for_is_refused(value: Any, why: str) -> None:
    with pytest.raises(CannotCarryError, match=why) as caught:
        term({"deep": [value]}, "rabbitmq_advanced_config")
    assert caught.value.message.startswith("rabbitmq_advanced_config: ")


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=30)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
        st.builds(lambda text: {"atom": text}, TEXTS),
        st.builds(lambda text: {"string": text}, TEXTS),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(NAMES.filter(lambda name: name not in TAGS), inner, max_size=4),
        st.builds(lambda items: {"tuple": items}, st.lists(inner, max_size=4)),
    ),
    max_leaves=20,
)
TAGS = ("atom", "string", "binary", "tuple", "proplist")


def meant(value: Any) -> Any:
    """What the reader must find for a value."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)) in TAGS:
            tag, inner = next(iter(value.items()))
            if tag == "atom":
                return {"true": True, "false": False}.get(inner, Atom(inner))
            return Charlist(inner) if tag == "string" else tuple(meant(item) for item in inner)
        return [
            ({"true": True, "false": False}.get(key, Atom(key)), meant(item)) for key, item in value.items()
        ]
    return [meant(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_every_value_comes_back(value: Any) -> None:
    assert read(term(value, "x") + ".") == meant(value)


@given(VALUES)
def test_line_breaks_change_nothing(value: Any) -> None:
    assert read(pretty(value, "x") + ".") == meant(value)
