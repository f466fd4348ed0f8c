"""A dynamic shovel for one queue of a run: users' own queues, and what their shovels move, stay untouched."""

from __future__ import annotations

from collections.abc import Mapping

from mqctl.errors import MqctlError
from mqctl.model.base import reveal
from mqctl.model.links import Parameter
from mqctl.workload.api import Api

_KEPT = ("ack-mode", "src-prefetch-count", "reconnect-delay")
"""What decides whether messages survive a cut, and how soon they come again."""


def set_shovel(api: Api, queue: str, like: Parameter) -> None:
    """From the queue at one end to that of the same name at the other one, as `like` moves its messages.

    Raises MqctlError when no broker takes it. It has the queue's name.
    """
    given = like.value if isinstance(like.value, Mapping) else {}
    body = {
        **{key: given[key] for key in _KEPT if key in given},
        **{key: [reveal(uri) for uri in uris] for key, uris in like.uris.items()},
        "src-queue": queue,
        "dest-queue": queue,
    }
    if not api.change("PUT", _path(queue), {"value": body}):
        raise MqctlError("no broker took the test's shovel", "`mqctl verify` says what is not in order")


def clear_shovel(api: Api, name: str) -> None:
    """Removes it; one that is not there is no error."""
    api.change("DELETE", _path(name), None)


def _path(name: str) -> str:
    return f"/api/parameters/shovel/%2F/{name}"
