"""What a host printed -> HostExam. Pure, never raises: what cannot be read is told in its place."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from mqctl.model.preflight import (
    Clock,
    HostExam,
    HostFacts,
    Link,
    Listener,
    Machine,
    Resources,
    Step,
    Upgrades,
    Vrrp,
)
from mqctl.probe import parse
from mqctl.probe.host import MARK
from mqctl.ssh import Kind, SshError
from mqctl.ssh.session import Output

_macs = TypeAdapter(tuple[str, ...])
_READERS: Mapping[str, Callable[[Any], Any]] = {
    "machine": Machine.model_validate,
    "listeners": lambda said: tuple(Listener.model_validate(one) for one in said),
    "resources": Resources.model_validate,
    "links": lambda said: tuple(Link.model_validate(one) for one in said),
    "claimed_by": lambda said: None if said is None else _macs.validate_python(said),
    "vrrp": lambda said: None if said is None else Vrrp.model_validate(said),
    "upgrades": Upgrades.model_validate,
}
_UNREADABLE = (LookupError, TypeError, ValueError, AttributeError)
_STEPS: dict[Kind, Step] = {"sudo": "sudo", "python": "python"}


def exam(host: str, output: Output, sent: float, received: float) -> HostExam:
    """A host's whole answer; `sent` and `received` by this machine's clock, in seconds since 1970."""
    said = _document(output.stdout)
    if "python" in said:
        version = ".".join(str(number) for number in said["python"])
        return HostExam(
            host=host,
            stopped_at="python",
            reason=f"Python {version}",
            hint="install Python 3.9 or later, or set ansible_python_interpreter to it",
        )
    status = parse.host_status(host, output.stdout, output.stderr)
    sections = said.get("sections")
    if isinstance(sections, dict) and "denied" in sections:
        return HostExam(host=host, stopped_at="sudo", reason=status.error or "", hint=status.hint)
    return HostExam(
        host=host,
        status=status,
        facts=facts(sections if isinstance(sections, dict) else {}),
        clock=clock(said, sent, received),
    )


def unreached(error: SshError, hint: str) -> HostExam:
    """A host that could not be asked."""
    step = _STEPS.get(error.kind, "ssh")
    return HostExam(host=error.host, stopped_at=step, reason=error.reason, hint=hint)


def facts(sections: Mapping[str, Any]) -> HostFacts:
    """Each part, or why there is none."""
    found: dict[str, Any] = {}
    failed: dict[str, str] = {}
    for name, read in _READERS.items():
        section = sections.get(name)
        if not isinstance(section, dict) or "answer" not in section:
            failed[name] = str(section.get("error")) if isinstance(section, dict) else "the host did not tell"
            continue
        try:
            found[name] = read(section["answer"])
        except _UNREADABLE as error:
            kind = "wrong fields" if isinstance(error, ValidationError) else type(error).__name__
            failed[name] = f"the answer cannot be read ({kind})"
    return HostFacts(**found, failed=failed)


def clock(said: Mapping[str, Any], sent: float, received: float) -> Clock | None:
    """As NTP reckons it (RFC 5905, section 8): off the truth by half of the way there and back at most."""
    try:
        began, ended = float(said["began"]), float(said["at"])
    except _UNREADABLE:
        return None
    way = (received - sent) - (ended - began)
    return Clock(ahead=((began - sent) + (ended - received)) / 2, uncertainty=max(way, 0) / 2)


def _document(stdout: str) -> dict[str, Any]:
    line = next((line for line in stdout.splitlines() if line.startswith(MARK)), "")
    try:
        said = json.loads(line.removeprefix(MARK))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
