"""What tests of several rooms begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.inventory import VaultOptions


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
