"""`mqctl topologies` and `mqctl graph` on the command line."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from mqctl import inventory
from mqctl.cli import run
from mqctl.errors import ExitCode

COLUMNS = ("Name", "Hosts", "Survives", "RabbitMQ")


def printed(out: str) -> dict[str, dict[str, str]]:
    """The table's cells by name and column; a line without a name goes on with the row before it."""
    heading, _, *lines = [line for line in out.splitlines() if line.strip()]
    assert heading.split() == [*COLUMNS]
    starts = [heading.index(column) for column in COLUMNS]
    rows: list[list[str]] = []
    for line in lines:
        cells = [line[start:end].strip() for start, end in pairwise([*starts, len(line)])]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{before} {more}".strip() for before, more in zip(rows[-1], cells, strict=True)]
    assert len({row[0] for row in rows}) == len(rows)
    return {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in rows}


def test_the_table_names_every_bundled_topology(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topologies"]) == ExitCode.DONE
    table = printed(capsys.readouterr().out)
    assert sorted(table) == [name for name in inventory.bundled() if name != "example"]
    assert table["mirrored-3node"] == {
        "Name": "mirrored-3node",
        "Hosts": "3 brokers, 2 load balancers",
        "Survives": "any 1 of 3 brokers at once",
        "RabbitMQ": "3.8, 3.10",
    }
    assert table["federation-2site"]["Hosts"] == "2 sites: 6 brokers, 4 load balancers"
    assert table["federation-2site"]["RabbitMQ"] == "3.10 (east), 4.0 (west)"
    assert table["standalone"]["Hosts"] == "1 broker"
    assert table["standalone"]["RabbitMQ"] == "3.8, 3.10, 4.0, 4.3"


def test_the_json_table_says_the_same_and_what_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["topologies"]) == ExitCode.DONE
    table = printed(capsys.readouterr().out)
    assert run(["topologies", "--json"]) == ExitCode.DONE
    told = {one["name"]: one for one in json.loads(capsys.readouterr().out)}
    assert list(told) == list(table)
    assert all(table[name]["Hosts"] == one["hosts"] for name, one in told.items())
    assert all(table[name]["Survives"] == one["survives"][0] for name, one in told.items())
    assert all(table[name]["RabbitMQ"] == ", ".join(one["lines"]) for name, one in told.items())
    assert told["mirrored-3node"]["loses"]


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
