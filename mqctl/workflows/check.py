"""What `mqctl check` does: ask every host what would stand in the way of a deploy, and judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mqctl.errors import ExitCode, MqctlError
from mqctl.gates.preflight.evidence import ALL, Check
from mqctl.gates.preflight.judge import judge
from mqctl.inventory import VaultOptions, ensure, find
from mqctl.model.bundle import HostBundle
from mqctl.model.preflight import CheckResult, Outcome, Survey, overall
from mqctl.model.topology import Topology
from mqctl.plan import make
from mqctl.probe.examine import examine
from mqctl.render.bundle import render
from mqctl.ssh import Hosts
from mqctl.workflows.status import refuse_silence

_EXIT: Mapping[Outcome, ExitCode] = {
    "pass": ExitCode.DONE,
    "warn": ExitCode.DONE,
    "fail": ExitCode.FAILED,
    "unknown": ExitCode.UNKNOWN,
}


@dataclass(frozen=True)
class Checked:
    """What was found, and what the checks say to it."""

    topology: Topology
    survey: Survey
    results: tuple[CheckResult, ...]

    @property
    def outcome(self) -> Outcome:
        """All checks together."""
        return overall(self.results)

    @property
    def exit_code(self) -> ExitCode:
        """A host that was not reached comes first: nothing is known of it."""
        if any(exam.stopped_at == "ssh" for exam in self.survey.hosts):
            return ExitCode.CANNOT_RUN
        return _EXIT[self.outcome]


def read(name_or_dir: str, vault: VaultOptions | None = None) -> Topology:
    """The inventory; missing secrets are generated beside it first, as for a plan."""
    return ensure(find(name_or_dir), vault)


def check(topology: Topology) -> Checked:
    """Ask all hosts at the same time, and judge. Changes nothing; MqctlError when no host was reached."""
    bundles = render(topology)
    with Hosts.of(topology) as pool:
        survey = examine(topology, bundles, pool)
    if all(exam.stopped_at == "ssh" for exam in survey.hosts):
        refuse_silence(survey.status)
    results = [*judge(topology, bundles, survey), planned(topology, bundles, survey)]
    return Checked(topology, survey, tuple(results))


def planned(topology: Topology, bundles: Mapping[str, HostBundle], survey: Survey) -> CheckResult:
    """Whether a deploy would make its plan: it refuses some things for reasons of its own."""
    one, status = Check(ALL, "plan"), survey.status
    silent = [host.host for host in status.hosts if not host.answered]
    if silent:
        return one.unknown(f"no plan without the answer of {', '.join(silent)}")
    try:
        plan = make(topology, bundles, status)
    except MqctlError as error:
        lines = [line.strip().removeprefix("- ") for line in error.message.splitlines()]
        reasons = lines[1:] if len(lines) > 1 else lines
        return one.fails("; ".join(reasons), "; ".join(error.hint.splitlines()))
    if plan.empty:
        return one.passes("nothing to do: it is deployed")
    parts = (
        (len(plan.packages), "packages"),
        (len(plan.files), "files"),
        (len(plan.services), "service actions"),
        (len(plan.membership), "membership changes"),
    )
    told = ", ".join(f"{count} {what}" for count, what in parts if count) or "objects only"
    return one.passes(f"a deploy can begin: {told}")
