"""What the checks judge from, and the one shape of what they say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mqctl.model.bundle import HostBundle
from mqctl.model.preflight import CheckResult, HostExam, HostFacts, Survey
from mqctl.model.status import HostStatus
from mqctl.model.topology import Host, Topology

ALL = "all"
"""Whom a result is about when it is about the hosts together."""


@dataclass(frozen=True)
class Check:
    """One check of one host."""

    host: str
    name: str

    def passes(self, message: str) -> CheckResult:
        """Nothing is in the way; the message says what was found."""
        return CheckResult(host=self.host, check=self.name, outcome="pass", message=message)

    def warns(self, message: str, hint: str = "", **fix: Any) -> CheckResult:
        """A deploy works, and somebody should know."""
        return CheckResult(host=self.host, check=self.name, outcome="warn", message=message, hint=hint, **fix)

    def fails(self, message: str, hint: str = "") -> CheckResult:
        """A deploy would fail, or what it makes would."""
        return CheckResult(host=self.host, check=self.name, outcome="fail", message=message, hint=hint)

    def unknown(self, why: str, hint: str = "", **fix: Any) -> CheckResult:
        """There is no evidence, and why."""
        return CheckResult(host=self.host, check=self.name, outcome="unknown", message=why, hint=hint, **fix)


@dataclass(frozen=True)
class Subject:
    """One host that answered, and what it belongs to."""

    topology: Topology
    """The whole inventory."""
    site: Topology
    """Its part of it."""
    host: Host
    exam: HostExam
    status: HostStatus
    bundle: HostBundle
    survey: Survey
    """The other hosts' answers."""

    @property
    def facts(self) -> HostFacts:
        """What it said beyond its status."""
        return self.exam.facts

    def check(self, name: str) -> Check:
        """A check of this host."""
        return Check(self.host.name, name)

    def why(self, part: str) -> str:
        """Why a part of the facts is missing."""
        return self.facts.failed.get(part, "the host was not asked")

    def written(self, path: str) -> bool:
        """Whether a file is there that mqctl wrote: its first lines say so."""
        file = self.status.files.get(path)
        text = file.content.get_secret_value() if file and file.content else ""
        return "Written by mqctl" in text[:200]
