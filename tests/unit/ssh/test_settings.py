"""Ansible's variables over OpenSSH's configuration."""

from __future__ import annotations

from pathlib import Path

import pytest

from mqctl.errors import MqctlError
from mqctl.model.topology import Connection
from mqctl.ssh.settings import Settings, hop, settings

CONFIG = """
Host 192.0.2.1 mq1
    HostName 192.0.2.77
    Port 2222
    User deploy
    IdentityFile ~/.ssh/site
    ProxyJump jump.example,root@[2001:db8::1]:2200
    UserKnownHostsFile ~/.ssh/site_hosts
    HostKeyAlias mq1-key
Host 192.0.2.2
    IdentitiesOnly yes
    StrictHostKeyChecking accept-new
    ProxyJump none
    ProxyCommand nc %h %p
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home directory with nothing but this configuration."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/config").write_text(CONFIG)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def decided(host: str, **changes: object) -> Settings:
    return settings("mq1", Connection.model_validate({"host": host, **changes}))


def test_the_configuration_counts_where_the_inventory_says_nothing(home: Path) -> None:
    found = decided("192.0.2.1")
    place = found.place
    assert (place.host, place.address, place.port, place.user) == ("mq1", "192.0.2.77", 2222, "deploy")
    assert place.known_as == "mq1-key"
    assert found.identities == (home / ".ssh/site",)
    assert found.jump == "jump.example,root@[2001:db8::1]:2200"
    assert found.known_hosts[0] == home / ".ssh/site_hosts"
    assert Path("/etc/ssh/ssh_known_hosts") in found.known_hosts
    assert (found.strict, found.agent, found.default_keys) == ("yes", True, True)


def test_the_inventory_wins() -> None:
    found = decided(
        "192.0.2.1",
        port=2200,
        user="root",
        private_key="/keys/id",
        ssh_options={
            "userknownhostsfile": '"/keys/known hosts"',
            "proxyjump": "none",
            "hostname": "192.0.2.9",
        },
    )
    assert (found.place.address, found.place.port, found.place.user) == ("192.0.2.9", 2200, "root")
    assert found.private_key == Path("/keys/id")
    assert found.known_hosts[0] == Path("/keys/known hosts")
    assert found.jump is None
    assert not found.default_keys


def test_restrictions_of_the_configuration() -> None:
    found = decided("192.0.2.2")
    assert (found.agent, found.default_keys, found.strict) == (False, False, "accept-new")
    assert (found.jump, found.proxy_command) == (None, "nc 192.0.2.2 22")


@pytest.mark.parametrize(
    ("value", "strict"),
    [("yes", "yes"), ("ask", "yes"), ("no", "no"), ("off", "no"), ("accept-new", "accept-new"), ("NO", "no")],
)
def test_host_keys_are_checked_unless_the_inventory_says_no(value: str, strict: str) -> None:
    assert decided("192.0.2.3", ssh_options={"stricthostkeychecking": value}).strict == strict
    assert decided("192.0.2.3").strict == "yes"


def test_without_a_configuration(home: Path) -> None:
    (home / ".ssh/config").unlink()
    found = decided("192.0.2.1", user="root")
    assert (found.place.address, found.place.port) == ("192.0.2.1", 22)
    assert found.known_hosts[0] == home / ".ssh/known_hosts"


def test_several_known_hosts_files(home: Path) -> None:
    found = decided(
        "192.0.2.3", ssh_options={"userknownhostsfile": "~/a ~/b", "globalknownhostsfile": "none"}
    )
    assert found.known_hosts == (home / "a", home / "b")


def test_a_configuration_that_cannot_be_parsed(home: Path) -> None:
    (home / ".ssh/config").write_text("Host x\n  Port\n")
    with pytest.raises(MqctlError, match=f"^{home}/.ssh/config cannot be parsed: "):
        decided("192.0.2.1")


@pytest.mark.parametrize(
    ("specification", "user", "host", "port"),
    [
        ("jump", None, "jump", 22),
        ("root@jump:2222", "root", "jump", 2222),
        ("ssh://root@jump:2222", "root", "jump", 2222),
        ("root@[2001:db8::1]:2200", "root", "2001:db8::1", 2200),
        ("2001:db8::1", None, "2001:db8::1", 22),
    ],
)
def test_hops(specification: str, user: str | None, host: str, port: int) -> None:
    found = hop(specification)
    assert (found.user, found.host, found.port) == (user, host, port)
