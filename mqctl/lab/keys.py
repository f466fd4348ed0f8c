"""A lab's SSH keys in its state directory: one for the client, one that all its hosts show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_ssh_private_key,
)

from mqctl import private
from mqctl.errors import MqctlError

CLIENT_KEY = "id_ed25519"
HOST_KEY = "ssh_host_ed25519_key"
KNOWN_HOSTS = "known_hosts"


@dataclass(frozen=True)
class Keys:
    """What a lab's hosts get before they start, and the file the client logs in with."""

    client_key: Path
    client_public: str
    host_private: bytes
    host_public: str

    def __repr__(self) -> str:
        return f"Keys({self.client_key})"


def ensure(state_dir: Path) -> Keys:
    """The lab's keys, made at first use; the directory is 0700, private keys 0600.

    Raises MqctlError when the directory cannot be written or a key cannot be read.
    """
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        state_dir.chmod(0o700)
        return Keys(
            client_key=state_dir / CLIENT_KEY,
            client_public=_public(_kept(state_dir / CLIENT_KEY), "mqctl-lab"),
            host_private=_kept(state_dir / HOST_KEY),
            host_public=_public(_kept(state_dir / HOST_KEY), "mqctl-lab-host"),
        )
    except OSError as error:
        raise MqctlError(f"cannot keep the lab's keys in {state_dir}: {error.strerror}") from None
    except ValueError:
        raise MqctlError(
            f"a key in {state_dir} is damaged", "`mqctl lab down`, remove the directory, `mqctl lab up`"
        ) from None


def pin(state_dir: Path, addresses: Iterable[IPv4Address]) -> None:
    """Write known_hosts: every address of the lab shows the lab's host key, so strict checking works."""
    public = _public(_kept(state_dir / HOST_KEY), "mqctl-lab-host").rsplit(" ", 1)[0]
    known = state_dir / KNOWN_HOSTS
    new = known.with_suffix(".new")
    new.write_text("".join(f"{address} {public}\n" for address in addresses), encoding="ascii")
    new.replace(known)


def _kept(path: Path) -> bytes:
    """The private key in this file, made when there is none."""
    if not path.exists():
        key = Ed25519PrivateKey.generate()
        text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        private.write(path, text)
        path.with_suffix(".pub").write_text(_public(text, "mqctl-lab") + "\n", encoding="ascii")
    return path.read_bytes()


def _public(private: bytes, comment: str) -> str:
    key = load_ssh_private_key(private, password=None)
    return f"{key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()} {comment}"
