"""Resolving the Jinja that ansible-inventory leaves in variables.

Knows what an inventory may refer to: the host's variables, `inventory_hostname`, `inventory_hostname_short`,
`inventory_dir`, `inventory_file`, `group_names`, `groups` and `hostvars`, and Jinja's own filters. Lookups
and Ansible's filters run inside Ansible only. A value that is one whole expression keeps its type; text with
expressions in it becomes text; text without is never touched.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, Undefined, UndefinedError, meta, nodes
from jinja2.environment import TemplateExpression
from jinja2.exceptions import TemplateAssertionError

from mqctl.errors import UsageError
from mqctl.inventory.listing import Listing
from mqctl.inventory.sandbox import Sandbox

_ENVIRONMENT = Sandbox()
_MARKS = ("{{", "{%", "{#")
_LOOKUPS = {"lookup", "query", "q", "now", "vars", "ansible_facts", "omit"}


class UnresolvedError(Exception):
    """A template that cannot be resolved: why, and what to do."""

    def __init__(self, reason: str, hint: str = "", where: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.where = where
        """The place inside the variable, e.g. `.admin` or `[0].name`."""


class Resolver:
    """All hosts' variables, each resolved when first asked for."""

    def __init__(self, listing: Listing, vault: Mapping[str, str | UsageError]) -> None:
        self._listing = listing
        self._vault = vault
        self._raw = _with_magic(listing)
        self._done: dict[tuple[str, str], Any] = {}
        self._pending: list[tuple[str, str]] = []

    def value(self, host: str, name: str) -> Any:
        """A variable of a host; UnresolvedError when it cannot be, KeyError when there is none."""
        key = (host, name)
        if key in self._done:
            return self._done[key]
        raw = self._raw[host][name]
        if key in self._pending:
            chain = " -> ".join(step for _, step in [*self._pending[self._pending.index(key) :], key])
            raise UnresolvedError(f"cannot be resolved: {chain} refers to itself", _CIRCLE)
        self._pending.append(key)
        try:
            self._done[key] = self._resolve(host, raw)
        finally:
            self._pending.pop()
        return self._done[key]

    def names(self, host: str) -> tuple[str, ...]:
        """The names of the host's variables."""
        return tuple(self._raw[host])

    def _resolve(self, host: str, raw: Any) -> Any:
        if isinstance(raw, Mapping):
            if "__ansible_unsafe" in raw:
                return raw["__ansible_unsafe"]
            if "__ansible_vault" in raw:
                return self._open(raw["__ansible_vault"])
            return {_plain(key): self._inside(host, value, f".{key}") for key, value in raw.items()}
        if isinstance(raw, list | tuple):
            return [self._inside(host, value, f"[{index}]") for index, value in enumerate(raw)]
        if isinstance(raw, str) and any(mark in raw for mark in _MARKS):
            return self._template(host, raw)
        return _plain(raw)

    def _inside(self, host: str, raw: Any, place: str) -> Any:
        try:
            return self._resolve(host, raw)
        except UnresolvedError as error:
            raise UnresolvedError(error.reason, error.hint, place + error.where) from None

    def _open(self, ciphertext: Any) -> str:
        if not isinstance(ciphertext, str):
            raise UnresolvedError("is not a vault value", "ansible-vault encrypt_string makes one")
        plain = self._vault[ciphertext]
        if isinstance(plain, UsageError):
            raise UnresolvedError(plain.message, plain.hint)
        return plain

    def _template(self, host: str, text: str) -> Any:
        try:
            compiled = _compiled(text)
            context = {name: self._given(host, name) for name in compiled.names}
            known = {name: value for name, value in context.items() if value is not _ABSENT}
            _ENVIRONMENT.start()
            return _plain(compiled.value(known))
        except TemplateAssertionError as error:
            raise UnresolvedError(
                f"cannot be resolved: {(error.message or '').rstrip('.').lower()}", _JINJA_ONLY
            ) from None
        except TemplateSyntaxError:
            raise UnresolvedError("is not a valid Jinja template", _UNSAFE) from None
        except UndefinedError as error:
            raise UnresolvedError(
                f"cannot be resolved: {error.message}", _undefined_hint(str(error.message))
            ) from None
        except _FAILURES as error:
            raise UnresolvedError(
                f"cannot be resolved: {type(error).__name__} in its template", _SIMPLER
            ) from None

    def _given(self, host: str, name: str) -> Any:
        """What a name stands for in a template; an unresolvable one fails when it is used, not before."""
        if name == "hostvars":
            return _HostVars(self)
        if name not in self._raw[host]:
            return _ABSENT
        try:
            return self.value(host, name)
        except UnresolvedError as error:
            return StrictUndefined(hint=_because(name, error))


def _because(name: str, error: UnresolvedError) -> str:
    reason = error.reason.removeprefix("cannot be resolved: ")
    return reason if error.hint == _CIRCLE else f"{name}{error.where}: {reason}"


_ABSENT = object()
_FAILURES = (
    *(TemplateError, TypeError, ValueError, ArithmeticError, LookupError, AttributeError),
    *(RuntimeError, MemoryError),
)
"""What a template may run into: the last two when it calls itself or makes more than there is room for."""
_SIMPLER = "write the value itself"
_CIRCLE = "one of them needs a value of its own"
_JINJA_ONLY = "only Jinja's own filters and tests work in an inventory for mqctl; write the value itself"
_UNSAFE = "text with {{, {% or {# in it that is meant as it stands is marked with !unsafe"


class _HostVars(Mapping[str, Any]):
    """Ansible's `hostvars`: each host's variables, resolved on demand."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    def __getitem__(self, host: str) -> Any:
        if host not in self._resolver._raw:
            raise KeyError(host)
        return _OneHost(self._resolver, host)

    def __iter__(self) -> Iterator[str]:
        return iter(self._resolver._raw)

    def __len__(self) -> int:
        return len(self._resolver._raw)


class _OneHost(Mapping[str, Any]):
    """One host's variables, resolved on demand."""

    def __init__(self, resolver: Resolver, host: str) -> None:
        self._resolver = resolver
        self._host = host

    def __getitem__(self, name: str) -> Any:
        if name not in self._resolver.names(self._host):
            raise KeyError(name)
        return self._resolver._given(self._host, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._resolver.names(self._host))

    def __len__(self) -> int:
        return len(self._resolver.names(self._host))


def _with_magic(listing: Listing) -> dict[str, dict[str, Any]]:
    """The variables of each host, and those that Ansible itself gives to every host."""
    everywhere = {
        "inventory_dir": str(listing.directory),
        "inventory_file": str(listing.source),
        "groups": {name: list(members) for name, members in listing.groups.items()},
    }
    return {
        host: {
            **listing.hostvars[host],
            **everywhere,
            "inventory_hostname": host,
            "inventory_hostname_short": host.split(".", maxsplit=1)[0],
            "group_names": list(listing.groups_of[host]),
        }
        for host in listing.hosts
    }


def _whole(tree: nodes.Template) -> nodes.Expr | None:
    """The one expression that a template consists of, if it does."""
    if len(tree.body) != 1 or not isinstance(tree.body[0], nodes.Output):
        return None
    parts = tree.body[0].nodes
    return parts[0] if len(parts) == 1 and not isinstance(parts[0], nodes.TemplateData) else None


@dataclass(frozen=True)
class _Compiled:
    """A template, and the names that it asks for."""

    names: frozenset[str]
    value: Callable[[Mapping[str, Any]], Any]


@lru_cache(maxsize=4096)
def _compiled(text: str) -> _Compiled:
    """Compiling takes milliseconds, and hosts share most of their variables."""
    tree = _ENVIRONMENT.parse(text)
    names = frozenset(meta.find_undeclared_variables(tree))
    expression = _whole(tree)
    if expression is None:
        return _Compiled(names, _ENVIRONMENT.from_string(tree).render)
    # as Jinja's compile_expression does it for text: the value with its type
    body = [nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)]
    template = _ENVIRONMENT.from_string(nodes.Template(body, lineno=1))
    evaluate = TemplateExpression(template, undefined_to_none=False)
    return _Compiled(names, lambda context: evaluate(**context))


def _plain(value: Any) -> Any:
    """JSON-like data: generators become lists, and nothing undefined is left."""
    if isinstance(value, Undefined):
        value._fail_with_undefined_error()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, str):
        return _encodable(value)
    if isinstance(value, int | float | bool) or value is None:
        return value
    if callable(value):
        raise TypeError
    return [_plain(item) for item in value]


def _encodable(text: str) -> str:
    """The text; UnresolvedError for half of a surrogate pair, which no file can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnresolvedError(
            "has half of a surrogate pair, which is no character", "write the character itself"
        ) from None
    return text


def _undefined_hint(message: str) -> str:
    if message.endswith("refers to itself"):
        return _CIRCLE
    name = message.split("'")[1] if message.count("'") >= 2 else ""
    if name in _LOOKUPS:
        return (
            "lookups and facts exist only while Ansible runs; write the value itself, or keep it in a vault"
        )
    return "define it in the inventory, or give it a default: {{ name | default(...) }}"
