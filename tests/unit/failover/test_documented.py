"""docs/failover.md explains every fault, target, gate and option, and none that does not exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import get_args

import typer

from mqctl import verdict
from mqctl.cli.failover_test import failover_test
from mqctl.faults import scenarios
from mqctl.model.scenario import EntranceFault, FaultName, TargetRole

TEXT = (Path(__file__).parents[3] / "docs" / "failover.md").read_text()
GATE = re.compile(r"(record|messages|fault|continuity|moves|recovery|cluster|vip|warren)\.[a-z]+")


def section(title: str) -> str:
    """From its heading to the next one of the same or a higher level."""
    level, _, rest = TEXT.partition(f"# {title}\n")
    depth = len(level) - len(level.rstrip("#")) + 1
    return re.split(rf"^#{{1,{depth}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def keys(text: str) -> list[str]:
    """What the first cells of its tables name."""
    cells = re.findall(r"^\| (.*?[^\\]) \| ", text, re.MULTILINE)
    return [word for cell in cells for word in re.findall(r"`([^`]+)`", cell)]


def emitted() -> set[str]:
    """The names of gates in the judgement's source; docstrings are longer."""
    found = set()
    for path in Path(str(verdict.__file__)).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and GATE.fullmatch(node.value):
                found.add(node.value)
    return found


def test_every_fault_has_its_row() -> None:
    rows = [name for name in keys(section("Faults").partition("### ")[0]) if "`" not in name]
    faults = {name for group in get_args(FaultName) for name in (get_args(group) or (group,))}
    assert get_args(EntranceFault)[0] in faults
    assert sorted(rows) == sorted(faults)


def test_every_target_is_explained() -> None:
    roles = {name for group in get_args(TargetRole) for name in (get_args(group) or (group,))}
    assert "queue-leader" in roles
    rows = {*keys(section("Targets"))} - {"{node: mq2}"}
    assert rows == roles


def test_every_gate_has_its_row() -> None:
    gates = emitted()
    assert {"messages.lost", "fault.stops", "moves.vip", "warren.settled"} <= gates
    rows = keys(section("Verdict, gates and numbers").partition("Counted, and")[0])
    assert sorted(rows) == sorted(gates)


def test_every_option_is_named() -> None:
    app = typer.Typer(add_completion=False)
    app.command()(failover_test)
    names = [name for option in typer.main.get_command(app).params for name in option.opts]
    options = [name for name in names if name.startswith("-")]
    assert {"--keep-history", "-s", "--rate"} <= {*options}
    words = {word for code in re.findall(r"`([^`\n]+)`", TEXT) for word in code.split()}
    assert [option for option in options if option not in words] == []
    real = {*options, "--wait", "--exit-code"}
    table = keys(section("The workload"))
    assert [word for word in table if word.startswith("--") and word.split()[0] not in real] == []


def test_every_scenario_is_listed() -> None:
    """A row may name several by their endings."""
    listed = keys(section("Bundled ones")) + keys(section("Controls"))
    endings = tuple(name for name in listed if name.startswith("-"))
    names = [scenario.name for scenario in scenarios.bundled()]
    assert [name for name in names if name not in listed and not name.endswith(endings)] == []
    known = [*names, *endings, "control-..."]
    assert [name for name in listed if name not in known and name[0] != "-" and "." not in name] == []
