"""Hosts that the lab did not make: Debian with sshd on another port, a user with sudo, and no RabbitMQ."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from docker.types.networks import IPAMConfig, IPAMPool

from mqctl import lab
from mqctl.gates.wait import wait
from mqctl.lab import engine, images
from tests.lab.leftovers import LABEL, remove

USER = "ops"
PORT = 2222


def key_pair() -> tuple[bytes, str]:
    """An ed25519 pair as OpenSSH writes it."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    return private, key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


@contextmanager
def real_hosts(name: str, addresses: dict[str, str], subnet: str, place: Path) -> Iterator[dict[str, Any]]:
    """Containers by host name; `place` gets `id` (the user's key) and `known_hosts`."""
    private, public = key_pair()
    (place / "id").write_bytes(private)
    (place / "id").chmod(0o600)
    with closing(lab.connect()) as client:
        images.build(client, "bookworm", lambda what, message: None)
        pool = IPAMConfig(pool_configs=[IPAMPool(subnet=subnet)])
        client.networks.create(name, driver="bridge", ipam=pool, labels={LABEL: name})
        try:
            hosts = {host: _start(client, name, host, at, public, place) for host, at in addresses.items()}
            for host in hosts.values():
                wait(lambda host=host: _run(host, "systemctl is-active ssh") == 0, timeout=60)  # type: ignore[misc]
            yield hosts
        finally:
            remove(client, LABEL, name)


def _start(client: Any, name: str, host: str, address: str, public: str, place: Path) -> Any:
    host_private, host_public = key_pair()
    with (place / "known_hosts").open("a") as known:
        known.write(f"[{address}]:{PORT} {host_public}\n")
    container = client.containers.create(
        images.bare("bookworm"),
        name=f"{name}-{host}",
        hostname=host,
        network=name,
        networking_config={name: client.api.create_endpoint_config(ipv4_address=address)},
        labels={LABEL: name},
        **engine.systemd_options(client.info()),
    )
    container.put_archive("/", _archive(host_private, public))
    container.start()
    command = f"useradd --create-home {USER} && install -d -o {USER} -m 700 /home/{USER}/.ssh && mv /root/key"
    command += f" /home/{USER}/.ssh/authorized_keys && chown {USER} /home/{USER}/.ssh/authorized_keys"
    assert _run(container, command) == 0
    return container


def _run(container: Any, command: str) -> int:
    """Only the exit code: what exec says may get lost."""
    return int(container.exec_run(["sh", "-c", command]).exit_code)


def _archive(host_private: bytes, public: str) -> bytes:
    files = {
        "etc/ssh/ssh_host_ed25519_key": (0o600, host_private),
        "etc/ssh/sshd_config.d/site.conf": (0o644, f"Port {PORT}\nPermitRootLogin no\n".encode()),
        f"etc/sudoers.d/{USER}": (0o440, f"{USER} ALL=(ALL) NOPASSWD: ALL\n".encode()),
        "root/key": (0o600, f"{public}\n".encode()),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path, (mode, content) in files.items():
            member = tarfile.TarInfo(path)
            member.mode, member.size = mode, len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()
