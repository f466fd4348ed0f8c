"""The lab's SSH keys: private, kept, pinned."""

from __future__ import annotations

import subprocess
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import keys


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    state = tmp_path / "demo" / ".mqctl"
    keys.ensure(state)
    assert mode(state) == 0o700
    assert mode(state / "id_ed25519") == 0o600
    assert mode(state / "ssh_host_ed25519_key") == 0o600


def test_a_second_call_keeps_them(tmp_path: Path) -> None:
    first = keys.ensure(tmp_path)
    assert keys.ensure(tmp_path) == first


def test_openssh_reads_them(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    said = subprocess.run(
        ["ssh-keygen", "-y", "-f", made.client_key],
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert said.stdout.split()[:2] == made.client_public.split()[:2]


def test_client_and_hosts_have_different_keys(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    assert made.client_public.split()[1] != made.host_public.split()[1]


def test_every_address_shows_the_labs_host_key(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    keys.pin(tmp_path, (IPv4Address("10.93.11.11"), IPv4Address("10.93.11.12")))
    kind, key, _ = made.host_public.split()
    assert (tmp_path / "known_hosts").read_text() == (f"10.93.11.11 {kind} {key}\n10.93.11.12 {kind} {key}\n")


def test_no_private_key_in_a_repr(tmp_path: Path) -> None:
    made = keys.ensure(tmp_path)
    assert "PRIVATE" not in repr(made)
    assert str(made.host_private) not in repr(made)


def test_a_damaged_key_is_told_without_its_text(tmp_path: Path) -> None:
    (tmp_path / "id_ed25519").write_text("not a key: s3cret")
    with pytest.raises(MqctlError) as caught:
        keys.ensure(tmp_path)
    assert caught.value.message == f"a key in {tmp_path} is damaged"
    assert "s3cret" not in caught.value.message + caught.value.hint


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MqctlError, match="cannot keep the lab's keys in"):
        keys.ensure(tmp_path / "file" / ".mqctl")
