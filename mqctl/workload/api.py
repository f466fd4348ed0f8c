"""The few things that a test wants of the management API; its two questions are quick enough for a watch."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Literal
from urllib.parse import quote

from pydantic import SecretStr

from mqctl import trust
from mqctl.model.base import reveal
from mqctl.model.workload import Endpoint

_TIMEOUT = 1.0
"""Seconds: a broker that takes longer is as good as silent, the next one is asked."""

_DONE = (200, 201, 204)


@dataclass(frozen=True)
class Place:
    """Where a queue lives, as node names."""

    leader: str | None
    mirrors: tuple[str, ...]
    synchronised: tuple[str, ...]


class Api:
    """Asks one broker until it fails, then the next; over TLS when told whom to trust. For one thread."""

    def __init__(
        self, endpoints: Sequence[Endpoint], user: str, password: SecretStr, authorities: str = ""
    ) -> None:
        self._authorities = authorities
        self._endpoints = list(endpoints)
        self._user = user
        self._password = password

    def queue(self, name: str, vhost: str = "/") -> Place | None:
        """Where the queue is; None when nobody could say."""
        columns = "node,leader,slave_nodes,synchronised_slave_nodes,members,online"
        found = self._get(f"/api/queues/{quote(vhost, safe='')}/{quote(name, safe='')}?columns={columns}")
        if not isinstance(found, dict):
            return None
        leader = found.get("leader") or found.get("node")
        others = found.get("slave_nodes") or [node for node in found.get("members", ()) if node != leader]
        return Place(
            leader if isinstance(leader, str) else None,
            tuple(others),
            tuple(found.get("synchronised_slave_nodes") or found.get("online", ())),
        )

    def synchronise(self, name: str, vhost: str) -> bool:
        """Starts copying a queue to its mirrors, as sync_queue does; whether some broker took the order."""
        path = f"/api/queues/{quote(vhost, safe='')}/{quote(name, safe='')}/actions"
        return self.change("POST", path, {"action": "sync"})

    def copied(self, name: str, vhost: str) -> int | None:
        """How many messages the copying has come to; None when it does not run, or nobody could say."""
        path = f"/api/queues/{quote(vhost, safe='')}/{quote(name, safe='')}?columns=state,sync_messages"
        found = self._get(path)
        number = found.get("sync_messages") if isinstance(found, dict) else None
        return number if isinstance(number, int) else None

    def running(self) -> dict[str, bool] | None:
        """Whether each member runs; None when nobody could say."""
        found = self._get("/api/nodes?columns=name,running")
        if not isinstance(found, list):
            return None
        return {node["name"]: bool(node.get("running")) for node in found if "name" in node}

    def policies(self) -> tuple[str, ...]:
        """The names of the default vhost's policies; none when nobody could say."""
        return self._names("/api/policies/%2F")

    def shovels(self) -> tuple[str, ...]:
        """The names of the default vhost's dynamic shovels; none when nobody could say."""
        return self._names("/api/parameters/shovel/%2F")

    def change(
        self, method: Literal["PUT", "POST", "DELETE"], path: str, body: Mapping[str, Any] | None
    ) -> bool:
        """Whether some broker did it."""
        return self._first(method, path, body) is not None

    def _names(self, path: str) -> tuple[str, ...]:
        found = self._get(path)
        return tuple(one["name"] for one in found) if isinstance(found, list) else ()

    def _get(self, path: str) -> Any:
        answer = self._first("GET", path, None)
        try:
            return json.loads(answer) if answer else None
        except ValueError:
            return None

    def _first(self, method: str, path: str, body: Mapping[str, Any] | None) -> bytes | None:
        """The answer of the first endpoint that has one; the one that answered is asked first next time."""
        for _ in self._endpoints:
            try:
                return self._ask(self._endpoints[0], method, path, body)
            except (OSError, HTTPException, ValueError):
                self._endpoints.append(self._endpoints.pop(0))
        return None

    def _connection(self, endpoint: Endpoint) -> HTTPConnection:
        if not self._authorities:
            return HTTPConnection(endpoint.host, endpoint.port, timeout=_TIMEOUT)
        context = trust.context(self._authorities)
        return HTTPSConnection(endpoint.host, endpoint.port, timeout=_TIMEOUT, context=context)

    def _ask(self, endpoint: Endpoint, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
        login = b64encode(f"{self._user}:{reveal(self._password)}".encode()).decode()
        connection = self._connection(endpoint)
        try:
            headers = {"Authorization": f"Basic {login}", "Content-Type": "application/json"}
            connection.request(method, path, json.dumps(body) if body else None, headers)
            response = connection.getresponse()
            answer = response.read()
        finally:
            connection.close()
        if response.status not in _DONE:
            raise ValueError(f"{path}: {response.status}")
        return answer
