from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.inventory import VaultOptions, vault


@pytest.fixture
def one_broker(tmp_path: Path) -> Path:
    """An inventory of one broker, sound but for its secrets."""
    directory = tmp_path / "site"
    (directory / "group_vars" / "all").mkdir(parents=True)
    (directory / "hosts.yml").write_text("rabbitmq:\n  hosts:\n    mq1: {ansible_host: 192.0.2.11}\n")
    return directory


@pytest.fixture
def options(tmp_path: Path) -> VaultOptions:
    """A vault password of the test's own."""
    file = tmp_path / "vault-password"
    file.write_text("opensesame\n")
    return VaultOptions(file)


def vault_value(name: str, text: str, options: VaultOptions) -> str:
    """A YAML line with an inline vault value."""
    body = "\n".join(f"  {line}" for line in vault.encrypt(text, options).splitlines())
    return f"{name}: !vault |\n{body}\n"
