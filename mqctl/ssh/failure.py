"""Why a host could not be asked, told apart, each with what to do about it."""

from __future__ import annotations

import errno
import socket
from dataclasses import dataclass
from typing import Literal

from mqctl.errors import MqctlError

Kind = Literal[
    "name",
    "no route",
    "refused",
    "timeout",
    "protocol",
    "host key unknown",
    "host key changed",
    "key",
    "authentication",
    "sudo",
    "python",
    "command",
    "lost",
]


class SshError(MqctlError):
    """A host could not be asked. `reason` is the sentence without the host's name, for tables."""

    def __init__(self, host: str, kind: Kind, reason: str, hint: str = "") -> None:
        super().__init__(f"{host}: {reason}", hint)
        self.host = host
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True)
class Place:
    """A host as errors name it."""

    host: str
    address: str
    port: int
    user: str
    alias: str | None = None
    """HostKeyAlias of OpenSSH's configuration."""

    @property
    def known_as(self) -> str:
        """The name under which known_hosts files have it."""
        if self.alias:
            return self.alias
        return self.address if self.port == 22 else f"[{self.address}]:{self.port}"

    @property
    def scan(self) -> str:
        """The command that fetches its keys."""
        port = "" if self.port == 22 else f"-p {self.port} "
        return f"ssh-keyscan {port}{self.address}"


def unreachable(place: Place, error: OSError, timeout: float) -> SshError:
    """The TCP connection did not come up."""
    where = f"{place.address} port {place.port}"
    if isinstance(error, socket.gaierror):
        return SshError(
            place.host,
            "name",
            f"the name {place.address} does not resolve",
            "set ansible_host to its address",
        )
    if isinstance(error, TimeoutError) or error.errno == errno.ETIMEDOUT:
        return SshError(
            place.host,
            "timeout",
            f"{where} did not answer within {timeout:g} s",
            "is the host up, and does a firewall drop the port?",
        )
    if isinstance(error, ConnectionRefusedError):
        return SshError(
            place.host,
            "refused",
            f"{where} refused the connection",
            "is sshd running there, and is ansible_port right?",
        )
    if error.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH):
        return SshError(
            place.host, "no route", f"no route to {where}", "is the host up, and ansible_host right?"
        )
    return SshError(place.host, "no route", f"{where}: {error.strerror or error}")


def not_through(place: Place, error: BaseException) -> SshError:
    """The jump host could not open a connection to the host."""
    return SshError(
        place.host,
        "no route",
        f"the jump host cannot reach {place.address} port {place.port}: {str(error).rstrip('.')}",
        "is ansible_host its address as the jump host sees it?",
    )


def unknown_key(place: Place, algorithm: str, fingerprint: str, files: list[str]) -> SshError:
    """The host showed a key that no known_hosts file has."""
    return SshError(
        place.host,
        "host key unknown",
        f"the host key of {place.known_as} is not known ({algorithm} {fingerprint})",
        f"compare the fingerprint, then: {place.scan} >> {files[0] if files else '~/.ssh/known_hosts'}",
    )


def changed_key(place: Place, algorithm: str, fingerprint: str, files: list[str]) -> SshError:
    """The host showed another key than the one that is known: a new installation, or someone in between."""
    file = files[0] if files else "~/.ssh/known_hosts"
    return SshError(
        place.host,
        "host key changed",
        f"the host key of {place.known_as} CHANGED (it shows {algorithm} {fingerprint})",
        f"if the host was installed anew: ssh-keygen -f {file} -R '{place.known_as}'; {place.scan} >> {file}",
    )


def no_ssh(place: Place, error: BaseException, timeout: float) -> SshError:
    """Something answers on the port, but not SSH, or not one that we can talk to."""
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return SshError(
            place.host,
            "timeout",
            f"{place.address} port {place.port} accepts connections and says nothing within {timeout:g} s",
            "is the host frozen or overloaded, or is ansible_port another program's?",
        )
    if isinstance(error, EOFError) or isinstance(error.__context__, EOFError):
        error = EOFError("it hung up")
    return SshError(
        place.host,
        "protocol",
        f"{place.address} port {place.port} does not speak SSH as expected: {str(error).rstrip('.')}",
        "is ansible_port the port of sshd?",
    )


def refused_login(place: Place, offered: list[str]) -> SshError:
    """Neither a key nor a password was accepted."""
    what = ", ".join(offered) or "no key at all"
    return SshError(
        place.host,
        "authentication",
        f"{place.address} did not let user {place.user} in (offered: {what})",
        f"is the public key in ~{place.user}/.ssh/authorized_keys, are ansible_user and "
        "ansible_ssh_private_key_file right?",
    )


def denied_become(place: Place, said: str, with_password: bool) -> SshError:
    """Sudo said no, or is not there."""
    lowered = said.lower()
    if "not found" in lowered or "no such file" in lowered:
        return SshError(place.host, "sudo", "sudo is not installed", "install sudo, or log in as root")
    if "password is required" in lowered:
        return SshError(
            place.host,
            "sudo",
            f"sudo asks user {place.user} for a password",
            "give ansible_become_password (in a vault), or allow NOPASSWD in sudoers",
        )
    if "not in the sudoers" in lowered or "not allowed" in lowered or "may not run" in lowered:
        return SshError(place.host, "sudo", f"user {place.user} may not use sudo", "add the user to sudoers")
    if with_password:
        return SshError(
            place.host,
            "sudo",
            f"sudo refused the password of user {place.user}",
            "is ansible_become_password right?",
        )
    return SshError(place.host, "sudo", f"sudo failed: {_last_line(said) or 'it said nothing'}")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else ""
