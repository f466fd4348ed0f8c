"""`mqctl topologies` and `mqctl graph` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mqctl.cli import run
from mqctl.errors import ExitCode


def test_the_table_names_every_bundled_topology(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topologies"]) == ExitCode.DONE
    assert "any 1 of 3 brokers at once" in capsys.readouterr().out
    assert run(["topologies", "--json"]) == ExitCode.DONE
    table = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert table["mirrored-3node"]["lines"] == ["3.8", "3.10"]
    assert table["mirrored-3node"]["loses"]


def test_graph_prints_or_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "mirrored-3node", "--format", "mermaid"]) == ExitCode.DONE
    assert capsys.readouterr().out.startswith("flowchart TB\n")
    target = tmp_path / "drawn.svg"
    assert run(["graph", "mirrored-3node", "--out", str(target)]) == ExitCode.DONE
    assert target.read_text().startswith("<svg ")


def test_graph_refuses_what_it_cannot_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["graph", "mirrored-3node", "--format", "png"]) == ExitCode.REFUSED
    assert capsys.readouterr().err == "error: no format png\n\nhint: there are svg, mermaid\n"
    assert run(["graph", "mirrored-3node", "--out", str(tmp_path)]) == ExitCode.REFUSED
    assert "cannot write" in capsys.readouterr().err
