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
from mqctl.workflows.scenario import Live
from mqctl.workflows.stage import Stage

pytestmark = pytest.mark.lab

SETTINGS = WorkloadSettings(duration=10)
VARIANTS: dict[str, dict[str, Any]] = {
    "control-haproxy-without-checks": {"haproxy_check": "none"},
    "control-vip-never-moves": {
        "keepalived_preempt": False,
        "keepalived_check_weight": -80,
        "mqctl_accept": ["nopreempt-with-weight"],
    },
}
"""What each control needs to be otherwise."""
OF_THE_WORKLOAD = (
    "control-automatic-acknowledgement",
    "control-plain-queue",
    "control-policy-mirrors-nothing",
    "control-transient-messages",
    "control-unsynchronised-mirror",
)
LOSE = ("control-automatic-acknowledgement", "control-transient-messages", "control-unsynchronised-mirror")


def quiet(live: Live) -> None:
    """Nobody watches."""


def play(topology: Topology, name: str, path: Path) -> tuple[Verdict, workflow.FailoverReport]:
    report = workflow.failover_test(topology, SETTINGS, workflow.Choice((name,)), path, quiet)
    return report.verdicts[0], report


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


@pytest.mark.parametrize("name", OF_THE_WORKLOAD)
def test_an_unsafe_workload_fails(healthy: Topology, tmp_path: Path, name: str) -> None:
    verdict, report = play(healthy, name, tmp_path)
    assert (verdict.outcome, verdict.as_expected, report.outcome) == ("fail", "pass", "pass")
    assert failed(verdict) >= set(verdict.because)
    assert (verdict.messages.lost > 0) is (name in LOSE)
    assert {f.gate: f.outcome for f in verdict.findings}["record.complete"] == "pass"


@pytest.mark.parametrize("name", VARIANTS)
def test_an_unsafe_configuration_fails(healthy: Topology, tmp_path: Path, name: str) -> None:
    with laid_over(healthy, VARIANTS[name]) as unsafe:
        verdict, report = play(unsafe, name, tmp_path)
    assert (verdict.outcome, verdict.as_expected, report.outcome) == ("fail", "pass", "pass")
    assert failed(verdict) >= set(verdict.because)
    assert verdict.messages.lost == 0


@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_fault_on_a_safe_configuration_does_not(
    healthy: Topology, tmp_path: Path, name: str
) -> None:
    """So a control fails for its configuration and not for its fault; one that passes is said to be wrong."""
    verdict, report = play(healthy, name, tmp_path)
    assert (verdict.outcome, report.outcome) == ("pass", "fail")
