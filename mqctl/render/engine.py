"""The one Jinja environment. Templates loop and print; whatever is missing in a context is an error."""

from __future__ import annotations

import functools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import jinja2

from mqctl import share
from mqctl.render import erlang, quoting

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@functools.cache
def environment() -> jinja2.Environment:
    """Templates from the shared data; filters that write a value down as its format wants it."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(share.root() / "templates"),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 -- nothing here is HTML; each format has its own filter
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )
    made.filters.update(
        conf=quoting.conf,
        haproxy=quoting.haproxy,
        keepalived=quoting.keepalived,
        shell=quoting.shell,
        env=quoting.env,
        perl=quoting.perl,
        mermaid=quoting.mermaid,
        erlang=erlang.pretty,
    )
    return made


def text(template: str, context: DataclassInstance) -> str:
    """The template printed with the context's fields as its names."""
    names: dict[str, Any] = {field.name: getattr(context, field.name) for field in fields(context)}
    return environment().get_template(template).render(names)


def source(template: str) -> str:
    """A file of templates/ that is placed as it is."""
    return (share.root() / "templates" / template).read_text(encoding="utf-8")
