"""Generating what an inventory lacks of secrets."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from mqctl.errors import MqctlError, UsageError
from mqctl.inventory import VaultOptions, ensure, load, secrets, vault
from mqctl.inventory.errors import ShadowedSecretsError
from mqctl.model.base import reveal

MISSING = ("rabbitmq_erlang_cookie", "rabbitmq_passwords.admin", "keepalived_auth_pass")


def written(inventory: Path) -> dict[str, object]:
    return yaml.safe_load((inventory / "group_vars" / "all" / "secrets.yml").read_text())


def test_everything_is_generated_once(one_broker: Path) -> None:
    (one_broker / "hosts.yml").write_text(
        "rabbitmq: {hosts: {mq1: {ansible_host: 192.0.2.11}}}\n"
        "haproxy: {hosts: {lb1: {ansible_host: 192.0.2.21}}}\n"
        "keepalived: {hosts: {lb1: {keepalived_priority: 100}},"
        " vars: {keepalived_virtual_address: 192.0.2.100/24}}\n"
    )
    (one_broker / "group_vars" / "rabbitmq.yml").write_text("rabbitmq_users: [{name: billing}]\n")
    first = ensure(one_broker)
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    text = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    made = written(one_broker)
    assert set(made) == {
        "rabbitmq_erlang_cookie",
        "rabbitmq_passwords",
        "haproxy_stats_password",
        "keepalived_auth_pass",
    }
    assert set(made["rabbitmq_passwords"]) == {"admin", "app", "billing"}
    assert len(str(made["rabbitmq_erlang_cookie"])) >= 20
    assert len(str(made["keepalived_auth_pass"])) == 8
    assert ensure(one_broker) == first
    assert file.read_text() == text
    assert [path.name for path in file.parent.iterdir()] == ["secrets.yml"]


def test_given_secrets_stay(one_broker: Path) -> None:
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    file.write_text("rabbitmq_passwords: {admin: mine}\nother: 1\n")
    topology = ensure(one_broker)
    admin = topology.objects.users[0]
    assert admin.password is not None
    assert reveal(admin.password) == "mine"
    assert written(one_broker)["other"] == 1


def test_no_vrrp_password_with_version_3(one_broker: Path) -> None:
    (one_broker / "hosts.yml").write_text(
        "rabbitmq: {hosts: {mq1: {ansible_host: 192.0.2.11}}}\n"
        "keepalived: {hosts: {lb1: {ansible_host: 192.0.2.21, keepalived_priority: 100}},"
        " vars: {keepalived_virtual_address: 192.0.2.100/24, keepalived_vrrp_version: 3}}\n"
    )
    ensure(one_broker)
    assert "keepalived_auth_pass" not in written(one_broker)


def test_vault_file_stays_a_vault_file(one_broker: Path, options: VaultOptions) -> None:
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    file.write_text(vault.encrypt("rabbitmq_passwords: {admin: mine}\n", options))
    topology = ensure(one_broker, options)
    assert file.read_text().startswith("$ANSIBLE_VAULT")
    assert "mine" in vault.decrypt(file.read_text(), options)
    assert load(one_broker, options) == topology


def test_new_file_is_a_vault_file_with_a_vault_password(one_broker: Path, options: VaultOptions) -> None:
    ensure(one_broker, options)
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    assert file.read_text().startswith("$ANSIBLE_VAULT")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_secrets_lie_beside_an_ini_file(tmp_path: Path) -> None:
    (tmp_path / "production").write_text("[rabbitmq]\nmq1 ansible_host=192.0.2.11\n")
    ensure(tmp_path / "production")
    assert (tmp_path / "group_vars" / "all" / "secrets.yml").exists()


def test_refuses_a_secrets_file_that_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a YAML mapping"):
        secrets.extend("- a\n- b\n", MISSING, tmp_path / "secrets.yml")


def test_refuses_passwords_that_are_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rabbitmq_passwords"):
        secrets.extend("rabbitmq_passwords: x\n", MISSING, tmp_path / "secrets.yml")


def test_inventory_that_cannot_be_written(one_broker: Path) -> None:
    (one_broker / "group_vars" / "all").rmdir()
    (one_broker / "group_vars").rmdir()
    (one_broker / "group_vars").write_text("")
    with pytest.raises(MqctlError, match="cannot write"):
        secrets.generate(one_broker, MISSING, VaultOptions())


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1)
AWKWARD = st.text(st.sampled_from("'\"%#$ {}\\:[]&*!|>@`~äß日-,?=<"), min_size=1)


@given(TEXTS | AWKWARD)
def test_what_is_there_survives_word_for_word(text: str) -> None:
    before = yaml.safe_dump({"rabbitmq_passwords": {"admin": text}}, allow_unicode=True)
    after = yaml.safe_load(secrets.extend(before, (*MISSING, "rabbitmq_passwords.app"), Path("secrets.yml")))
    assert after["rabbitmq_passwords"]["admin"] == text
    assert after["rabbitmq_passwords"]["app"]


@given(st.integers(min_value=1, max_value=100))
def test_tokens_mean_themselves_everywhere(length: int) -> None:
    token = secrets.token(length)
    assert len(token) == length
    assert token.isascii()
    assert token.isalnum()
    assert token[0].isalpha()


@pytest.mark.parametrize("name", ["all.yml", "all.yaml", "all"])
def test_refuses_to_shadow_the_users_own_variables(one_broker: Path, name: str) -> None:
    """Ansible reads the directory group_vars/all or a file of that name, never both."""
    variables = one_broker / "group_vars"
    (variables / "all").rename(variables / "spare")
    (variables / name).write_text("rabbitmq_port: 5673\n")
    with pytest.raises(UsageError, match="Ansible would no longer read") as caught:
        ensure(one_broker)
    assert caught.value.hint.endswith(str(variables / "all" / "main.yml"))
    assert sorted(path.name for path in variables.iterdir()) == sorted([name, "spare"])


SHADOWS = {
    "rabbitmq_erlang_cookie": "rabbitmq_erlang_cookie:\n",
    "rabbitmq_passwords.admin": "rabbitmq_passwords: {app: mine}\n",
}
"""What is missing, and a group's variable that takes the place of a generated one."""


@pytest.mark.parametrize("name", SHADOWS)
def test_what_would_not_be_heard_is_not_generated(one_broker: Path, name: str) -> None:
    """The next run would find it missing again, and the one after that."""
    (one_broker / "group_vars" / "rabbitmq.yml").write_text(SHADOWS[name])
    before = sorted(one_broker.rglob("*"))
    with pytest.raises(ShadowedSecretsError, match=rf"has no value for {name}, and one in "):
        ensure(one_broker)
    assert set(one_broker.rglob("*")) <= set(before)


def test_secrets_that_were_there_stay_when_another_would_not_be_heard(one_broker: Path) -> None:
    ensure(one_broker)
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    text = file.read_text()
    (one_broker / "group_vars" / "rabbitmq.yml").write_text(
        "rabbitmq_users: [{name: billing}]\n" + SHADOWS["rabbitmq_passwords.admin"]
    )
    with pytest.raises(ShadowedSecretsError, match=r"rabbitmq_passwords.admin, rabbitmq_passwords.billing"):
        ensure(one_broker)
    assert file.read_text() == text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
