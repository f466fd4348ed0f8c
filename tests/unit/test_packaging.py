"""What travels inside the wheel."""

from __future__ import annotations

from pathlib import Path

from hatch_build import shared_files


def test_secrets_and_state_stay_at_home(tmp_path: Path) -> None:
    """Generated secrets and SSH keys lie inside the directories that are packed."""
    for name in (
        "templates/a.j2",
        "inventories/x/hosts.yml",
        "inventories/x/.mqctl/id_ed25519",
        "inventories/x/group_vars/all/secrets.yml",
        "playbooks/library/__pycache__/module.pyc",
        "roles/bundle/tasks/main.yml",
        "ansible.cfg",
        "README.md",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    assert [str(path) for path in shared_files(tmp_path)] == [
        "ansible.cfg",
        "inventories/x/hosts.yml",
        "roles/bundle/tasks/main.yml",
        "templates/a.j2",
    ]
