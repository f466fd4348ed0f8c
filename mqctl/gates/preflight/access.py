"""The way to a host: SSH, root, Python, and whether it told everything."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.gates.preflight.evidence import Check
from mqctl.model.preflight import CheckResult, HostExam, Step
from mqctl.model.topology import Host

_STEPS: tuple[tuple[Step, str], ...] = (("ssh", "SSH"), ("sudo", "root"), ("python", "Python"))


def access(host: Host, exam: HostExam) -> Iterator[CheckResult]:
    """One result for each step up to the one that failed."""
    for step, name in _STEPS:
        check = Check(exam.host, name)
        if exam.stopped_at == step:
            expected = "expected 3.9 or later, got " if exam.reason.startswith("Python ") else ""
            yield check.fails(f"{expected}{exam.reason.removeprefix('Python ')}", exam.hint)
            return
        yield check.passes(_found(step, host, exam))
    if exam.status is None or exam.status.error:
        why = exam.status.error if exam.status else None
        yield Check(exam.host, "answer").unknown(why or "the host did not tell")


def _found(step: Step, host: Host, exam: HostExam) -> str:
    if step == "ssh":
        return "reached"
    if step == "sudo":
        return "by sudo" if host.connection.become else "logged in as root"
    machine = exam.facts.machine
    return ".".join(str(number) for number in machine.python) if machine else "it ran"
