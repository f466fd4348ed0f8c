"""Where an inventory is found, and which one was last."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl import share
from mqctl.errors import UsageError
from mqctl.inventory import bundled, find, last, locate


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory and a home that are not the checkout's."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")
    return tmp_path


def test_a_path_is_taken_as_it_is(elsewhere: Path) -> None:
    (elsewhere / "mine").mkdir()
    assert find(str(elsewhere / "mine")) == elsewhere / "mine"
    assert find("../mine") == elsewhere / "mine"
    (elsewhere / "link").symlink_to("mine")
    assert find("../link") == elsewhere / "link"


def test_a_checkout_is_used_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(share.root())
    found = locate("mirrored-3node")
    assert found.path == share.root() / "inventories" / "mirrored-3node"
    assert found.note == ""


def test_a_bundled_topology_is_copied_once(elsewhere: Path) -> None:
    first = locate("mirrored-3node")
    assert first.path == elsewhere / "data" / "mqctl" / "inventories" / "mirrored-3node"
    assert str(first.path) in first.note
    (first.path / "hosts.yml").write_text("changed by the user\n")
    again = locate("mirrored-3node")
    assert again.path == first.path
    assert again.note == ""
    assert (first.path / "hosts.yml").read_text() == "changed by the user\n"
    assert [path.name for path in first.path.parent.iterdir()] == ["mirrored-3node"]


def test_a_copy_has_no_secrets_of_the_original() -> None:
    copy = find("mirrored-3node")
    assert not (copy / ".mqctl").exists()
    assert not (copy / "group_vars" / "all" / "secrets.yml").exists()
    assert copy.stat().st_mode & 0o077 == 0


def test_bundled_topologies() -> None:
    assert "mirrored-3node" in bundled()


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("mirored-3node", "did you mean mirrored-3node?"),
        ("zzz", "bundled topologies: "),
        ("./mirrored-3node", "did you mean mirrored-3node?"),
        ("", "bundled topologies: "),
    ],
)
def test_unknown_names(name: str, hint: str) -> None:
    with pytest.raises(UsageError) as raised:
        find(name)
    assert hint in raised.value.hint


def test_last(elsewhere: Path) -> None:
    with pytest.raises(UsageError, match="no inventory was deployed yet"):
        last.recall()
    inventory = elsewhere / "site"
    inventory.mkdir()
    last.remember(inventory)
    assert last.recall() == inventory
    inventory.rmdir()
    with pytest.raises(UsageError, match="is gone"):
        last.recall()
