"""One authenticated connection: TCP or through a jump host, the host's key checked, keys or a password."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import logging
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mqctl.model.base import reveal
from mqctl.model.topology import Connection
from mqctl.ssh import failure
from mqctl.ssh.failure import Place, SshError
from mqctl.ssh.settings import Settings, hop, settings

if TYPE_CHECKING:
    from paramiko import PKey, SSHClient

logging.getLogger("paramiko").addHandler(logging.NullHandler())
"""Without a handler Python prints paramiko's own tracebacks on stderr."""


def login(host: str, connection: Connection, timeout: float) -> list[SSHClient]:
    """Log in, at most `timeout` seconds for each of TCP, greeting and authentication.

    The last client is the host's, those before it are the jump hosts it hangs on. Raises SshError.
    """
    wanted = settings(host, connection)
    clients: list[SSHClient] = []
    try:
        for specification in (wanted.jump or "").split(","):
            if specification:
                step = settings(f"{host} (jump host {specification})", hop(specification))
                clients.append(_client(step, clients, timeout))
        clients.append(_client(wanted, clients, timeout))
    except BaseException:
        for client in reversed(clients):
            client.close()
        raise
    return clients


def _reach(wanted: Settings, through: list[SSHClient], timeout: float) -> Any:
    """A byte stream to the host's SSH port."""
    import paramiko

    place = wanted.place
    if through:
        transport = through[-1].get_transport()
        try:
            assert transport is not None
            return transport.open_channel(
                "direct-tcpip", (place.address, place.port), ("127.0.0.1", 0), timeout=timeout
            )
        except (paramiko.SSHException, OSError) as error:
            raise failure.not_through(place, error) from None
    if wanted.proxy_command:
        return paramiko.ProxyCommand(wanted.proxy_command)
    try:
        return socket.create_connection((place.address, place.port), timeout)
    except OSError as error:
        raise failure.unreachable(place, error, timeout) from None


def _client(wanted: Settings, through: list[SSHClient], timeout: float) -> SSHClient:
    """Log in to one host; nothing stays open when that fails."""
    import paramiko

    keys, offered = _keys(wanted)
    stream = _reach(wanted, through, timeout)
    client = paramiko.SSHClient()
    with contextlib.ExitStack() as undo:
        undo.callback(stream.close)
        undo.callback(client.close)
        client.set_missing_host_key_policy(_policy(wanted))
        for path in wanted.known_hosts if wanted.strict != "no" else ():
            if os.access(path, os.R_OK):
                client.load_system_host_keys(str(path))
        try:
            _authenticate(client, wanted, keys, stream, timeout)
        except paramiko.BadHostKeyException as error:
            raise failure.changed_key(wanted.place, *fingerprint(error.key), files=_files(wanted)) from None
        except paramiko.AuthenticationException:
            raise failure.refused_login(wanted.place, offered) from None
        except (paramiko.SSHException, OSError, EOFError) as error:
            raise failure.no_ssh(wanted.place, error, timeout) from None
        undo.pop_all()
    return client


def _authenticate(client: SSHClient, wanted: Settings, keys: list[PKey], stream: Any, timeout: float) -> None:
    """Offer the named keys first, one connection for all: paramiko itself takes only one key object."""
    from paramiko import AuthenticationException

    first, rest = (keys[0], keys[1:]) if keys else (None, [])
    try:
        client.connect(
            wanted.place.known_as,
            username=wanted.place.user,
            password=reveal(wanted.password) if wanted.password else None,
            pkey=first,
            sock=stream,
            timeout=2 * timeout,  # must outlast the banner's: paramiko goes on silently when it ends first
            banner_timeout=timeout,
            auth_timeout=timeout,
            channel_timeout=timeout,
            allow_agent=wanted.agent,
            look_for_keys=wanted.default_keys,
        )
    except AuthenticationException:
        transport = client.get_transport()
        for key in rest:
            if transport is None or not transport.is_active():
                break
            try:
                transport.auth_publickey(wanted.place.user, key)
            except AuthenticationException:
                continue
            return
        raise


def _keys(wanted: Settings) -> tuple[list[PKey], list[str]]:
    """The keys that the inventory and the configuration name, and all that is offered, for the error."""
    keys: list[PKey] = []
    offered: list[str] = []
    agent = wanted.agent and bool(os.environ.get("SSH_AUTH_SOCK"))
    if wanted.private_key is not None:
        keys += _load(wanted.place, wanted.private_key, agent)
        offered.append(f"key {wanted.private_key}")
    for path in wanted.identities:
        if path.is_file():
            keys += _load(wanted.place, path, agent=True)
            offered.append(f"key {path}")
    offered += ["the ssh-agent's keys"] * agent + ["the default keys in ~/.ssh"] * wanted.default_keys
    return keys, offered + ["a password"] * (wanted.password is not None)


def _load(place: Place, path: Path, agent: bool) -> list[PKey]:
    """A private key; one with a passphrase is left to the agent where there is one. Raises SshError."""
    from paramiko import PKey

    def refuse(what: str, hint: str) -> SshError:
        return SshError(place.host, "key", f"the private key {path} {what}", hint)

    try:
        return [PKey.from_path(path.expanduser())]
    except FileNotFoundError:
        raise refuse("does not exist", "is ansible_ssh_private_key_file right?") from None
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}", f"run as its owner, or chmod 0600 {path}") from None
    except Exception as error:
        # The loaders of several key formats each have their own exceptions, whose texts tell the cases apart.
        if "encrypted" in str(error).lower() or "password" in str(error).lower():
            if agent:
                return []
            raise refuse("needs a passphrase", f"eval $(ssh-agent); ssh-add {path}") from None
        raise refuse("is not a private key", "OpenSSH's and PEM's formats are read") from None


def _policy(wanted: Settings) -> Any:
    """What happens with a host key that no known_hosts file has."""
    import paramiko

    class Unknown(paramiko.MissingHostKeyPolicy):
        def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002
            if wanted.strict == "no":
                return
            if wanted.strict != "accept-new":
                raise failure.unknown_key(wanted.place, *fingerprint(key), files=_files(wanted))
            _remember(wanted.known_hosts, f"{hostname} {key.get_name()} {key.get_base64()}\n")

    return Unknown()


def _remember(known_hosts: tuple[Path, ...], line: str) -> None:
    if known_hosts:
        known_hosts[0].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with known_hosts[0].open("a", encoding="utf-8") as file:
            file.write(line)


def _files(wanted: Settings) -> list[str]:
    return [str(path) for path in wanted.known_hosts]


def fingerprint(key: PKey) -> tuple[str, str]:
    """A key's algorithm and fingerprint, as `ssh-keygen -l` prints it."""
    digest = base64.b64encode(hashlib.sha256(key.asbytes()).digest()).decode().rstrip("=")
    return key.get_name(), f"SHA256:{digest}"
