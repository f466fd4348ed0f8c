"""Inventories as people write them, read through Ansible's own program."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from mqctl.errors import UsageError
from mqctl.inventory import InventoryError, MissingSecretsError, VaultOptions, ensure, load, vault
from mqctl.model.base import reveal
from mqctl.process import ProgramError

from .conftest import vault_value

ODD = "p'a\"ss %wörd% #$HOME \\ {x} [y] : & ! * ` ~"
SECRETS = {"rabbitmq_erlang_cookie": "ABCDEFGHIJKLMNOPQRST", "rabbitmq_passwords": {"admin": ODD, "app": ODD}}


def passwords(path: Path, options: VaultOptions | None = None) -> list[str]:
    return [reveal(user.password) for user in load(path, options).objects.users if user.password]


def test_no_secrets_yet(one_broker: Path) -> None:
    with pytest.raises(MissingSecretsError) as raised:
        load(one_broker)
    assert raised.value.missing == (
        "rabbitmq_erlang_cookie",
        "rabbitmq_passwords.admin",
        "rabbitmq_passwords.app",
    )
    assert not list((one_broker / "group_vars" / "all").iterdir())


def test_values_with_odd_characters(one_broker: Path) -> None:
    (one_broker / "group_vars" / "all" / "secrets.yml").write_text(yaml.safe_dump(SECRETS))
    assert passwords(one_broker) == [ODD, ODD]


def test_directory_and_file_are_the_same(one_broker: Path) -> None:
    ensure(one_broker)
    by_directory, by_file = load(one_broker), load(one_broker / "hosts.yml")
    assert by_directory.hosts == by_file.hosts
    assert by_directory.name == by_file.name == "site"
    assert by_directory.state_dir == by_file.state_dir == one_broker / ".mqctl"


def test_other_files_in_the_directory_are_not_read(one_broker: Path) -> None:
    (one_broker / ".mqctl").mkdir()
    (one_broker / ".mqctl" / "known_hosts").write_text("[192.0.2.11]:22 ssh-ed25519 AAAA\n")
    (one_broker / "notes").write_text("mq9 ansible_host=192.0.2.99\n")
    assert [host.name for host in ensure(one_broker).hosts] == ["mq1"]


def test_ini_with_group_and_host_vars(tmp_path: Path) -> None:
    (tmp_path / "hosts.ini").write_text(
        "[rabbitmq]\nmq[1:3]\n\n[haproxy]\nlb1 ansible_host=192.0.2.21\n\n"
        "[rabbitmq:vars]\nrabbitmq_port=5673\nrabbitmq_plugins=['rabbitmq_management', 'rabbitmq_shovel']\n"
    )
    (tmp_path / "host_vars").mkdir()
    for number in (1, 2, 3):
        (tmp_path / "host_vars" / f"mq{number}.yml").write_text(f"ansible_host: 192.0.2.1{number}\n")
    topology = ensure(tmp_path)
    assert [(host.name, str(host.address)) for host in topology.brokers] == [
        ("mq1", "192.0.2.11"),
        ("mq2", "192.0.2.12"),
        ("mq3", "192.0.2.13"),
    ]
    settings = topology.brokers[0].broker
    assert settings is not None
    assert settings.settings.port == 5673
    assert settings.settings.plugins == ("rabbitmq_management", "rabbitmq_shovel")


def test_hosts_keep_the_inventory_order(one_broker: Path) -> None:
    (one_broker / "hosts.yml").write_text(
        "rabbitmq:\n  hosts:\n    zed: {ansible_host: 192.0.2.1}\n    anna: {ansible_host: 192.0.2.2}\n"
        "    mid: {ansible_host: 192.0.2.3}\n"
    )
    assert [host.name for host in ensure(one_broker).hosts] == ["zed", "anna", "mid"]


def test_connection_variables(one_broker: Path) -> None:
    (one_broker / "group_vars" / "all" / "connection.yml").write_text(
        "ansible_user: ops\nansible_port: '2222'\nansible_become: yes\nansible_become_password: bp\n"
        "ansible_password: 12345\nansible_ssh_private_key_file: '{{ inventory_dir }}/key'\n"
        "ansible_ssh_common_args: -o 'UserKnownHostsFile=\"{{ inventory_dir }}/known hosts\"' -o A=b\n"
        "ansible_ssh_extra_args: -oStrictHostKeyChecking=yes -4\n"
    )
    connection = ensure(one_broker).host("mq1").connection
    assert (connection.host, connection.port, connection.user) == ("192.0.2.11", 2222, "ops")
    assert connection.become
    assert connection.become_password is not None
    assert reveal(connection.become_password) == "bp"
    assert connection.password is not None
    assert reveal(connection.password) == "12345"
    assert connection.private_key == one_broker / "key"
    assert connection.ssh_options == {
        "userknownhostsfile": f"{one_broker}/known hosts",
        "a": "b",
        "stricthostkeychecking": "yes",
    }


def test_inline_vault_values(one_broker: Path, options: VaultOptions) -> None:
    lines = [
        vault_value("vault_password", ODD, options),
        vault_value("rabbitmq_erlang_cookie", "A" * 20, options),
    ]
    lines.append('rabbitmq_passwords: {admin: "{{ vault_password }}", app: !unsafe "{{ as it is }}"}\n')
    (one_broker / "group_vars" / "all" / "secrets.yml").write_text("".join(lines))
    assert passwords(one_broker, options) == [ODD, "{{ as it is }}"]


def test_vault_file(one_broker: Path, options: VaultOptions) -> None:
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    file.write_text(vault.encrypt(yaml.safe_dump(SECRETS), options))
    assert passwords(one_broker, options) == [ODD, ODD]


def test_vault_password_from_the_environment(
    one_broker: Path, options: VaultOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    file.write_text(vault_value("rabbitmq_erlang_cookie", "A" * 20, options))
    monkeypatch.setenv("ANSIBLE_VAULT_PASSWORD_FILE", str(options.password_file))
    assert len(passwords(_with_passwords(one_broker))) == 2


def _with_passwords(inventory: Path) -> Path:
    file = inventory / "group_vars" / "all" / "passwords.yml"
    file.write_text("rabbitmq_passwords: {admin: adminpw, app: apppw}\n")
    return inventory


@pytest.mark.parametrize("shape", ["file", "inline"])
def test_wrong_vault_password(one_broker: Path, options: VaultOptions, tmp_path: Path, shape: str) -> None:
    _vaulted(one_broker, options, shape)
    wrong = tmp_path / "wrong"
    wrong.write_text("guess\n")
    with pytest.raises(UsageError, match="the vault password does not open the vault"):
        load(one_broker, VaultOptions(wrong))


@pytest.mark.parametrize("shape", ["file", "inline"])
def test_no_vault_password(one_broker: Path, options: VaultOptions, shape: str) -> None:
    _vaulted(one_broker, options, shape)
    with pytest.raises(UsageError, match="no vault password was given"):
        load(one_broker)


def _vaulted(inventory: Path, options: VaultOptions, shape: str) -> None:
    _with_passwords(inventory)
    line = "rabbitmq_erlang_cookie: AAAAAAAAAAAAAAAAAAAA\n"
    inline = vault_value("rabbitmq_erlang_cookie", "A" * 20, options)
    text = inline if shape == "inline" else vault.encrypt(line, options)
    (inventory / "group_vars" / "all" / "secrets.yml").write_text(text)


def test_vault_value_that_nothing_uses_stays_closed(one_broker: Path, options: VaultOptions) -> None:
    ensure(one_broker)
    text = vault_value("someone_elses", "x", options)
    (one_broker / "group_vars" / "all" / "other.yml").write_text(text)
    assert load(one_broker).name == "site"


def test_ansibles_own_verbosity_and_log_stay_out_of_it(
    one_broker: Path, options: VaultOptions, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANSIBLE_VERBOSITY", "3")
    monkeypatch.setenv("ANSIBLE_LOG_PATH", str(tmp_path / "log"))
    ensure(one_broker, options)
    file = one_broker / "group_vars" / "all" / "secrets.yml"
    assert file.read_text().startswith(vault.HEADER)
    inline = vault_value("haproxy_stats_password", ODD, options)
    (one_broker / "group_vars" / "all" / "inline.yml").write_text(inline)
    assert len(passwords(one_broker, options)) == 2
    assert not (tmp_path / "log").exists()


def test_missing_path(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no inventory"):
        load(tmp_path / "nowhere")


def test_missing_vault_password_file(one_broker: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no vault password file"):
        load(one_broker, VaultOptions(tmp_path / "nowhere"))


def test_ansible_is_missing(one_broker: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python3"))
    with pytest.raises(ProgramError, match="ansible-inventory is not installed"):
        load(one_broker)


def test_every_problem_at_once(one_broker: Path) -> None:
    (one_broker / "group_vars" / "rabbitmq.yml").write_text(
        "rabbitmq_port: 70000\nrabbitmq_queues: [{name: amq.x}]\nrabbitmq_prot: 1\n"
    )
    with pytest.raises(InventoryError) as raised:
        load(one_broker)
    paths = {problem.path for problem in raised.value.problems}
    assert paths == {"rabbitmq_port", "rabbitmq_queues[0].name", "rabbitmq_prot"}
