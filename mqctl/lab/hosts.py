"""Lab hosts: containers with systemd, a fixed address and the lab's SSH keys."""

from __future__ import annotations

import io
import re
import tarfile
import uuid
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address
from typing import Any

from docker.client import DockerClient
from docker.errors import APIError, NotFound

from mqctl.errors import MqctlError
from mqctl.lab import engine, images, volumes
from mqctl.lab.keys import HOST_KEY, Keys
from mqctl.lab.network import network_name
from mqctl.model.lab import LabHost, LabHostState, LabSpec

_NEEDS = "lab hosts need the capabilities SYS_ADMIN, NET_ADMIN, NET_BROADCAST, NET_RAW and no seccomp filter"


def container_name(lab: str, host: str) -> str:
    """The container of this host of this lab."""
    return f"mqctl-{lab}-{host}"


def find(client: DockerClient, lab: str, host: str) -> Any:
    """The host's container; raises MqctlError when the lab has none."""
    container = _find(client, lab, host)
    if container is None:
        raise MqctlError(f"lab {lab} has no host {host}", f"mqctl lab up {lab}")
    return container


def _find(client: DockerClient, lab: str, host: str) -> Any:
    try:
        container = client.containers.get(container_name(lab, host))
    except NotFound:
        return None
    if container.labels.get(engine.LAB) != lab:
        raise MqctlError(
            f"container {container.name} exists and is not lab {lab}'s", f"docker rm -f {container.name}"
        )
    return container


def ensure(client: DockerClient, spec: LabSpec, host: LabHost, keys: Keys, info: Mapping[str, Any]) -> str:
    """Make and start the host when it is not running; says what was done, "" for nothing.

    Raises MqctlError when a host of that name runs another release or has another address, and when the
    engine refuses to start it.
    """
    container = _find(client, spec.name, host.name)
    if container is None:
        container = _create(client, spec, host, info)
    refuse_other(container, spec, host)
    match container.status:
        case "running":
            return ""
        case "paused":
            container.unpause()
            return "unpaused"
        case "created":
            _put(container, first_files(keys), [host.volume.path] if host.volume else [])
            _start(container, host.name)
            return "created"
        case _:
            _start(container, host.name)
            return "started"


def refuse_other(container: Any, spec: LabSpec, host: LabHost) -> None:
    """Refuse a container that is not what the inventory says."""
    seen = state(container, spec.name)
    hint = f"mqctl lab down {spec.name}"
    if container.labels.get(engine.INVENTORY) != str(spec.inventory):
        other = container.labels.get(engine.INVENTORY)
        raise MqctlError(
            f"lab {spec.name} is up already, for the inventory {other}",
            f"use that inventory, or remove its lab: mqctl lab down {other}",
        )
    if seen.image != spec.release(host):
        raise MqctlError(f"{host.name} runs {seen.image}, the inventory says {spec.release(host)}", hint)
    if seen.address != host.address:
        raise MqctlError(f"{host.name} has {seen.address}, the inventory says {host.address}", hint)


def state(container: Any, lab: str) -> LabHostState:
    """What the engine says about a host."""
    networks = (container.attrs.get("NetworkSettings") or {}).get("Networks") or {}
    ipam = (networks.get(network_name(lab)) or {}).get("IPAMConfig") or {}
    address = ipam.get("IPv4Address")
    return LabHostState(
        name=container.labels.get(engine.HOST, container.name),
        address=IPv4Address(address) if address else None,
        image=container.labels.get(engine.IMAGE, "unknown"),
        state=container.status,
    )


def options(spec: LabSpec, host: LabHost, info: Mapping[str, Any]) -> dict[str, Any]:
    """The container's description for the engine, its address apart."""
    system = engine.systemd_options(info)
    return {
        "image": images.full(spec.release(host)),
        "name": container_name(spec.name, host.name),
        "hostname": host.name,
        "network": network_name(spec.name),
        "labels": {engine.LAB: spec.name, engine.HOST: host.name, engine.INVENTORY: str(spec.inventory)},
        # a console, so that systemd's last words are in the container's log
        "tty": True,
        "environment": {"SYSTEMD_COLORS": "0"},
        # real hosts get this one from the keepalived role; /proc/sys is read-only in a container
        "sysctls": {"net.ipv4.ip_nonlocal_bind": "1"},
        **system,
        "volumes": [*system.get("volumes", []), *volumes.mount(spec.name, host)],
    }


def _create(client: DockerClient, spec: LabSpec, host: LabHost, info: Mapping[str, Any]) -> Any:
    endpoint = client.api.create_endpoint_config(ipv4_address=str(host.address))
    try:
        container = client.containers.create(
            **options(spec, host, info), networking_config={network_name(spec.name): endpoint}
        )
    except APIError as error:
        raise MqctlError(f"docker cannot make {host.name}: {engine.explain(error)}") from None
    container.reload()
    return container


def _start(container: Any, host: str) -> None:
    try:
        container.start()
    except APIError as error:
        said = engine.explain(error)
        # `docker network prune` takes the networks of hosts that are off
        if re.fullmatch(r"network [0-9a-f]+ not found", said):
            raise MqctlError(
                f"{host} cannot start: its docker network was removed while it was off",
                f"`mqctl lab down {container.labels[engine.LAB]}`, then up again: "
                "its hosts are made anew and start empty",
            ) from None
        raise MqctlError(f"docker cannot start {host}: {said}", _NEEDS) from None


def first_files(keys: Keys) -> dict[str, tuple[int, bytes]]:
    """What a host has before its first start: path to mode and content."""
    return {
        "root/.ssh/authorized_keys": (0o600, f"{keys.client_public}\n".encode()),
        f"etc/ssh/{HOST_KEY}": (0o600, keys.host_private),
        f"etc/ssh/{HOST_KEY}.pub": (0o644, f"{keys.host_public}\n".encode()),
        "etc/machine-id": (0o444, f"{uuid.uuid4().hex}\n".encode()),
    }


def _put(container: Any, files: dict[str, tuple[int, bytes]], shared: Sequence[str]) -> None:
    """The files, and directories where anybody may write: who the broker's user is, its package decides."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        folder = tarfile.TarInfo("root/.ssh")
        folder.type, folder.mode = tarfile.DIRTYPE, 0o700
        archive.addfile(folder)
        for path in shared:
            folder = tarfile.TarInfo(path.lstrip("/"))
            folder.type, folder.mode = tarfile.DIRTYPE, 0o1777
            archive.addfile(folder)
        for path, (mode, content) in files.items():
            member = tarfile.TarInfo(path)
            member.mode, member.size = mode, len(content)
            archive.addfile(member, io.BytesIO(content))
    container.put_archive("/", buffer.getvalue())
