"""Each topology that is offered is tried: a Molecule scenario of its own, and a job for it in the matrix."""

from __future__ import annotations

from pathlib import Path

import yaml

from mqctl import inventory

ROOT = Path(__file__).parents[2]
OTHERS = {"default", "shared"}
IN_EVERY_RUN = {"mirrored-3node"}


def molecule() -> dict[str, str]:
    """What each scenario is of, by its name."""
    files = {path.parent.name: path for path in (ROOT / "molecule").glob("*/molecule.yml")}
    return {
        name: yaml.safe_load(path.read_text())["ansible"]["env"]["MQCTL_TOPOLOGY"]
        for name, path in files.items()
        if name not in OTHERS
    }


def test_every_bundled_topology_has_its_scenario() -> None:
    assert molecule() == {name: name for name in inventory.bundled() if name != "example"}


def test_the_matrix_leaves_no_scenario_out() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "matrix.yml").read_text())
    jobs = workflow["jobs"]["molecule"]["strategy"]["matrix"]["scenario"]
    assert jobs == sorted({*molecule()} - IN_EVERY_RUN)
