"""A value as each configuration format writes it down; one function per format, the template filters.

`what` names the setting in the refusal of a value that the format cannot carry. The rules were tried with the
programs themselves (tests/lab/test_render_real.py).
"""

from __future__ import annotations

import re

from mqctl.render.refusal import CannotCarryError

_HAPROXY_LINE = 2048 - 256
"""HAProxy reads lines of up to 2,048 bytes (its LINESIZE); the rest is the keyword's."""


def conf_trouble(value: str) -> str:
    """Why rabbitmq.conf cannot carry this text, empty when it can.

    Before RabbitMQ 4 Cuttlefish has no quotes: a value ends where `#` starts a comment or the line ends,
    without the blanks around it; and letters outside ASCII arrive as Latin-1 or not at all.
    """
    if not value:
        return "an empty value cannot be written in rabbitmq.conf"
    if not value.isascii() or not value.isprintable():
        return "rabbitmq.conf carries printable ASCII characters only"
    if "#" in value:
        return "rabbitmq.conf takes what follows # for a comment"
    if value != value.strip():
        return "rabbitmq.conf drops blanks at the start and at the end of a value"
    if value[0] == "'":
        return "rabbitmq.conf keeps a quote at the start of a value before RabbitMQ 4 and drops it since"
    return ""


def conf(value: str, what: str) -> str:
    """A value of rabbitmq.conf, which is written as it is. CannotCarryError when that would change it."""
    if trouble := conf_trouble(value):
        raise CannotCarryError(what, trouble, "say it in rabbitmq_advanced_config, see docs/rendering.md")
    return value


def haproxy(value: str, what: str) -> str:
    """One word of haproxy.cfg in strong quotes, where nothing is special (manual, "Quoting and escaping")."""
    _one_line(value, what, "haproxy.cfg")
    if len(value.encode()) > _HAPROXY_LINE:
        raise CannotCarryError(what, f"haproxy.cfg carries at most {_HAPROXY_LINE} bytes")
    return "'" + value.replace("'", "'\\''") + "'"


def keepalived(value: str, what: str) -> str:
    """One word of keepalived.conf in double quotes, which hide everything but themselves.

    Keepalived replaces `$_NAME`, `${_NAME}` and `~SEQ(...)` even there, and takes a lone quoted `}` for the
    end of a block.
    """
    _one_line(value, what, "keepalived.conf")
    if '"' in value:
        raise CannotCarryError(what, "keepalived.conf cannot carry a double quote")
    if re.search(r"\$\{?_|~(?:SEQ|LST)", value):
        raise CannotCarryError(what, "keepalived.conf would replace a variable in it")
    if value == "}":
        raise CannotCarryError(what, "keepalived.conf takes a lone } for the end of a block")
    return f'"{value}"'


def shell(value: str, what: str) -> str:
    """One word of a POSIX shell script in single quotes."""
    _one_line(value, what, "a shell script")
    return "'" + value.replace("'", "'\\''") + "'"


def env(value: str, what: str) -> str:
    """A value of rabbitmq-env.conf, a shell script; RabbitMQ 3.8's tools fail past Latin-1."""
    if any(ord(character) > 0xFF for character in value):
        raise CannotCarryError(what, "rabbitmq-env.conf carries no letters beyond Latin-1")
    return shell(value, what)


def perl(value: str, what: str) -> str:
    """A Perl string in single quotes, in which only the backslash and the quote are special (perlop)."""
    _one_line(value, what, "a Perl script")
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _one_line(value: str, what: str, where: str) -> None:
    if any(character in value for character in "\n\r\0"):
        raise CannotCarryError(what, f"{where} cannot carry a line break in a value")


def mermaid(value: object) -> str:
    """Text inside a quoted Mermaid label (Mermaid, "Flowcharts", entity codes)."""
    return str(value).replace('"', "#quot;")
