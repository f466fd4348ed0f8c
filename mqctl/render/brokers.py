"""The files of a broker."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.model.topology import Broker, Topology
from mqctl.render import engine
from mqctl.render.context import rabbitmq as context
from mqctl.render.files import absent, printed, written
from mqctl.render.refusal import CannotCarryError

CONF_CHECK = "/usr/local/lib/mqctl/conf-check.escript"

_CONSULT = (
    "case init:get_plain_arguments() of [F] -> case file:consult(F) of "
    "{ok, [L]} when is_list(L) -> halt(0); "
    '{ok, _} -> io:format(standard_error, "~ts: not one Erlang list~n", [F]), halt(1); '
    '{error, E} -> io:format(standard_error, "~ts: ~ts~n", [F, file:format_error(E)]), halt(1) end end.'
)
CONSULT = ("erl", "-noinput", "-boot", "start_clean", "-eval", _CONSULT, "-extra", "%s")
"""Erlang's own reader: the broker reads advanced.config and rabbitmq.config with file:consult."""

_TELLING = "(?:pass|secret|cookie|token)"
_IN_URI = r"://[^:@/\s]*:([^@\s]+)@"
CONF_MASKS = (rf"(?i)^[^=#\n]*{_TELLING}[^=\n]*= *(.+)$", _IN_URI)
TERM_MASKS = (
    rf"(?i)\{{'?\w*{_TELLING}\w*'?, *((?:<<)?\"(?:[^\"\\]|\\.)*\"(?:/utf8)?(?:>>)?)",
    _IN_URI,
)
_CONFIG: dict[str, Any] = {"group": "rabbitmq", "mode": "0640", "effects": ("restart-broker",)}


def broker_files(topology: Topology, broker: Broker) -> Iterator[FileSpec]:
    """In the order of placing: what checks a file comes before it."""
    yield _cookie(topology)
    yield _conf_check()
    if broker.settings.config_format == "classic":
        yield from _classic(topology, broker)
    else:
        yield from _conf(topology, broker)
    yield _plugins(broker)
    yield printed(
        "/etc/rabbitmq/rabbitmq-env.conf",
        "rabbitmq",
        "rabbitmq/rabbitmq-env.conf.j2",
        context.env_file(topology, broker),
        secrecy="masked",
        masks=CONF_MASKS,
        **_CONFIG,
    )
    yield printed(
        "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf",
        "rabbitmq",
        "rabbitmq/limits.conf.j2",
        context.limits(broker),
        effects=("reload-systemd", "restart-broker"),
    )


def _cookie(topology: Topology) -> FileSpec:
    """No line break at its end: Erlang would refuse to start on anything but the atom's characters."""
    cookie = reveal(topology.erlang_cookie)
    if not cookie.isascii() or not cookie.isprintable() or " " in cookie:
        raise CannotCarryError("rabbitmq_erlang_cookie", "a cookie has printable ASCII characters only")
    return written(
        "/var/lib/rabbitmq/.erlang.cookie",
        "rabbitmq",
        cookie,
        owner="rabbitmq",
        group="rabbitmq",
        mode="0400",
        secrecy="secret",
        effects=("restart-broker",),
    )


def _conf_check() -> FileSpec:
    return written(CONF_CHECK, "rabbitmq", engine.source("rabbitmq/conf-check.escript"), mode="0755")


def _conf(topology: Topology, broker: Broker) -> Iterator[FileSpec]:
    """The classic file must go: where it exists, RabbitMQ silently reads neither of the others."""
    yield absent("/etc/rabbitmq/rabbitmq.config", "rabbitmq", effects=("restart-broker",), **_TERMS_SHOWN)
    yield printed(
        "/etc/rabbitmq/rabbitmq.conf",
        "rabbitmq",
        "rabbitmq/rabbitmq.conf.j2",
        context.conf_file(topology, broker),
        validator=("escript", CONF_CHECK, "%s"),
        secrecy="masked",
        masks=CONF_MASKS,
        **_CONFIG,
    )
    if terms := context.advanced_terms(topology, broker):
        yield _terms("advanced.config", terms)
    else:
        yield absent("/etc/rabbitmq/advanced.config", "rabbitmq", effects=("restart-broker",), **_TERMS_SHOWN)


def _classic(topology: Topology, broker: Broker) -> Iterator[FileSpec]:
    yield _terms("rabbitmq.config", context.classic_terms(topology, broker))
    for name in ("rabbitmq.conf", "advanced.config"):
        masks = CONF_MASKS + TERM_MASKS
        path = f"/etc/rabbitmq/{name}"
        yield absent(path, "rabbitmq", effects=("restart-broker",), secrecy="masked", masks=masks)


_TERMS_SHOWN: dict[str, Any] = {"secrecy": "masked", "masks": TERM_MASKS}


def _terms(name: str, terms: context.Terms) -> FileSpec:
    return printed(
        f"/etc/rabbitmq/{name}",
        "rabbitmq",
        "rabbitmq/terms.config.j2",
        context.TermsFile(f"/etc/rabbitmq/{name}", terms),
        validator=CONSULT,
        **_TERMS_SHOWN,
        **_CONFIG,
    )


def _plugins(broker: Broker) -> FileSpec:
    """Owned by the broker's user, so that `rabbitmq-plugins` goes on working."""
    return printed(
        "/etc/rabbitmq/enabled_plugins",
        "rabbitmq",
        "rabbitmq/terms.config.j2",
        context.TermsFile("rabbitmq_plugins", context.enabled_plugins(broker)),
        owner="rabbitmq",
        group="rabbitmq",
        mode="0644",
        validator=CONSULT,
        effects=("restart-broker",),
    )
