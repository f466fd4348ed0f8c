"""What HAProxy and Keepalived said -> their statuses. Pure, and never raises."""

from __future__ import annotations

import csv
from typing import Any, Literal

from mqctl.model.status import HaproxyServerStatus, HaproxyStatus, KeepalivedStatus

STATES: tuple[Literal["MASTER", "BACKUP", "FAULT", "STOP"], ...] = ("MASTER", "BACKUP", "FAULT", "STOP")
_NOT_SERVERS = ("FRONTEND", "BACKEND")


def haproxy_status(section: Any) -> HaproxyStatus | None:
    """HAProxy's section of the host's answer; None when the host was not asked for one."""
    if not isinstance(section, dict) or "answer" not in section:
        why = section.get("error") if isinstance(section, dict) else None
        return HaproxyStatus(answered=False, error=str(why or "no haproxy in the answer to the probe"))
    said = section["answer"]
    if said is None:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("said"), str):
        why = said.get("error") if isinstance(said, dict) else None
        return HaproxyStatus(answered=False, error=f"the runtime socket does not answer: {why or 'nothing'}")
    try:
        return runtime(said["said"])
    except (LookupError, ValueError, csv.Error):
        return HaproxyStatus(answered=False, error="the runtime socket's answer cannot be read")


def runtime(said: str) -> HaproxyStatus:
    """The answer to `show info;show stat` (HAProxy management guide 9.1 and 9.3).

    Raises LookupError, ValueError.
    """
    info, mark, stat = said.partition("\n# pxname,")
    if not mark:
        raise ValueError
    pairs = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    rows = csv.DictReader(f"pxname,{stat}".splitlines())
    servers = tuple(_server(row) for row in rows if row["svname"] and row["svname"] not in _NOT_SERVERS)
    return HaproxyStatus(answered=True, version=pairs["Version"], servers=servers)


def _server(row: dict[str, str]) -> HaproxyServerStatus:
    return HaproxyServerStatus(
        proxy=row["pxname"],
        server=row["svname"],
        address=row.get("addr") or "",
        status=row["status"],
        weight=int(row["weight"] or 0),
        check=row["check_status"] or "",
        sessions=int(row["scur"] or 0),
    )


def keepalived_status(section: Any) -> KeepalivedStatus | None:
    """Keepalived's section of the host's answer."""
    if not isinstance(section, dict) or "answer" not in section:
        return KeepalivedStatus()
    said = section["answer"]
    if said is None:
        return None
    if not isinstance(said, dict):
        return KeepalivedStatus()
    return KeepalivedStatus(
        state=next((state for state in STATES if state == said.get("state")), "unknown"),
        holds_address=said.get("holds") is True,
        ipvs=said.get("ipvs") if isinstance(said.get("ipvs"), bool) else None,
    )
