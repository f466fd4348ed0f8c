"""Values in each format, read back the way the programs read them."""

from __future__ import annotations

import re
import shlex
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mqctl.render import quoting
from mqctl.render.refusal import CannotCarryError
from tests.nasty import CONF_EVIL, EVIL, VRRP_EVIL

LINES = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=40)
NASTY = st.one_of(LINES, st.text(st.sampled_from("'\"\\$%#{}! ~é日"), min_size=1, max_size=12))


def read_conf(line: str) -> str:
    """Cuttlefish: up to a comment, without the blanks around."""
    return line.partition("=")[2].partition("#")[0].strip()


def read_haproxy(word: str) -> str:
    """HAProxy: nothing is special in strong quotes; outside of them a backslash hides the next character."""
    pieces = re.fullmatch(r"(?:'[^']*'|\\.)*", word)
    assert pieces, word
    return "".join(piece[1:-1] if piece[0] == "'" else piece[1] for piece in re.findall(r"'[^']*'|\\.", word))


def read_keepalived(word: str) -> str:
    """Keepalived: from one double quote to the next."""
    assert word[0] == word[-1] == '"'
    assert '"' not in word[1:-1]
    return word[1:-1]


def read_perl(word: str) -> str:
    """Perl: a backslash is one unless it hides a quote or another backslash."""
    assert re.fullmatch(r"'(?:[^'\\]|\\.)*'", word), word
    return re.sub(r"\\([\\'])", r"\1", word[1:-1])


@given(NASTY)
@example(CONF_EVIL)
def test_rabbitmq_conf_carries_a_value_whole_or_refuses(value: str) -> None:
    try:
        written = quoting.conf(value, "key")
    except CannotCarryError:
        assert not value.isascii() or "#" in value or value != value.strip() or value[0] == "'"
        return
    assert read_conf(f"key = {written}") == value


@given(NASTY)
@example(EVIL)
def test_haproxy_carries_everything(value: str) -> None:
    assert read_haproxy(quoting.haproxy(value, "x")) == value


@given(NASTY)
@example(VRRP_EVIL)
def test_keepalived_carries_a_value_whole_or_refuses(value: str) -> None:
    try:
        written = quoting.keepalived(value, "x")
    except CannotCarryError:
        assert '"' in value or value == "}" or re.search(r"\$\{?_|~(SEQ|LST)", value)
        return
    assert read_keepalived(written) == value


@given(NASTY)
@example(EVIL)
def test_a_shell_reads_back_everything(value: str) -> None:
    assert shlex.split(quoting.shell(value, "x")) == [value]


def test_the_shell_itself_reads_back_the_worst() -> None:
    script = f"printf %s {quoting.shell(EVIL, 'x')}"
    assert subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout.decode() == EVIL


@given(NASTY)
@example(EVIL)
def test_perl_reads_back_everything(value: str) -> None:
    assert read_perl(quoting.perl(value, "x")) == value


@pytest.mark.parametrize(
    "write", [quoting.haproxy, quoting.keepalived, quoting.shell, quoting.perl, quoting.conf]
)
@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b"])
def test_no_format_carries_a_line_break(write: object, value: str) -> None:
    with pytest.raises(CannotCarryError, match=r"^password: ") as caught:
        write("a" + value, "password")  # type: ignore[operator]
    assert value not in caught.value.message


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a#b", "comment"),
        (" a", "drops blanks"),
        ("a ", "drops blanks"),
        ("é", "ASCII"),
        ("a\tb", "ASCII"),
        ("'a'", "quote at the start"),
        ("", "empty"),
    ],
)
def test_what_rabbitmq_conf_refuses(value: str, why: str) -> None:
    with pytest.raises(CannotCarryError, match=why) as caught:
        quoting.conf(value, "ldap_auth.dn")
    assert "rabbitmq_advanced_config" in caught.value.hint


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ('a"b', "double quote"),
        ("$_PWD", "variable"),
        ("${_HASH}", "variable"),
        ("~SEQ(1)", "variable"),
        ("}", "lone }"),
    ],
)
def test_what_keepalived_refuses(value: str, why: str) -> None:
    with pytest.raises(CannotCarryError, match=why):
        quoting.keepalived(value, "keepalived_auth_pass")


def test_haproxy_refuses_what_its_line_buffer_cannot_hold() -> None:
    with pytest.raises(CannotCarryError, match="at most"):
        quoting.haproxy("é" * 1000, "haproxy_stats_password")
