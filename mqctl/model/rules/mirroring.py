"""Rules about classic mirroring: what the broker refuses (rabbit_mirror_queue_misc:validate_policy/1)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem, quoted

_CHOICES = {
    "ha-sync-mode": ("manual", "automatic"),
    "ha-promote-on-shutdown": ("always", "when-synced"),
    "ha-promote-on-failure": ("always", "when-synced"),
}
_MODES = ("all", "exactly", "nodes")
KEYS = ("ha-mode", "ha-params", "ha-sync-batch-size", *_CHOICES)
"""Every ha-* key that the broker knows."""


def policies(draft: Draft) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The policies that mirror, with the path of their definition."""
    for index, policy in enumerate(draft.cluster.policies if draft.cluster else ()):
        if any(key.startswith("ha-") for key in policy.definition):
            yield f"rabbitmq_policies[{index}].definition", policy.definition


def known_keys(draft: Draft) -> Iterator[Problem]:
    """An unknown ha-* key is "not recognised"."""
    for path, definition in policies(draft):
        for key in definition:
            if key.startswith("ha-") and key not in KEYS:
                near = get_close_matches(key, KEYS, n=1)
                hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(KEYS)}"
                yield Problem(f"{path}.{key}", "is not a known key", hint=hint)


def mode(draft: Draft) -> Iterator[Problem]:
    """The other ha-* keys need ha-mode."""
    for path, definition in policies(draft):
        given = definition.get("ha-mode")
        if given is None:
            rule = "is required with ha-params, ha-sync-mode or ha-promote-on-*"
            yield Problem(f"{path}.ha-mode", rule, hint="ha-mode: all, exactly or nodes")
        elif given not in _MODES:
            yield Problem(f"{path}.ha-mode", f"must be one of {', '.join(_MODES)}", quoted(given))


def choices(draft: Draft) -> Iterator[Problem]:
    """Two words each, and a batch of at least one message."""
    for path, definition in policies(draft):
        for key, words in _CHOICES.items():
            if key in definition and definition[key] not in words:
                yield Problem(f"{path}.{key}", f"must be {' or '.join(words)}", quoted(definition[key]))
        batch = definition.get("ha-sync-batch-size", 1)
        if not _integer(batch) or batch < 1:
            yield Problem(f"{path}.ha-sync-batch-size", "must be a whole number, 1 or more", quoted(batch))


def params(draft: Draft) -> Iterator[Problem]:
    """`all` takes none, `exactly` a number of brokers, `nodes` a list of node names."""
    nodes = [host.node for host in draft.hosts if "rabbitmq" in host.groups]
    for path, definition in policies(draft):
        where, given = f"{path}.ha-params", definition.get("ha-params")
        match definition.get("ha-mode"):
            case "all" if given is not None:
                hint = "leave it out, or choose ha-mode: exactly"
                yield Problem(where, "must be absent with ha-mode all", quoted(given), hint)
            case "exactly":
                yield from _exactly(where, given, len(nodes))
            case "nodes":
                yield from _nodes(where, given, nodes)


def _exactly(where: str, given: Any, brokers: int) -> Iterator[Problem]:
    if not _integer(given) or given < 1:
        yield Problem(where, "must be a whole number, 1 or more, with ha-mode exactly", quoted(given))
    elif given > brokers:
        hint = "the queue would never have that many copies; ha-mode: all takes every broker"
        yield Problem(where, f"must be at most {brokers}, the number of brokers", quoted(given), hint)


def _nodes(where: str, given: Any, nodes: list[str]) -> Iterator[Problem]:
    if not isinstance(given, list) or not given or not all(isinstance(name, str) for name in given):
        yield Problem(
            where, "must be a list of node names with ha-mode nodes", quoted(given), f"e.g. [{nodes[0]}]"
        )
        return
    for index, name in enumerate(given):
        if name not in nodes:
            hint = f"the nodes are {', '.join(nodes)}"
            yield Problem(f"{where}[{index}]", "must be a node of this cluster", name, hint)


def one_copy(draft: Draft) -> Iterator[Problem]:
    """`exactly` 1, or `nodes` with one name, is a leader without a mirror."""
    for path, definition in policies(draft):
        given = definition.get("ha-params")
        single = (definition.get("ha-mode") == "exactly" and given == 1) or (
            definition.get("ha-mode") == "nodes" and isinstance(given, list) and len(given) == 1
        )
        if single and len(draft.brokers) > 1:
            hint = "2 or more survive the loss of a broker"
            yield Problem(f"{path}.ha-params", "leaves one copy of each queue and no mirror", hint=hint)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


STRUCTURAL = (known_keys, mode, choices, params)
RISKS = {"one-copy": one_copy}
