"""The brokers' names: on every host each leads to one address, or to none yet, which a deploy changes."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.gates.evidence import listed
from mqctl.gates.names import wanted
from mqctl.gates.preflight.evidence import Subject
from mqctl.model.hostsblock import addresses
from mqctl.model.preflight import CheckResult

HOSTS = "/etc/hosts"


def names(subject: Subject) -> Iterator[CheckResult]:
    """One result for each name that is wrong, or one for all of them.

    /etc/hosts is what a deploy writes: it puts a wrong name right where that file is asked first.
    """
    if not any(file.path == HOSTS for file in subject.bundle.files):
        return
    check, found = subject.check("names"), subject.status.resolves
    needed = wanted(subject.topology, subject.host)
    if not found and subject.host.broker:
        yield check.unknown("no name was resolved")
        return
    wrong = {name: found[name] for name in needed if found.get(name) and found[name] != (needed[name],)}
    for name, got in wrong.items():
        yield _wrong(subject, name, needed[name], listed(got))
    missing = [name for name in needed if not found.get(name)]
    if missing:
        yield check.passes(
            f"{len(missing)} of {len(needed)} not yet resolved: a deploy writes them into {HOSTS}"
        )
    elif not wrong:
        yield check.passes(f"{len(needed)} to their one address")


def _wrong(subject: Subject, name: str, address: str, got: str) -> CheckResult:
    check, message = subject.check("names"), f"expected {name} to be {address}, got {got}"
    machine = subject.facts.machine
    if machine is None:
        return check.unknown(f"{message}; {subject.why('machine')}")
    if machine.name_order and machine.name_order[0] != "files":
        order = " ".join(machine.name_order)
        return check.fails(
            f"{message}, and names are looked up in {order}", "put files first in nsswitch.conf"
        )
    file = subject.status.files.get(HOSTS)
    text = file.content.get_secret_value() if file and file.content else ""
    if addresses(text).get(name.lower()) == address:
        return check.fails(f"{message}, although {HOSTS} has it right", f"look at getent ahosts {name}")
    return check.warns(
        f"{message}: a deploy writes the right one into {HOSTS}", "is it another machine's name?"
    )
