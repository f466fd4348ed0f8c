"""Runs a playbook with a plan, tells its progress, and says what was and was not done."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mqctl import process, share
from mqctl.ansible import argv
from mqctl.ansible.events import Event, HostEvent, Record, parse
from mqctl.errors import MqctlError

_TIMEOUT = 3600.0
"""Seconds for a whole run; each task on the hosts has a bound of its own, and restarts go one by one."""
_PREFIX = "mqctl-"
"""Names of the workspaces, the process number after it."""
_GROUPS, _VARIABLES, _CONTROL = "groups.json", "vars.json", "cp"
"""What lies in one."""
_CLOSE = 5.0
"""Seconds to close one shared SSH connection."""


class AnsibleError(MqctlError):
    """Ansible could not do all of it; `record` has what was done before."""

    def __init__(self, message: str, hint: str, record: Record) -> None:
        super().__init__(message, hint)
        self.record = record


@dataclass(frozen=True)
class Play:
    """What to run: a playbook of mqctl's own, by file name, on an inventory."""

    playbook: str
    inventory: Path
    vault: tuple[str, ...] = ()
    """Ansible's own options about the vault."""


def run(play: Play, plan: Mapping[str, Any], tell: Callable[[Event], None]) -> Record:
    """Run a playbook with `plan`, which may carry secrets: it lies in a 0600 file while Ansible runs.

    `tell` gets every event as it comes. Raises AnsibleError when anything failed on any host, ProgramError
    when Ansible is missing.
    """
    record = Record()

    def line(text: str) -> None:
        event = parse(text)
        record.note(event)
        if event is not None:
            tell(event)

    hosts = tuple(plan["hosts"])
    with _workspace(plan) as directory:
        command = argv.playbook(
            share.root() / "playbooks" / play.playbook,
            play.inventory,
            groups=directory / _GROUPS,
            plan=directory / _VARIABLES,
            hosts=hosts,
            forks=max(len(hosts), 1),
            vault=play.vault,
        )
        environment = argv.environment(share.root() / "ansible.cfg", directory / _CONTROL)
        ended = process.stream(command, line, env=environment, timeout=_TIMEOUT)
    if not ended.ok or not record.ended or record.failed:
        raise _failure(record, ended)
    return record


@contextmanager
def _workspace(plan: Mapping[str, Any]) -> Iterator[Path]:
    """A 0700 directory with the plan and SSH's sockets, whose paths must be short; gone afterwards."""
    _sweep()
    with tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-") as name:
        directory = Path(name)
        control = directory / _CONTROL
        control.mkdir(mode=0o700)
        plan_file = directory / "plan.json"
        _write(plan_file, plan)
        _write(directory / _VARIABLES, argv.variables(plan_file))
        _write(directory / _GROUPS, argv.inventory(plan["groups"]))
        try:
            yield directory
        finally:
            _close(sorted(control.iterdir()))


def _sweep() -> None:
    """Remove what runs that were killed left: their plans have secrets."""
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        pid = left.name.removeprefix(_PREFIX).partition("-")[0]
        if pid.isdecimal() and left.lstat().st_uid == os.geteuid() and not _alive(int(pid)):
            shutil.rmtree(left, ignore_errors=True)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _write(path: Path, document: Mapping[str, Any]) -> None:
    """0600 from its first byte on."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(document), encoding="utf-8")


def _close(sockets: Sequence[Path]) -> None:
    """End the SSH connections that Ansible left open for its next task; one that is gone already is fine."""
    for socket in sockets:
        process.run(["ssh", "-O", "exit", "-o", f"ControlPath={socket}", "mqctl"], timeout=_CLOSE)


def _failure(record: Record, ended: process.Result) -> AnsibleError:
    failures = list(record.failed.values())
    if not failures:
        return AnsibleError(f"ansible-playbook ended with exit code {ended.returncode}", _said(ended), record)
    lines = [f"{failure.host}: {failure.task}: {_reason(failure)}" for failure in failures]
    message = lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} hosts failed:", *lines])
    return AnsibleError(message, f"{_done(record)}; the same command can be run again", record)


def _reason(failure: HostEvent) -> str:
    message = failure.message.rstrip(".") or "no message"
    return f"cannot be reached: {message}" if failure.state == "unreachable" else message


def _done(record: Record) -> str:
    """What had been changed by then."""
    if not record.changed:
        return "nothing was changed"
    done = dict.fromkeys(f"{event.host} ({event.task.lower()})" for event in record.changed)
    return f"changed before that: {', '.join(done)}"


def _said(ended: process.Result) -> str:
    """Ansible's first complaint, one line: the lines below it may quote the data."""
    found = re.search(r"^\[?ERROR\]?:? ?(.*)$", ended.stderr, re.MULTILINE)
    return found[1].strip().rstrip(".") if found else "ansible-playbook said nothing about it"
