"""Templates that would never end, or fill the memory: refused soon, in words of our own."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.inventory.jinja import Resolver, UnresolvedError
from mqctl.inventory.listing import Listing
from tests.fuzz.judge import bounded


def resolver(text: object) -> Resolver:
    return Resolver(Listing(Path("/inventory/hosts.yml"), ("a",), {"all": ("a",)}, {"a": {"x": text}}), {})


@pytest.mark.parametrize(
    "text",
    [
        "{{ 'x' * 10**10 }}",
        "{{ [0] * 10**10 }}",
        "{{ 9**9**9**9**9 }}",
        "{{ '%99999999999d' % 1 }}",
        "{{ '%*d' % (99999999999, 1) }}",
        "{{ '{:>9999999999}'.format(1) }}",
        "{{ 'x'.ljust(10**10) }}",
        "{{ 5 | center(10**9) }}",
        "{{ lipsum(n=10**7) }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{{ ''.__class__.__mro__ }}",
    ],
)
def test_it_is_refused_soon(text: str) -> None:
    with bounded(5), pytest.raises(UnresolvedError) as caught:
        resolver(text).value("a", "x")
    assert caught.value.reason.startswith("cannot be resolved: ")
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ 'ab' * 3 }}", "ababab"),
        ("{{ 2 ** 10 }}", 1024),
        ("{{ '%03d' % 7 }}", "007"),
        ("{% for a in range(3) %}{{ a }}{% endfor %}", "012"),
    ],
)
def test_ordinary_ones_are_resolved(text: str, value: object) -> None:
    assert resolver(text).value("a", "x") == value


def test_each_template_has_all_turns_of_its_own() -> None:
    """Thousands of hosts may share one that loops."""
    listing = Listing(
        Path("/inventory/hosts.yml"),
        ("a",),
        {"all": ("a",)},
        {"a": {f"x{i}": f"{{% for b in range(999) %}}{{% endfor %}}{i}" for i in range(200)}},
    )
    found = Resolver(listing, {})
    assert [found.value("a", f"x{i}") for i in range(200)] == [str(i) for i in range(200)]
