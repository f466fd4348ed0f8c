"""The real command line of a failover test, up to where it would touch a host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from mqctl.cli.main import build
from mqctl.faults.scenarios import Choice
from mqctl.inventory import VaultOptions
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.workflows import failover_test as workflow


@dataclass(frozen=True)
class Call:
    """What the workflow is called with."""

    settings: WorkloadSettings
    choice: Choice
    directory: Path | None
    vault: VaultOptions
    site: str


@dataclass
class CommandLine:
    """Every inventory turns out to be this topology."""

    topology: Topology
    loaded: list[tuple[str | None, Path | None, bool]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    @classmethod
    def of(cls, topology: Topology, patch: pytest.MonkeyPatch) -> CommandLine:
        line = cls(topology)
        patch.setattr(workflow, "load", line._load)
        patch.setattr(workflow, "failover_test", line._play)
        return line

    def run(self, *words: str) -> Result:
        """`mqctl`, and these words."""
        return CliRunner().invoke(build(), words)

    def call(self, words: Sequence[str]) -> Call:
        """What `mqctl failover-test` makes of these words."""
        done = self.run("failover-test", *words)
        assert (done.exit_code, done.exception) == (0, None), (done.output, done.exception)
        return self.calls[-1]

    def _load(self, name_or_dir: str | None, vault_password_file: Path | None, yes: bool) -> Topology:
        self.loaded.append((name_or_dir, vault_password_file, yes))
        return self.topology

    def _play(
        self,
        topology: Topology,
        settings: WorkloadSettings,
        choice: Choice,
        directory: Path | None,
        report: object,
        vault: VaultOptions,
        site: str,
    ) -> workflow.FailoverReport:
        assert topology is self.topology
        self.calls.append(Call(settings, choice, directory, vault, site))
        return workflow.FailoverReport(
            topology=topology.name, run="r", outcome="pass", verdicts=(), histories=()
        )
