"""The secrets of an inventory by name: their values, and the files that define them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml
from pydantic import SecretStr

from mqctl.inventory import assemble, syntax, vault
from mqctl.inventory.vault import VaultOptions
from mqctl.model.base import reveal
from mqctl.model.draft import Draft


@dataclass(frozen=True)
class Known:
    """One secret. `value` masks itself; None: it is not there yet, `mqctl secrets init` makes it."""

    name: str
    """The variable, with the user's name behind it for passwords; with @SITE or @HOST where they differ."""
    value: SecretStr | None

    @property
    def variable(self) -> str:
        """Its name in the inventory."""
        return self.name.partition("@")[0]


def known(draft: Draft) -> list[Known]:
    """Every secret that the inventory has or still needs, sorted by name."""
    found: dict[str, dict[str, SecretStr]] = {}
    for name, holder, value in _all(draft):
        if value is not None:
            found.setdefault(name, {})[holder] = value
    named = [secret for name, holders in found.items() for secret in _named(name, holders)]
    absent = [Known(name, None) for name in assemble.missing(draft) if name not in found]
    return sorted([*named, *absent], key=lambda secret: secret.name)


def _named(name: str, holders: dict[str, SecretStr]) -> Iterator[Known]:
    """Once when all holders have the same one."""
    values = {reveal(value): value for value in holders.values()}
    if len(values) == 1:
        yield Known(name, next(iter(values.values())))
        return
    for holder, value in holders.items():
        yield Known(f"{name}@{holder}", value)


def _all(draft: Draft) -> Iterator[tuple[str, str, SecretStr | None]]:
    for site in draft.sites:
        cluster, holder = site.cluster, site.hosts[0].site or "all"
        if cluster is None:
            continue
        yield "rabbitmq_erlang_cookie", holder, cluster.erlang_cookie
        for user in assemble.objects(cluster).users:
            yield f"rabbitmq_passwords.{user.name}", holder, user.password
    for host, balancer in draft.balancers:
        yield "haproxy_stats_password", host.name, balancer.stats_password
    for host, router in draft.routers:
        yield "keepalived_auth_pass", host.name, router.auth_pass


def definitions(source: Path, variable: str, options: VaultOptions) -> list[Path]:
    """The YAML files that give the variable a value, in alphabetical order, vault files opened for it."""
    return [file for file in syntax.files(source) if variable in _given(file, options)]


def _given(file: Path, options: VaultOptions) -> set[str]:
    text = file.read_text(encoding="utf-8")
    if text.startswith(vault.HEADER):
        text = vault.decrypt(text, options)
    node = yaml.compose(text, Loader=yaml.CSafeLoader)
    return {name for name, value in _entries(node) if value.tag != _NULL}


_NULL = "tag:yaml.org,2002:null"


def _entries(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Variables wherever they stand, and passwords under their users' names."""
    for key, value in _pairs(node):
        if key == "rabbitmq_passwords":
            yield from ((f"{key}.{user}", password) for user, password in _pairs(value))
        elif key == "rabbitmq_users" and isinstance(value, yaml.SequenceNode):
            yield from _users(value.value)
        else:
            yield key, value
            yield from _entries(value)


def _users(users: Iterable[yaml.Node]) -> Iterator[tuple[str, yaml.Node]]:
    for user in users:
        fields = dict(_pairs(user))
        name, password = fields.get("name"), fields.get("password")
        if isinstance(name, yaml.ScalarNode) and password is not None:
            yield f"rabbitmq_passwords.{name.value}", password


def _pairs(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                yield key.value, value
