"""Values that nobody meant: wrong types, numbers at and over every edge, hostile text, YAML's surprises."""

from __future__ import annotations

import math
from random import Random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    *(0, -0.0, 1, -1, 2, 3, 15, 255, 256, 65535, 65536, 2**31, 2**32, 2**63, 2**64, 10**30, 10**4000),
    *(0.1, 0.5, -0.5, 1e-9, 1e-320, 1e308, 5672.5, math.nan, math.inf, -math.inf),
)
TEXTS: tuple[str, ...] = (
    *("", " ", "x", "\t", "\n", "a\nb", "a\r\nb", "\0", "a\0b", "\x1b[2J\x1b]0;owned\x07", "\x9b31m", "\x7f"),
    *("é", "日本", "‮evil", "\u2028", "﻿x", "\ud800", "\U0001f407" * 70, "e\u0301", "İ", "ß", "٣"),
    *(
        "q\"uo'te",
        "\\",
        "$HOME ${HOME} `id`",
        "$(reboot)",
        "; reboot",
        "# comment",
        "%s %n %d",
        "-rf",
        "../../etc",
    ),
    *(
        "true",
        "no",
        "null",
        "~",
        "0x1f",
        "0o17",
        "017",
        "1_000",
        "1e3",
        ".inf",
        "12:30:45",
        "2001-12-14",
        "<<",
    ),
    *(
        "{{",
        "}}",
        "{% raw %}",
        "{# x",
        "{{ x }}",
        "{{ inventory_hostname }}",
        "{{ hostvars }}",
        "{{ groups }}",
    ),
    *("{{ hostvars['ghost'].x }}", "{{ 1/0 }}", "{{ 9**9**9 }}", "{{ 'x' * 10**10 }}", "{{ [0] * 10**10 }}"),
    *("{{ range(10**9) | list }}", "{{ lookup('pipe', 'id') }}", "{{ ''.__class__.__mro__ }}", "{{ self }}"),
    *(
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{{ '%99999999999d' % 1 }}",
    ),
    *("{{ cycler }}", "{{ '%c' % 1114112 }}", "{{ 'a'.encode }}", "{{ {}['x'] }}", "{{ 5 | center(10**9) }}"),
    *("{{ lipsum(n=10**7) }}", "{{ '{:>9999999999}'.format(1) }}", "{{ 1 << 10**10 }}", "{{ -1 | abs }}"),
    *(
        "{{ namespace(a=1) }}",
        "{{ joiner }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ None }}",
    ),
    *("{% include 'x' %}", "{% import 'x' as y %}", "{% extends 'x' %}", "{% block x %}{% endblock %}"),
    *("(a+)+$", "(", "[", "*", "^(?=x)*$", "(?<n>x)", "a{99999}", "(" * 500, "\\Q", "(?P<", "[[:alpha:]]"),
    *(
        "192.0.2.1",
        "192.0.2.1/33",
        "256.1.1.1",
        "0.0.0.0",
        "127.0.0.1",
        "224.0.0.1",
        "::1",
        "fe80::1%eth0",
        "::/0",
    ),
    *(
        "2001:db8::1/64",
        "::ffff:192.0.2.1",
        "010.1.1.1",
        "1.2.3",
        "3232235777",
        "10.93.17.11/24",
        "ghost",
        "mq9",
    ),
    *(
        "amqp://",
        "amqp://u:p@[::1",
        "amqp://h:99999",
        "amqp://%zz@h",
        "amqp://h/%2f?x=y",
        "amqps://h:5671/v#f",
    ),
    *(
        "all",
        "localhost",
        "UPPER",
        "a" * 64,
        "a" * 255,
        "a" * 256,
        "x" * 5000,
        "x" * 200_000,
        "a." * 200,
        "-o X=y",
    ),
    *(
        "3.10",
        "4.3",
        "9.9",
        "3",
        "3.10.8-1",
        "v4",
        "latest",
        "quorum",
        "classic",
        "stream",
        "disc",
        "ram",
        "-oProxyCommand=x",
    ),
    *(
        "0640",
        "0999",
        "00:00",
        "eth0",
        "e" * 16,
        "eth 0",
        "/",
        "//",
        "/etc/passwd",
        "/tmp/../x",
        "relative",
        "/a b",
    ),
)
CLASSES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        [],
        {},
        [None],
        [[]],
        [{}],
        {"": None},
        {"x": []},
        [1, "a", None],
        {"a": {"b": {"c": []}}},
    ),
    *(
        {"name": None},
        {"name": "a"},
        [{"name": "a"}, {"name": "a"}],
        {"1": 1},
        {"\x1b[31m": 1},
        {"a\nb": "c"},
    ),
    *(
        {"__ansible_vault": "garbage"},
        {"__ansible_vault": None},
        {"__ansible_vault": [1]},
        {"__ansible_vault": {}},
    ),
    *({"__ansible_unsafe": "{{ x }}"}, {"__ansible_unsafe": None}, {"__ansible_unsafe": {"a": [1]}}),
)


def any_value(rng: Random) -> Any:
    """One of all these."""
    made = rng.random()
    if made < 0.3:
        return rng.choice(NUMBERS)
    if made < 0.7:
        return rng.choice(TEXTS)
    if made < 0.9:
        return rng.choice(CLASSES)
    return deep(rng)


def deep(rng: Random) -> Any:
    """Nested so far as Ansible's own program prints it, or wide."""
    value: Any = rng.choice(TEXTS)
    if rng.random() < 0.3:
        return [value] * rng.choice((300, 3000))
    for _ in range(rng.choice((3, 30, 300))):
        value = [value] if rng.random() < 0.5 else {"x": value}
    return value


def near(value: Any, rng: Random) -> Any:
    """Something close to a value: what a slip of the hand makes of it."""
    if isinstance(value, bool):
        return rng.choice((not value, str(value), int(value), "maybe", None))
    if isinstance(value, int | float):
        return rng.choice(
            (value + 1, value - 1, -value, value * 1000, value // 7, str(value), [value], f"{value}s")
        )
    if isinstance(value, str):
        return _near_text(value, rng)
    if isinstance(value, list):
        return rng.choice(
            (value[:-1], value + value, value[::-1], value[0] if value else None, {"items": value})
        )
    if isinstance(value, dict):
        return rng.choice(
            (list(value), [value], {**value, "extra": 1}, dict(list(value.items())[1:]), str(list(value)))
        )
    return any_value(rng)


def _near_text(text: str, rng: Random) -> Any:
    at = rng.randrange(len(text) + 1)
    return rng.choice(
        (
            text[:at] + text[at + 1 :],
            text[:at] + rng.choice(TEXTS) + text[at:],
            text.upper(),
            f" {text} ",
            f"'{text}'",
            text * 40,
            [text],
            {text: None},
            text[::-1],
            text.replace(".", ","),
            text.encode("utf-8", "replace").hex(),
        )
    )
