"""The images of lab hosts: `mqctl-lab-bare`, and `mqctl-lab` with everything installed."""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

from docker.client import DockerClient
from docker.errors import APIError, ImageNotFound

from mqctl.errors import MqctlError
from mqctl.lab import engine, rootfs
from mqctl.lab.progress import Progress
from mqctl.model.lab import Release
from mqctl.process import run

_APT_SETTINGS = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::Check-Valid-Until",
    "Acquire::Check-Date",
)
"""What of this machine's apt settings its mirrors may need; hosts get the same."""


def full(release: Release) -> str:
    """The image whose hosts have RabbitMQ, HAProxy and Keepalived installed."""
    return f"mqctl-lab:{release}"


def bare(release: Release) -> str:
    """The image whose hosts have those packages in apt's cache only."""
    return f"mqctl-lab-bare:{release}"


def build(client: DockerClient, release: Release, progress: Progress) -> None:
    """Build both images of a release when they are missing or made from another recipe.

    Raises MqctlError with the last lines of a build that failed.
    """
    with _one_at_a_time(release):
        if not current(client, bare(release)):
            base = rootfs.ensure(client, release, progress)
            _build(client, release, "bare", base, progress)
        if not current(client, full(release)):
            _build(client, release, "full", bare(release), progress)
            _forget_replaced(client, release)


def _forget_replaced(client: DockerClient, release: Release) -> None:
    """Remove images of this release that lost their name to a newer one; those that hosts still use stay."""
    filters = {"dangling": True, "label": f"{engine.IMAGE}={release}"}
    for image in client.images.list(filters=filters):
        with suppress(APIError):
            client.images.remove(image.id)


def current(client: DockerClient, name: str) -> bool:
    """Whether this image is here and made from today's recipe."""
    try:
        labels = client.images.get(name).labels
    except ImageNotFound:
        return False
    return bool(labels.get(engine.RECIPE) == recipe_digest())


def recipe() -> dict[str, bytes]:
    """The files of the build by name."""
    files = (resources.files("mqctl.lab") / "recipe").iterdir()
    return {
        file.name: file.read_bytes() for file in sorted(files, key=lambda file: file.name) if file.is_file()
    }


def recipe_digest() -> str:
    """The recipe's SHA-256: an image with another one is built again."""
    digest = hashlib.sha256()
    for name, text in recipe().items():
        digest.update(f"{name} {len(text)}\n".encode() + text)
    return digest.hexdigest()


def _build(client: DockerClient, release: Release, flavour: str, base: str, progress: Progress) -> None:
    tag = {"bare": bare, "full": full}[flavour](release)
    progress("image", f"building {tag} from {base}")
    output = client.api.build(
        fileobj=io.BytesIO(context(apt_conf())),
        custom_context=True,
        dockerfile=f"{flavour}.Dockerfile",
        tag=tag,
        buildargs={"BASE": base},
        labels={engine.IMAGE: release, engine.RECIPE: recipe_digest()},
        network_mode="host",
        rm=True,
        forcerm=True,
        decode=True,
    )
    try:
        follow(tag, output)
    except APIError as error:
        raise MqctlError(f"docker cannot build {tag}: {engine.explain(error)}") from None


def follow(tag: str, output: Iterator[dict[str, Any]]) -> None:
    """Read a build to its end; raises MqctlError with its last lines when it failed."""
    lines: list[str] = []
    for event in output:
        lines += str(event.get("stream", "")).splitlines()
        if "error" in event:
            tail = "\n".join(line for line in lines[-8:] if line.strip())
            raise MqctlError(f"building {tag} failed: {event['error']}", f"the build's last lines:\n{tail}")


def context(apt: str) -> bytes:
    """The build context: the recipe and this machine's apt settings, as a tar archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in {**recipe(), "apt.conf": apt.encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return buffer.getvalue()


def apt_conf() -> str:
    """This machine's apt settings that decide whether its mirrors work; empty on machines without apt."""
    try:
        dump = run(["apt-config", "dump"], timeout=20).stdout
    except MqctlError:
        return ""
    return apt_settings(dump)


def apt_settings(dump: str) -> str:
    """The lines of `apt-config dump` that a lab host needs too."""
    return "".join(f"{line}\n" for line in dump.splitlines() if line.partition(" ")[0] in _APT_SETTINGS)


@contextmanager
def _one_at_a_time(release: Release) -> Iterator[None]:
    """Two commands at once build an image once: the second waits, then finds it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mqctl"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"image-{release}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
