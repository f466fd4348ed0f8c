"""docs/topologies.md, its pictures and the catalogue of `mqctl topologies` are what the inventories say."""

from __future__ import annotations

from mqctl.workflows.topologies import catalogue
from tests.golden.refresh import ROOT, pages


def test_the_pages_are_what_the_inventories_say() -> None:
    """When this fails: `python -m tests.golden.refresh`."""
    wanted = pages()
    assert {str(path): path.read_text(encoding="utf-8") for path in wanted if path.exists()} == {
        str(path): text for path, text in wanted.items()
    }
    drawn = {path for path in wanted if path.suffix == ".svg"}
    assert {*(ROOT / "docs" / "topologies").glob("*.svg")} == drawn


def test_the_catalogue_is_what_the_command_prints() -> None:
    assert "mirrored-3node" in {one.name for one in catalogue()}
    assert "example" not in {one.name for one in catalogue()}
