"""Storage that hosts of a lab share: a Docker volume, mounted into each of them."""

from __future__ import annotations

from typing import Any

from docker.client import DockerClient
from docker.errors import APIError, NotFound

from mqctl.errors import MqctlError
from mqctl.lab import engine
from mqctl.model.lab import LabHost, LabSpec, LabVolume


def volume_name(lab: str, volume: LabVolume) -> str:
    """The volume as the engine knows it."""
    return f"mqctl-{lab}-{volume.name}"


def mount(lab: str, host: LabHost) -> list[str]:
    """What a host's container mounts, as the engine writes it."""
    return [f"{volume_name(lab, host.volume)}:{host.volume.path}:rw"] if host.volume else []


def ensure(client: DockerClient, spec: LabSpec) -> None:
    """Make the lab's missing volumes; raises MqctlError when one of that name is somebody else's."""
    names = dict.fromkeys(volume_name(spec.name, host.volume) for host in spec.hosts if host.volume)
    for name in names:
        _ensure(client, spec, name)


def _ensure(client: DockerClient, spec: LabSpec, name: str) -> None:
    labels = {engine.LAB: spec.name, engine.INVENTORY: str(spec.inventory)}
    try:
        found = client.volumes.get(name)
    except NotFound:
        found = client.volumes.create(name, labels=labels)
    if (found.attrs.get("Labels") or {}).get(engine.LAB) != spec.name:
        raise MqctlError(f"docker volume {name} exists and is not this lab's", f"docker volume rm {name}")


def remove(found: Any) -> str:
    """Remove a volume, with all that is in it; says what was removed."""
    try:
        found.remove()
    except NotFound:
        pass  # gone meanwhile: what was wanted
    except APIError as error:
        raise MqctlError(f"docker cannot remove volume {found.name}: {engine.explain(error)}") from None
    return f"volume {found.name}"
