"""Structure-aware mutation of a listing: what people, editors and merges do to inventories, and worse."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from mqctl.inventory.listing import Listing
from mqctl.inventory.settings import COMPONENTS
from mqctl.model.draft import MqctlSettings

from .values import TEXTS, any_value, near

OURS = tuple(
    f"{prefix}_{name}"
    for prefix, model in {**COMPONENTS, "mqctl": MqctlSettings}.items()
    for name in model.model_fields
)
ANSIBLE = (
    *("ansible_host", "ansible_port", "ansible_user", "ansible_become", "ansible_connection"),
    *(
        "ansible_ssh_common_args",
        "ansible_ssh_private_key_file",
        "ansible_python_interpreter",
        "ansible_password",
    ),
)
MANY = (1, 1, 1, 1, 2, 3, 6)
"""How many mutations a case has."""


@dataclass
class Draft:
    """An inventory in the making."""

    groups: dict[str, list[str]]
    hostvars: dict[str, dict[str, Any]]
    rng: Random

    @property
    def hosts(self) -> list[str]:
        return list(self.hostvars)

    def some(self) -> list[str]:
        """One host, those of a group, or all: where a person would have written a variable."""
        chosen = self.rng.random()
        if chosen < 0.4:
            return [self.rng.choice(self.hosts)]
        members = self.rng.choice(list(self.groups.values())) if chosen < 0.7 and self.groups else []
        return [host for host in members if host in self.hostvars] or self.hosts

    def variable(self) -> tuple[list[str], str]:
        """Hosts that have a variable in common, and its name."""
        hosts = [host for host in self.some() if self.hostvars[host]]
        if not hosts:
            return [], ""
        name = self.rng.choice(list(self.hostvars[hosts[0]]))
        return [host for host in hosts if name in self.hostvars[host]], name


def mutated(listing: Listing, rng: Random) -> Listing:
    """The listing after one or a few mutations; the same for the same state of `rng`."""
    groups = {
        name: list(members) for name, members in listing.groups.items() if name not in ("all", "ungrouped")
    }
    made = Draft(groups, {host: copy.deepcopy(dict(listing.hostvars[host])) for host in listing.hosts}, rng)
    for _ in range(rng.choice(MANY)):
        rng.choice(MUTATIONS)(made)
    hosts = tuple(made.hostvars)
    groups = {
        name: [host for host in members if host in made.hostvars] for name, members in made.groups.items()
    }
    grouped = {host for members in groups.values() for host in members}
    return Listing(
        Path("/inventory/hosts.yml"),
        hosts,
        {
            "all": hosts,
            "ungrouped": tuple(host for host in hosts if host not in grouped),
            **{name: tuple(dict.fromkeys(members)) for name, members in groups.items()},
        },
        made.hostvars,
    )


def set_ours(made: Draft) -> None:
    """Any variable of ours, with anything."""
    name, value = made.rng.choice(OURS), any_value(made.rng)
    for host in made.some():
        made.hostvars[host][name] = copy.deepcopy(value)


def set_connection(made: Draft) -> None:
    """How to reach a host, with anything."""
    name, value = made.rng.choice(ANSIBLE), any_value(made.rng)
    for host in made.some():
        made.hostvars[host][name] = copy.deepcopy(value)


def replace_variable(made: Draft) -> None:
    """What is there, by anything."""
    hosts, name = made.variable()
    value = any_value(made.rng)
    for host in hosts:
        made.hostvars[host][name] = copy.deepcopy(value)


def slip(made: Draft) -> None:
    """What is there, by something close to it, at any depth."""
    hosts, name = made.variable()
    seed = made.rng.random()
    for host in hosts:
        _edit(made.hostvars[host], name, Random(seed), near)


def damage(made: Draft) -> None:
    """What is there, by anything, at any depth."""
    hosts, name = made.variable()
    seed = made.rng.random()
    for host in hosts:
        _edit(made.hostvars[host], name, Random(seed), lambda _, rng: any_value(rng))


def drop_variable(made: Draft) -> None:
    hosts, name = made.variable()
    for host in hosts:
        del made.hostvars[host][name]


def rename_variable(made: Draft) -> None:
    hosts, name = made.variable()
    at = made.rng.randrange(len(name)) if name else 0
    other = made.rng.choice((name[:at] + name[at + 1 :], name.upper(), f"{name}s", made.rng.choice(OURS)))
    # a secret under a name that promises none is shown rightly
    if name and not _secret(made.hostvars[hosts[0]][name]):
        for host in hosts:
            made.hostvars[host][other] = made.hostvars[host].pop(name)


def drop_inside(made: Draft) -> None:
    hosts, name = made.variable()
    seed = made.rng.random()
    for host in hosts:
        parent, key = _place(made.hostvars[host], name, Random(seed))
        if parent is not made.hostvars[host]:
            del parent[key]


def repeat_inside(made: Draft) -> None:
    """An entry of a list twice, or a key under another name too."""
    hosts, name = made.variable()
    seed = made.rng.random()
    for host in hosts:
        rng = Random(seed)
        parent, key = _place(made.hostvars[host], name, rng)
        if isinstance(parent, list):
            parent.insert(rng.randrange(len(parent) + 1), copy.deepcopy(parent[key]))
        elif not _secret(parent[key]):
            parent[rng.choice(TEXTS)] = copy.deepcopy(parent[key])


def rename_inside(made: Draft) -> None:
    hosts, name = made.variable()
    seed = made.rng.random()
    for host in hosts:
        rng = Random(seed)
        parent, key = _place(made.hostvars[host], name, rng)
        if isinstance(parent, dict) and parent is not made.hostvars[host]:
            parent[rng.choice((key[:-1], key.upper(), f"x-{key}", rng.choice(TEXTS)))] = parent.pop(key)


def swap(made: Draft) -> None:
    """Two variables with each other's values."""
    host = made.rng.choice(made.hosts)
    plain = [name for name, value in made.hostvars[host].items() if not _secret(value)]
    if len(plain) > 1:
        one, other = made.rng.sample(plain, 2)
        variables = made.hostvars[host]
        variables[one], variables[other] = variables[other], variables[one]


def take_from_another(made: Draft) -> None:
    """A host gets what another one has: two with one address, two of one priority."""
    one, other = made.rng.choice(made.hosts), made.rng.choice(made.hosts)
    if made.hostvars[one]:
        name = made.rng.choice(list(made.hostvars[one]))
        made.hostvars[other][name] = copy.deepcopy(made.hostvars[one][name])


def differ(made: Draft) -> None:
    """One host differs from its peers."""
    host = made.rng.choice(made.hosts)
    if made.hostvars[host]:
        _edit(made.hostvars[host], made.rng.choice(list(made.hostvars[host])), made.rng, near)


def add_host(made: Draft) -> None:
    name = made.rng.choice((*TEXTS, "mq9", "lb9", "mq1.example.net"))
    variables = copy.deepcopy(made.hostvars[made.rng.choice(made.hosts)]) if made.rng.random() < 0.5 else {}
    if name not in made.hostvars:
        made.hostvars[name] = variables
        for members in made.groups.values():
            if made.rng.random() < 0.4:
                members.append(name)


def drop_host(made: Draft) -> None:
    if len(made.hostvars) > 1:
        del made.hostvars[made.rng.choice(made.hosts)]


def rename_host(made: Draft) -> None:
    old = made.rng.choice(made.hosts)
    new = made.rng.choice((*TEXTS, old.upper(), f"{old}.example.net", f"{old}_x", "localhost"))
    if new not in made.hostvars:
        made.hostvars = {new if host == old else host: values for host, values in made.hostvars.items()}
        for name, members in made.groups.items():
            made.groups[name] = [new if host == old else host for host in members]


def drop_group(made: Draft) -> None:
    if made.groups:
        del made.groups[made.rng.choice(list(made.groups))]


def rename_group(made: Draft) -> None:
    if made.groups:
        old = made.rng.choice(list(made.groups))
        made.groups[
            made.rng.choice((old.upper(), f"{old}s", "rabbit", "keepalived", "rabbitmq", "ungroupd"))
        ] = made.groups.pop(old)


def wrong_group(made: Draft) -> None:
    """A host comes into a group or leaves it."""
    host = made.rng.choice(made.hosts)
    members = made.groups.setdefault(made.rng.choice(("rabbitmq", "haproxy", "keepalived", *made.groups)), [])
    if host in members:
        members.remove(host)
    else:
        members.append(host)


def reorder(made: Draft) -> None:
    hosts = made.hosts
    made.rng.shuffle(hosts)
    made.hostvars = {host: made.hostvars[host] for host in hosts}


def refer(made: Draft) -> None:
    """A template that refers to something, itself too."""
    hosts, name = made.variable()
    other = made.rng.choice((name, *OURS))
    host = made.rng.choice((*made.hosts, "ghost")).replace("'", "")
    form = made.rng.choice(
        ("{{ %s }}", "{{ hostvars['%s'].%s }}", "{{ %s | default(omit) }}", "x{{ %s }}", "{{ %s[0] }}")
    )
    value = form % ((host, other) if form.count("%s") == 2 else other)
    for one in hosts:
        # a template that brings a secret into another variable shows what its author asked for
        if not _secret(made.hostvars[one].get(other)) and not any(
            _secret(made.hostvars[h].get(other)) for h in made.hosts
        ):
            made.hostvars[one][name] = value


MUTATIONS: tuple[Callable[[Draft], None], ...] = (
    *(
        set_ours,
        set_ours,
        set_ours,
        set_connection,
        replace_variable,
        slip,
        slip,
        slip,
        damage,
        damage,
        drop_variable,
    ),
    *(
        rename_variable,
        drop_inside,
        repeat_inside,
        rename_inside,
        swap,
        take_from_another,
        differ,
        add_host,
        drop_host,
    ),
    *(rename_host, drop_group, rename_group, wrong_group, reorder, refer),
)


def _edit(parent: Any, name: Any, rng: Random, change: Callable[[Any, Random], Any]) -> None:
    """Change one node at or below `parent[name]`."""
    parent, key = _place(parent, name, rng)
    parent[key] = change(parent[key], rng)


def _place(parent: Any, key: Any, rng: Random) -> tuple[Any, Any]:
    """A random node at or below `parent[key]`, as its parent and key."""
    while rng.random() < 0.75:
        node = parent[key]
        keys = (
            list(node) if isinstance(node, dict) else list(range(len(node))) if isinstance(node, list) else []
        )
        if not keys:
            break
        parent, key = node, rng.choice(keys)
    return parent, key


def _secret(value: Any) -> bool:
    """Whether one of the corpus's secrets is in there."""
    return any(_marked(leaf) for leaf in _leaves(value))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _marked(leaf: Any) -> bool:
    from .corpus import MARK

    return isinstance(leaf, str) and MARK in leaf
