"""What a host printed -> HostStatus. Pure, never raises: what cannot be read is an error in its place."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import SecretStr, ValidationError

from mqctl.model.status import FileStatus, HostStatus, ServiceStatus, SharedStatus
from mqctl.probe import parse_broker, parse_entrance
from mqctl.probe.host import MARK

T = TypeVar("T")
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)


class SectionError(Exception):
    """A section of the answer is missing or says an error."""


def host_status(host: str, stdout: str, stderr: str = "") -> HostStatus:
    """A host's whole answer."""
    line = next((line for line in stdout.splitlines() if line.startswith(MARK)), None)
    if line is None:
        return HostStatus(host=host, error=f"no answer to the probe{_because(stderr)}")
    try:
        answer = json.loads(line.removeprefix(MARK))
        return _status(host, float(answer["at"]), answer["sections"])
    except SectionError as error:
        return HostStatus(host=host, error=str(error))
    except (*_UNREADABLE, OverflowError, OSError) as error:
        return HostStatus(host=host, error=f"the answer to the probe cannot be read ({_kind(error)})")


def _because(stderr: str) -> str:
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return f": {lines[-1][:200]}" if lines else ""


def _kind(error: Exception) -> str:
    return (
        f"{error.error_count()} wrong fields" if isinstance(error, ValidationError) else type(error).__name__
    )


def _status(host: str, at: float, sections: dict[str, Any]) -> HostStatus:
    if "denied" in sections:
        user = sections["denied"].get("answer")
        return HostStatus(
            host=host,
            error=f"user {user} is not root",
            hint="set ansible_become: true, or ansible_user: root",
        )
    packages = _section(sections, "packages", lambda said: said)
    return HostStatus(
        host=host,
        at=datetime.fromtimestamp(at, UTC),
        os=_section(sections, "release", str),
        packages=packages["installed"],
        candidates=packages["candidates"],
        files=_section(sections, "files", _files),
        services=_section(sections, "units", _services),
        addresses=_section(sections, "addresses", lambda said: {k: tuple(v) for k, v in said.items()}),
        resolves=_section(sections, "resolves", lambda said: {k: tuple(v) for k, v in said.items()}),
        firewall=_said(sections.get("firewall"), bool),
        broker=parse_broker.broker_status(sections.get("broker")),
        haproxy=parse_entrance.haproxy_status(sections.get("haproxy")),
        keepalived=parse_entrance.keepalived_status(sections.get("keepalived")),
        shared=_shared(sections.get("shared")),
        lock=_said(sections.get("lock"), str),
    )


def _shared(section: Any) -> SharedStatus | None:
    """None also for what cannot be read: no evidence."""
    try:
        return SharedStatus.model_validate(section["answer"]) if section["answer"] else None
    except _UNREADABLE:
        return None


def _said(section: Any, kind: type[T]) -> T | None:
    """A plain answer; None also for what cannot be read: no evidence."""
    answer = section.get("answer") if isinstance(section, dict) else None
    return answer if isinstance(answer, kind) else None


def _section(sections: dict[str, Any], name: str, read: Callable[[Any], T]) -> T:
    """A section without which nothing can be planned: an error in it is the host's error."""
    said = sections.get(name)
    if not isinstance(said, dict) or "answer" not in said:
        why = said.get("error") if isinstance(said, dict) else None
        raise SectionError(f"no {name} in the answer to the probe{f': {why}' if why else ''}")
    try:
        return read(said["answer"])
    except _UNREADABLE as error:
        raise SectionError(f"the {name} in the answer to the probe cannot be read ({_kind(error)})") from None


def _files(said: list[dict[str, Any]]) -> dict[str, FileStatus]:
    return {file["path"]: _file(file) for file in said}


def _file(said: dict[str, Any]) -> FileStatus:
    content = said.get("content")
    return FileStatus(
        path=said["path"],
        exists=said["exists"],
        sha256=said.get("sha256", ""),
        owner=said.get("owner", ""),
        group=said.get("group", ""),
        mode=said.get("mode", ""),
        content=None if content is None else _text(base64.b64decode(content, validate=True)),
    )


def _text(data: bytes) -> SecretStr | None:
    """A file's text; None when it is not UTF-8: a block must not be put into bytes that were replaced."""
    try:
        return SecretStr(data.decode())
    except UnicodeDecodeError:
        return None


def _services(said: list[dict[str, Any]]) -> dict[str, ServiceStatus]:
    return {unit["unit"]: _service(unit) for unit in said}


def _service(said: dict[str, Any]) -> ServiceStatus:
    active, waits = said["active"] in ("active", "reloading"), said.get("waits") is True
    return ServiceStatus(
        unit=said["unit"],
        exists=said["load"] not in ("not-found", ""),
        active=active,
        enabled=said["enabled"] in ("enabled", "enabled-runtime", "alias", "static"),
        state=f"{said['active']}/{said['sub']}",
        stale=bool(said["needs_reload"]) or ((active or waits) and bool(said["older"])),
        waits=waits,
    )
