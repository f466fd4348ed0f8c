"""Templates in variables: what they become, and why they cannot."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.errors import UsageError
from mqctl.inventory.jinja import Resolver, UnresolvedError
from mqctl.inventory.listing import Listing

HOSTS = ("mq1", "mq2")


def resolver(variables: dict[str, Any], vault: dict[str, str | UsageError] | None = None) -> Resolver:
    listing = Listing(
        Path("/site/hosts.yml"),
        HOSTS,
        {"all": HOSTS, "rabbitmq": HOSTS, "ungrouped": ()},
        {"mq1": variables, "mq2": {"port": 5673, "own": "{{ inventory_hostname }}"}},
    )
    return Resolver(listing, vault or {})


def value(text: Any, **variables: Any) -> Any:
    return resolver({**variables, "x": text}).value("mq1", "x")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("{{ port }}", 5672),
        ("{{ port + 1 }}", 5673),
        (" {{ port }}", " 5672"),
        ("{{ port }}{{ port }}", "56725672"),
        ("{{ '123' }}", "123"),
        ("{{ 5 }}", 5),
        ("{{ [1, port] }}", [1, 5672]),
        ("{{ {'a': port} }}", {"a": 5672}),
        ("{{ digits }}", "0042"),
        ("{{ nothing }}", None),
        ("{{ yes }}", True),
        ("{{ absent | default('d') }}", "d"),
        ("{{ broken | default('d') }}", "d"),
        ("{{ names | map('upper') }}", ["A", "B"]),
        ("{{ names | join(',') }}", "a,b"),
        ("{% for name in names %}{{ name }};{% endfor %}", "a;b;"),
        ("{{ inventory_hostname }}", "mq1"),
        ("{{ inventory_dir }}/key", "/site/key"),
        ("{{ inventory_file }}", "/site/hosts.yml"),
        ("{{ groups['rabbitmq'] }}", ["mq1", "mq2"]),
        ("{{ groups.rabbitmq | length }}", 2),
        ("{{ group_names }}", ["rabbitmq"]),
        ("{{ hostvars['mq2'].port }}", 5673),
        ("{{ hostvars.mq2['own'] }}", "mq2"),
        ("{{ nested.list[1] }}", "deep 5672"),
        ("line\n{{ port }}\n", "line\n5672\n"),
    ],
)
def test_values(text: str, expected: object) -> None:
    got = value(
        text,
        port=5672,
        digits="0042",
        nothing=None,
        yes=True,
        names=["a", "b"],
        broken="{{ nowhere }}",
        nested={"list": [1, "deep {{ port }}"]},
    )
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{{ absent }}", "cannot be resolved: 'absent' is undefined"),
        ("a {{ absent }}", "cannot be resolved: 'absent' is undefined"),
        ("{{ [absent] }}", "cannot be resolved: 'absent' is undefined"),
        ("{{ a }}", "cannot be resolved: a -> b -> a refers to itself"),
        ("{{ x }}", "cannot be resolved: x -> x refers to itself"),
        ("{{ hostvars['mq9'].port }}", "cannot be resolved"),
        ("{{ 'a' | password_hash }}", "cannot be resolved: no filter named 'password_hash'"),
        ("{{ 'a' is vault_encrypted }}", "cannot be resolved: no test named 'vault_encrypted'"),
        ("{{ lookup('env', 'HOME') }}", "cannot be resolved: 'lookup' is undefined"),
        ("pa{{ss", "is not a valid Jinja template"),
        ("pa{#ss", "is not a valid Jinja template"),
        ("{{ 1 / 0 }}", "cannot be resolved: ZeroDivisionError in its template"),
        ("{{ 'a' + 1 }}", "cannot be resolved: TypeError in its template"),
        ("{{ groups.update({}) }}", "cannot be resolved"),
        ("{{ ''.__class__ }}", "cannot be resolved"),
    ],
)
def test_refusals(text: str, reason: str) -> None:
    with pytest.raises(UnresolvedError) as raised:
        value(text, a="{{ b }}", b="{{ a }}")
    assert raised.value.reason.startswith(reason)


def test_unsafe_is_taken_as_it_is() -> None:
    assert value({"__ansible_unsafe": "{{ x }} {# {%"}) == "{{ x }} {# {%"


def test_vault_values_are_never_templates() -> None:
    known = resolver({"x": {"__ansible_vault": "c"}, "y": "<{{ x }}>"}, {"c": "se{{cret"})
    assert known.value("mq1", "x") == "se{{cret"
    assert known.value("mq1", "y") == "<se{{cret>"


def test_vault_value_that_does_not_open() -> None:
    closed = resolver({"x": [{"__ansible_vault": "c"}]}, {"c": UsageError("shut", "key")})
    with pytest.raises(UnresolvedError) as raised:
        closed.value("mq1", "x")
    assert (raised.value.reason, raised.value.hint, raised.value.where) == ("shut", "key", "[0]")


def test_the_place_of_a_broken_template_is_named() -> None:
    with pytest.raises(UnresolvedError) as raised:
        value({"a": ["fine", {"b": "{{ nowhere }}"}]})
    assert raised.value.where == ".a[1].b"


PLAIN = st.text().filter(lambda text: not any(mark in text for mark in ("{{", "{%", "{#")))
TREES = st.recursive(
    PLAIN | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner) | st.dictionaries(PLAIN.filter(lambda key: key[:9] != "__ansible"), inner),
)


@given(TREES)
def test_what_has_no_template_is_untouched(tree: Any) -> None:
    assert value(tree) == tree


@given(TREES)
def test_a_reference_has_the_type_and_value_of_what_it_refers_to(tree: Any) -> None:
    got = value("{{ other }}", other=tree)
    assert got == tree
    assert type(got) is type(tree)


LITERAL = PLAIN.filter(lambda text: "\r" not in text)
"""Jinja makes every line break of a template a \\n."""


@given(PLAIN, LITERAL.filter(lambda text: not text.endswith("{")), LITERAL)
def test_text_is_put_in_word_for_word(inner: str, before: str, after: str) -> None:
    if before or after:
        assert value(before + "{{ other }}" + after, other=inner) == before + inner + after


@given(st.text())
def test_any_text_gives_a_value_or_is_refused(text: str) -> None:
    with suppress(UnresolvedError):
        value("{{" + text)
