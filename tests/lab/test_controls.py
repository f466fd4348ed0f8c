"""Set-ups that lose messages or their address, made on purpose: the failover test must find out each of them.

The inventory is mirrored-3node; where the weakness is in the configuration, variables are laid over it and
deployed, and what was deployed before comes back afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import PREFIX, WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.stage import Stage
from tests.lab.failover import quiet

pytestmark = pytest.mark.lab

SETTINGS = WorkloadSettings(duration=10)
WEAK: dict[str, Any] = {
    "haproxy_check": "none",
    "keepalived_preempt": False,
    "keepalived_check_weight": -80,
    "mqctl_accept": ["nopreempt-with-weight"],
}
"""The one weakens what happens behind the entrance, the others what happens to it: no control meets both."""
OF_THE_CONFIGURATION = ("control-haproxy-without-checks", "control-vip-never-moves")
OF_THE_WORKLOAD = ("control-automatic-acknowledgement", "control-plain-queue")
"""One that loses messages, and one that loses none."""
OTHERS_OF_THE_WORKLOAD = (
    "control-policy-mirrors-nothing",
    "control-transient-messages",
    "control-unsynchronised-mirror",
)
LOSE = ("control-automatic-acknowledgement", "control-transient-messages", "control-unsynchronised-mirror")


def play(topology: Topology, names: tuple[str, ...], path: Path) -> workflow.FailoverReport:
    return workflow.failover_test(topology, SETTINGS, workflow.Choice(names), path, quiet)


def failed(verdict: Verdict) -> set[str]:
    return {finding.gate for finding in verdict.findings if finding.outcome == "fail"}


@contextmanager
def laid_over(topology: Topology, variables: dict[str, Any]) -> Iterator[Topology]:
    """The same hosts with other variables: those of a host win over those of its groups."""
    overlay = topology.inventory / "host_vars"
    taken = [host.name for host in topology.hosts if (overlay / host.name).exists()]
    assert not taken
    for host in topology.hosts:
        (overlay / host.name).mkdir(parents=True)
        (overlay / host.name / "control.yml").write_text(yaml.safe_dump(variables))
    try:
        yield deploy(Wish(str(topology.inventory)), Silent()).topology
    finally:
        for host in topology.hosts:
            (overlay / host.name / "control.yml").unlink()
            (overlay / host.name).rmdir()
        report = deploy(Wish(str(topology.inventory)), Silent())
        assert {result.outcome for result in report.results} == {"pass"}


@pytest.fixture
def healthy(deployed: Topology, tmp_path: Path) -> Iterator[Topology]:
    """Every gate passes before and after."""
    with Hosts.of(deployed) as hosts, Hosts.of(deployed) as watchers:
        stage = Stage(deployed, "check", tmp_path, hosts, watchers)
        wait(lambda: not stage.problem(), timeout=120, interval=1, what="health before the control")
        yield deployed
        wait(lambda: not stage.problem(), timeout=180, interval=1, what="health after the control")
        assert [name for name in stage.api().policies() if name.startswith(PREFIX)] == []


def as_they_must(report: workflow.FailoverReport, names: tuple[str, ...]) -> None:
    """Each failed, for its own reason, with a whole record."""
    assert {v.scenario: (v.outcome, v.as_expected) for v in report.verdicts} == dict.fromkeys(
        names, ("fail", "pass")
    )
    assert [v.scenario for v in report.verdicts if {*v.because} - failed(v)] == []
    whole = {
        v.scenario: f.outcome for v in report.verdicts for f in v.findings if f.gate == "record.complete"
    }
    assert whole == dict.fromkeys(names, "pass")
    assert report.outcome == "pass"


@pytest.mark.parametrize(
    "names", [OF_THE_WORKLOAD, pytest.param(OTHERS_OF_THE_WORKLOAD, marks=pytest.mark.matrix)]
)
def test_unsafe_workloads_fail(healthy: Topology, tmp_path: Path, names: tuple[str, ...]) -> None:
    report = play(healthy, names, tmp_path)
    as_they_must(report, names)
    assert {v.scenario for v in report.verdicts if v.messages.lost} == {*LOSE} & {*names}


def test_unsafe_configurations_fail(healthy: Topology, tmp_path: Path) -> None:
    with laid_over(healthy, WEAK) as unsafe:
        report = play(unsafe, OF_THE_CONFIGURATION, tmp_path)
    as_they_must(report, OF_THE_CONFIGURATION)
    assert {v.messages.lost for v in report.verdicts} == {0}


def test_the_same_faults_on_a_safe_configuration_do_not(healthy: Topology, tmp_path: Path) -> None:
    """So a control fails for its configuration and not for its fault; one that passes is said to be wrong."""
    report = play(healthy, OF_THE_CONFIGURATION, tmp_path)
    assert [verdict.outcome for verdict in report.verdicts] == ["pass", "pass"]
    assert report.outcome == "fail"
