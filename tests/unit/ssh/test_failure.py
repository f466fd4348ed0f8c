"""What stands between mqctl and a host, told apart: against sockets and keys, no sshd needed."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from mqctl import process
from mqctl.errors import ExitCode
from mqctl.model.topology import Connection
from mqctl.ssh import Hosts, SshError, connect, failure
from mqctl.ssh.failure import Place

PLACE = Place("mq1", "192.0.2.1", 22, "deploy")
OTHER_PORT = Place("mq1", "192.0.2.1", 2222, "deploy")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def refused(connection: Connection, timeout: float = 5) -> SshError:
    with pytest.raises(SshError) as caught:
        connect("mq1", connection, timeout)
    assert caught.value.exit_code is ExitCode.CANNOT_RUN
    return caught.value


@contextlib.contextmanager
def server(said: bytes | None) -> Iterator[int]:
    """Answers one connection with this and hangs up; None: waits."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        done = threading.Event()

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                if said is None:
                    done.wait(20)
                else:
                    connection.sendall(said)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            done.set()
            thread.join()


def test_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    error = refused(Connection(host="127.0.0.1", port=port))
    assert error.kind == "refused"
    assert error.message == f"mq1: 127.0.0.1 port {port} refused the connection"
    assert error.hint == "is sshd running there, and is ansible_port right?"


def test_a_name_that_does_not_resolve() -> None:
    error = refused(Connection(host="no-such-host.invalid"))
    assert (error.kind, error.reason) == ("name", "the name no-such-host.invalid does not resolve")


def test_a_server_that_says_nothing() -> None:
    with server(None) as port:
        error = refused(Connection(host="127.0.0.1", port=port), timeout=0.5)
    assert error.kind == "timeout"
    assert error.reason == f"127.0.0.1 port {port} accepts connections and says nothing within 0.5 s"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
def test_a_server_that_is_no_ssh(said: bytes) -> None:
    with server(said) as port:
        error = refused(Connection(host="127.0.0.1", port=port), timeout=3)
    assert error.kind == "protocol"
    assert error.reason.startswith(f"127.0.0.1 port {port} does not speak SSH as expected: ")
    assert error.hint == "is ansible_port the port of sshd?"


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (OSError(errno.EHOSTUNREACH, "No route to host"), "no route", "no route to 192.0.2.1 port 22"),
        (OSError(errno.ENETUNREACH, "Network is unreachable"), "no route", "no route to 192.0.2.1 port 22"),
        (TimeoutError(), "timeout", "192.0.2.1 port 22 did not answer within 10 s"),
        (OSError(errno.ETIMEDOUT, "x"), "timeout", "192.0.2.1 port 22 did not answer within 10 s"),
        (OSError(errno.EACCES, "Permission denied"), "no route", "192.0.2.1 port 22: Permission denied"),
    ],
)
def test_tcp_errors(error: OSError, kind: str, reason: str) -> None:
    told = failure.unreachable(PLACE, error, 10)
    assert (told.kind, told.reason) == (kind, reason)


def test_host_keys() -> None:
    unknown = failure.unknown_key(OTHER_PORT, "ssh-ed25519", "SHA256:abc", ["/inv/known_hosts"])
    assert unknown.reason == "the host key of [192.0.2.1]:2222 is not known (ssh-ed25519 SHA256:abc)"
    assert unknown.hint == (
        "compare the fingerprint, then: ssh-keyscan -p 2222 192.0.2.1 >> /inv/known_hosts"
    )
    changed = failure.changed_key(PLACE, "ssh-ed25519", "SHA256:abc", ["/inv/known_hosts"])
    assert changed.reason == "the host key of 192.0.2.1 CHANGED (it shows ssh-ed25519 SHA256:abc)"
    assert "ssh-keygen -f /inv/known_hosts -R '192.0.2.1'" in changed.hint


@pytest.mark.parametrize(
    ("said", "password", "reason"),
    [
        ("sh: 1: exec: sudo: not found", False, "sudo is not installed"),
        ("sudo: a password is required", False, "sudo asks user deploy for a password"),
        ("deploy is not in the sudoers file.", True, "user deploy may not use sudo"),
        ("Sorry, user deploy is not allowed to execute '/bin/sh'", False, "user deploy may not use sudo"),
        ("Sorry, try again.\n", True, "sudo refused the password of user deploy"),
        ("sudo: unable to open audit system", False, "sudo failed: sudo: unable to open audit system"),
        ("", False, "sudo failed: it said nothing"),
    ],
)
def test_sudo(said: str, password: bool, reason: str) -> None:
    error = failure.denied_become(PLACE, said, password)
    assert (error.kind, error.reason) == ("sudo", reason)


def keygen(path: Path, passphrase: str = "") -> Path:
    process.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", str(path)], timeout=30)
    return path


def with_key(path: Path) -> SshError:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return refused(
            Connection(host="127.0.0.1", port=listening.getsockname()[1], private_key=path), timeout=1
        )


def test_keys_that_cannot_be_used(tmp_path: Path) -> None:
    missing = with_key(tmp_path / "none")
    assert (missing.kind, missing.reason) == ("key", f"the private key {tmp_path}/none does not exist")
    encrypted = with_key(keygen(tmp_path / "locked", "secret phrase"))
    assert encrypted.reason == f"the private key {tmp_path}/locked needs a passphrase"
    assert encrypted.hint == f"eval $(ssh-agent); ssh-add {tmp_path}/locked"
    (tmp_path / "text").write_text("no key\n")
    assert with_key(tmp_path / "text").reason == f"the private key {tmp_path}/text is not a private key"
    assert with_key(tmp_path).reason == f"the private key {tmp_path} cannot be read: Is a directory"


def test_each_host_gets_its_own_answer() -> None:
    def ask(host: str) -> str:
        if host == "b":
            raise SshError("b", "refused", "no")
        return host.upper()

    hosts = Hosts({name: Connection(host="192.0.2.1") for name in "abc"})
    found = hosts.each(["c", "b", "a"], ask)
    assert list(found) == ["c", "b", "a"]
    assert (found["a"], found["c"]) == ("A", "C")
    assert isinstance(found["b"], SshError)
    assert hosts.each([], ask) == {}


def test_a_place_without_a_name_is_never_shown_with_a_secret() -> None:
    connection = Connection.model_validate({"host": "127.0.0.1", "port": 1, "password": "hunter2hunter2"})
    error = refused(connection)
    assert "hunter2" not in f"{error.message} {error.hint} {SimpleNamespace(**vars(error))}"
