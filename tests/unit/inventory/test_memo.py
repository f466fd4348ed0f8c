"""ansible-inventory is asked once about the same files, and again where something else decides its answer."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mqctl import share
from mqctl.errors import MqctlError
from mqctl.inventory import VaultOptions, memo, source, vault

from .conftest import vault_value

GENERATED = """
plugin: ansible.builtin.generator
layers: {number: ["1"]}
hosts: {name: "mq{{ number }}", parents: [{name: rabbitmq}]}
"""
Asked = list[tuple[str, ...]]


@pytest.fixture
def site(one_broker: Path) -> Path:
    """An inventory that a command has changed hosts from: its state directory is there."""
    (one_broker / ".mqctl").mkdir()
    (one_broker / "group_vars" / "all" / "cluster.yml").write_text("rabbitmq_cluster_name: one\n")
    return one_broker


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Asked:
    """Every question to Ansible, which answers them; its configuration is nobody's."""
    for name in [name for name in os.environ if name.startswith("ANSIBLE_")]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(memo, "_CONFIGURATIONS", (tmp_path / "ansible.cfg",))
    questions: Asked = []
    run = source.run

    def counted(argv: tuple[str, ...], **options: Any) -> Any:
        questions.append(argv)
        return run(argv, **options)

    monkeypatch.setattr(source, "run", counted)
    return questions


def cluster_name(site: Path, options: VaultOptions | None = None) -> Any:
    return source.read(site, options or VaultOptions()).hostvars["mq1"]["rabbitmq_cluster_name"]


def test_the_same_files_are_asked_about_once(site: Path, asked: Asked) -> None:
    first = source.read(site, VaultOptions())
    assert source.read(site, VaultOptions()) == first
    assert source.read(site / "hosts.yml", VaultOptions()) == first
    assert len(asked) == 1
    assert stat.S_IMODE((site / ".mqctl" / "listing").stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "change",
    [
        lambda site: (site / "group_vars" / "all" / "cluster.yml").write_text("rabbitmq_cluster_name: two\n"),
        lambda site: (site / "group_vars" / "all" / "later.yml").write_text("rabbitmq_cluster_name: two\n"),
        lambda site: (site / "group_vars" / "rabbitmq").write_text("rabbitmq_cluster_name: two\n"),
        lambda site: (site / "hosts.yml").write_text(
            "rabbitmq: {hosts: {mq1: {rabbitmq_cluster_name: two}}}\n"
        ),
        lambda site: [
            (site / "host_vars").mkdir(),
            (site / "host_vars" / "mq1.yml").write_text("rabbitmq_cluster_name: two\n"),
        ],
    ],
    ids=["changed", "added", "group file", "hosts", "host variables"],
)
def test_every_change_is_seen_and_so_is_its_undoing(
    site: Path, asked: Asked, change: Callable[[Path], object]
) -> None:
    files = {path: path.read_text() for path in site.rglob("*.yml")}
    assert cluster_name(site) == "one"
    change(site)
    assert [cluster_name(site), cluster_name(site)] == ["two", "two"]
    for path in [path for path in site.rglob("*") if path.is_file() and path.parent.name != ".mqctl"]:
        path.unlink()
    for path, text in files.items():
        path.write_text(text)
    assert cluster_name(site) == "one"
    assert len(asked) == 3


def test_what_is_moved_with_its_answer_is_not_asked_about_again(site: Path, asked: Asked) -> None:
    before = source.read(site, VaultOptions())
    site = site.rename(site.with_name("elsewhere"))
    assert source.read(site, VaultOptions()).hostvars == before.hostvars
    assert len(asked) == 1
    (site / ".mqctl" / "listing").unlink()
    assert source.read(site, VaultOptions()).hostvars == before.hostvars
    assert len(asked) == 2


def test_the_configuration_of_mqctl_s_own_checkout_decides_nothing(
    site: Path, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memo, "_CONFIGURATIONS", (share.root() / "ansible.cfg",))
    assert [cluster_name(site), cluster_name(site)] == ["one", "one"]
    assert len(asked) == 1


@pytest.mark.parametrize(
    "arrange",
    [
        lambda site, patch: patch.setenv("ANSIBLE_HASH_BEHAVIOUR", "merge"),
        lambda site, patch: memo._CONFIGURATIONS[0].write_text("[defaults]\n"),
        lambda site, patch: (site / "hosts.yml").rename(site / "hosts.ini"),
        lambda site, patch: (site / "hosts.yml").rename(site / "others.yml"),
    ],
    ids=["environment", "configuration", "another format", "a whole directory"],
)
def test_ansible_is_asked_again_where_more_decides(
    site: Path, asked: Asked, arrange: Callable[[Path, pytest.MonkeyPatch], object], monkeypatch: Any
) -> None:
    source.read(site, VaultOptions())
    if arrange(site, monkeypatch) == site / "hosts.ini":
        (site / "hosts.ini").write_text("[rabbitmq]\nmq1\n")
    assert [cluster_name(site), cluster_name(site)] == ["one", "one"]
    assert len(asked) == 3


def test_what_lies_behind_links_to_directories_is_not_vouched_for(site: Path, asked: Asked) -> None:
    real = site.parent / "elsewhere"
    (site / "group_vars" / "all").rename(real)
    (site / "group_vars" / "all").symlink_to(real)
    assert cluster_name(site) == "one"
    (real / "cluster.yml").write_text("rabbitmq_cluster_name: two\n")
    assert cluster_name(site) == "two"
    assert len(asked) == 2


def test_a_plugin_s_hosts_are_asked_for_each_time(site: Path, asked: Asked) -> None:
    (site / "hosts.yml").write_text(GENERATED)
    assert [cluster_name(site), cluster_name(site)] == ["one", "one"]
    assert len(asked) == 2
    assert not (site / ".mqctl" / "listing").exists()


def test_files_that_need_a_password_leave_no_copy(site: Path, asked: Asked, options: VaultOptions) -> None:
    cluster_name(site)
    assert (site / ".mqctl" / "listing").exists()
    file = site / "group_vars" / "all" / "cluster.yml"
    file.write_text(vault.encrypt(file.read_text(), options))
    assert [cluster_name(site, options), cluster_name(site, options)] == ["one", "one"]
    assert len(asked) == 3
    assert not (site / ".mqctl" / "listing").exists()


def test_inline_vault_values_stay_closed(site: Path, asked: Asked, options: VaultOptions) -> None:
    file = site / "group_vars" / "all" / "cluster.yml"
    file.write_text(vault_value("rabbitmq_cluster_name", "hidden name", options))
    first = cluster_name(site, options)
    assert cluster_name(site, options) == first
    assert len(asked) == 1
    assert "hidden" not in (site / ".mqctl" / "listing").read_text()


def test_a_change_while_ansible_reads_is_not_vouched_for(site: Path, asked: Asked) -> None:
    before = memo.Memo(site / "hosts.yml")
    file = site / "group_vars" / "all" / "cluster.yml"
    file.write_text("rabbitmq_cluster_name: two\n")
    before.keep("{}")
    assert not (site / ".mqctl" / "listing").exists()


def test_reading_makes_no_directory(site: Path, asked: Asked) -> None:
    (site / ".mqctl").rmdir()
    cluster_name(site)
    assert not (site / ".mqctl").exists()


@pytest.mark.parametrize("broken", [b"", b"\xff\xfe", b"something else\n{}"])
def test_a_memory_that_cannot_be_read_is_none(site: Path, asked: Asked, broken: bytes) -> None:
    (site / ".mqctl" / "listing").write_bytes(broken)
    assert cluster_name(site) == "one"


def test_what_is_wrong_is_said_each_time(site: Path, asked: Asked) -> None:
    (site / "hosts.yml").write_text("rabbitmq: {host: {mq2: }, hosts: {mq1: }}\n")
    for _ in range(2):
        with pytest.raises(MqctlError):
            source.read(site, VaultOptions())
    assert len(asked) == 2
