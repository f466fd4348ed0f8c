"""What a test run that was killed left behind: labs whose name has the number of a process that is gone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from mqctl import lab
from mqctl.lab import engine
from tests.lab.subnets import reserve

LABEL = "mqctl.tests"
"""On containers and networks of tests that are no lab's."""
_NAME = re.compile(r"mqctl-tests-(?P<process>[0-9]+)(-[a-z0-9-]+)?")


def own_name(what: str) -> str:
    """A lab's name of this process alone: a second run at the same time has others."""
    return f"mqctl-tests-{os.getpid()}-{what}"


def abandoned(names: Iterable[str], alive: Callable[[int], bool]) -> list[str]:
    """Those of them that a test process made that is not alive; no other name is ever one."""
    matches = {name: _NAME.fullmatch(name) for name in names}
    return sorted(name for name, found in matches.items() if found and not alive(int(found["process"])))


def is_alive(process: int) -> bool:
    """Whether there is a process of this number, anybody's; when in doubt a lab stays."""
    return Path(f"/proc/{process}").exists()


def is_alive_elsewhere(process: int) -> bool:
    """The same before this process made anything: then its own number on a lab is a dead process's."""
    return process != os.getpid() and is_alive(process)


def remove_abandoned(alive: Callable[[int], bool]) -> list[str]:
    """Remove what dead test processes left; says the names. Nothing while another process is at it."""
    turn = reserve("clean-up")
    if turn is None:
        return []
    with turn, closing(lab.connect()) as client:
        return [name for label in (engine.LAB, LABEL) for name in _remove(client, label, alive)]


def _remove(client: Any, label: str, alive: Callable[[int], bool]) -> list[str]:
    wanted = {"label": label}
    names = {found.labels[label] for found in client.containers.list(all=True, filters=wanted)}
    names |= {found.attrs["Labels"][label] for found in client.networks.list(filters=wanted)}
    names |= {found.attrs["Labels"][label] for found in client.volumes.list(filters=wanted)}
    gone = abandoned(names, alive)
    for name in gone:
        remove(client, label, name)
    return gone


def remove(client: Any, label: str, name: str) -> None:
    """Exactly the containers, networks and volumes with this label of this value."""
    wanted = {"label": f"{label}={name}"}
    for container in client.containers.list(all=True, filters=wanted):
        container.remove(force=True, v=True)
    for network in client.networks.list(filters=wanted):
        network.remove()
    for volume in client.volumes.list(filters=wanted):
        volume.remove()
