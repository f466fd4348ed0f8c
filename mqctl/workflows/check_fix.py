"""What `mqctl check --fix` puts right: only what no running program notices and a person can undo."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mqctl.errors import MqctlError
from mqctl.model.audit import Changed, together
from mqctl.model.preflight import CheckResult, Fix
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts, Output, SshError
from mqctl.workflows.alone import alone, everywhere
from mqctl.workflows.audit import audited

KEEP_FILE = "/etc/apt/apt.conf.d/52mqctl-unattended-upgrades"
"""Behind 50unattended-upgrades, whose list it adds to."""
TIMEOUT = 300.0
"""Seconds for a host: package lists come from mirrors of any speed."""
_ERLANG = "erlang-base"
_KEEP = """\
set -eu
umask 022
file={file}
printf %s {text} >"$file.mqctl-new"
apt-config -c "$file.mqctl-new" dump >/dev/null || {{ rm -f "$file.mqctl-new"; exit 1; }}
mv -f "$file.mqctl-new" "$file"
"""
"""apt reads no file of another suffix; one that it cannot read would keep it from doing anything at all."""


@dataclass(frozen=True)
class Repair:
    """One thing to put right on one host."""

    host: str
    fix: Fix
    packages: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.fix == "read-package-lists":
            return f"{self.host}: apt-get update, which reads the package lists and installs nothing"
        names = ", ".join(self.packages)
        return (
            f"{self.host}: write {KEEP_FILE}, which keeps unattended-upgrades away from {names}; "
            "nothing that runs notices, and removing the file undoes it"
        )

    @property
    def script(self) -> str:
        """What a shell does on the host."""
        if self.fix == "read-package-lists":
            return "exec apt-get -q update\n"
        return _KEEP.format(file=shlex.quote(KEEP_FILE), text=shlex.quote(blacklist(self.packages)))

    @property
    def changed(self) -> Changed:
        """For the audit log."""
        if self.fix == "read-package-lists":
            return Changed(other=(f"read the package lists on {self.host}",))
        return Changed(files={self.host: (KEEP_FILE,)})


def repairs(results: Iterable[CheckResult]) -> tuple[Repair, ...]:
    """Everything that the results offer, each once."""
    found = [Repair(one.host, one.fix, one.packages) for one in results if one.fix]
    return tuple(dict.fromkeys(found))


def blacklist(packages: Sequence[str]) -> str:
    """The file: regular expressions that unattended-upgrades matches from a name's beginning."""
    names = [f"^{re.sub('[^a-z0-9-]', '.', name)}$" for name in packages if name != _ERLANG]
    names += ["^erlang-"] if _ERLANG in packages else []
    lines = [f'Unattended-Upgrade::Package-Blacklist:: "{name}";' for name in names]
    head = "// Written by mqctl check --fix: upgrade these one host at a time. Remove the file to undo it."
    return "\n".join([head, *lines, ""])


def repair(topology: Topology, wanted: Sequence[Repair]) -> None:
    """Do all of it, each host's parts in order. Raises MqctlError that names what could not be done."""
    with audited("check --fix") as account:
        account.open(topology.state_dir)
        with alone(topology.state_dir, "check --fix") as turn, everywhere(topology, turn):
            account.succeeds(turn)
            with Hosts.of(topology) as pool:
                failed = carry_out(wanted, pool)
            account.changed = together_of(one for one in wanted if one not in failed)
            account.not_done = together_of(failed)
            if failed:
                lines = [f"  - {one}: {why}" for one, why in failed.items()]
                raise MqctlError("\n".join(["not everything could be put right:", *lines]))


def together_of(done: Iterable[Repair]) -> Changed:
    """As one entry of the audit log."""
    return together([one.changed for one in done])


def carry_out(wanted: Sequence[Repair], pool: Hosts) -> dict[Repair, str]:
    """Hosts at the same time; what failed, and why."""

    def one_host(host: str) -> dict[Repair, str]:
        ended = {one: pool.run(host, ["/bin/sh"], one.script, TIMEOUT) for one in wanted if one.host == host}
        return {one: _why(output) for one, output in ended.items() if not output.ok}

    answers = pool.each(dict.fromkeys(one.host for one in wanted), one_host)
    failed: dict[Repair, str] = {}
    for host, answer in answers.items():
        if isinstance(answer, SshError):
            failed.update({one: answer.reason for one in wanted if one.host == host})
        else:
            failed.update(answer)
    return failed


def _why(output: Output) -> str:
    lines = [line.strip() for line in output.stderr.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit code {output.returncode}"
