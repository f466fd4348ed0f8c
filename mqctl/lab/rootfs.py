"""The Debian system that a lab image starts from: a registry's when one answers, else debootstrap's."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import requests
from docker.client import DockerClient
from docker.errors import DockerException, ImageNotFound

from mqctl.errors import MqctlError
from mqctl.lab import engine, mirror
from mqctl.lab.progress import Progress
from mqctl.model.lab import Release
from mqctl.process import run

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
_SCRIPTS = Path("/usr/share/debootstrap/scripts")
_PULL_TIMEOUT = 10
"""Seconds in which a registry must show a sign of life; without one the image is made here."""
_DEBOOTSTRAP_TIMEOUT = 1200
"""Seconds; about 30 with a near mirror."""


def official(release: Release) -> str:
    """Debian's image of this release in the registry."""
    return f"debian:{release}-slim"


def imported(release: Release) -> str:
    """The image made here when there is no registry."""
    return f"mqctl-lab-root:{release}"


def ensure(client: DockerClient, release: Release, progress: Progress) -> str:
    """The name of an image to build from: here already, pulled, or made with debootstrap.

    Raises MqctlError when neither a registry answers nor debootstrap can run.
    """
    for name in (official(release), imported(release)):
        if _is_here(client, name):
            return name
    if _pulled(client, release, progress):
        return official(release)
    _bootstrap(client, release, progress)
    return imported(release)


def _is_here(client: DockerClient, name: str) -> bool:
    try:
        client.images.get(name)
    except ImageNotFound:
        return False
    return True


def _pulled(client: DockerClient, release: Release, progress: Progress) -> bool:
    """Whether a registry gave the image; one that does not answer is no error."""
    progress("image", f"pulling {official(release)}")
    patient = client.api.timeout
    client.api.timeout = _PULL_TIMEOUT
    try:
        lines = client.api.pull("debian", tag=f"{release}-slim", stream=True, decode=True)
        return not any("error" in line for line in lines) and _is_here(client, official(release))
    except (DockerException, requests.RequestException):
        return False
    finally:
        client.api.timeout = patient


def _bootstrap(client: DockerClient, release: Release, progress: Progress) -> None:
    refuse_without_debootstrap(release)
    mirrors = mirror.here()
    progress("image", f"no registry answers; debootstrap {release} from {mirrors.main}")
    with tempfile.TemporaryDirectory(prefix="mqctl-lab-", dir="/var/tmp") as scratch:
        root = Path(scratch) / "root"
        archive = Path(scratch) / "root.tar"
        _must(debootstrap_argv(release, root, mirrors.main))
        (root / "etc/apt/sources.list").write_text(mirror.sources_list(release, mirrors), encoding="ascii")
        shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)
        _must(["tar", "-C", str(root), "--numeric-owner", "-cf", str(archive), "."])
        client.api.import_image_from_file(
            str(archive),
            repository=imported(release).partition(":")[0],
            tag=release,
            changes=[f"LABEL {engine.IMAGE}={release}"],
        )


def refuse_without_debootstrap(release: Release) -> None:
    """Say what is missing before anything is downloaded."""
    why = f"no registry answers for {official(release)}, and without one the image is made by debootstrap"
    if os.geteuid() != 0:
        raise MqctlError(f"{why}, which needs root", "run as root once: mqctl lab up")
    if shutil.which("debootstrap") is None:
        raise MqctlError(f"{why}, which is not installed", "apt-get install debootstrap")
    if not KEYRING.exists():
        raise MqctlError(
            f"{why}, which needs Debian's archive keys", "apt-get install debian-archive-keyring"
        )
    if not (_SCRIPTS / release).exists():
        raise MqctlError(f"{why}, which does not know {release}", "install a newer debootstrap")


def debootstrap_argv(release: Release, root: Path, mirror_uri: str) -> list[str]:
    """The smallest system that apt can work in, also over HTTPS."""
    return [
        "debootstrap",
        "--variant=minbase",
        "--include=ca-certificates",
        f"--keyring={KEYRING}",
        release,
        str(root),
        mirror_uri,
    ]


def _must(argv: list[str]) -> None:
    result = run(argv, timeout=_DEBOOTSTRAP_TIMEOUT)
    if not result.ok:
        last = (result.stderr.strip() or result.stdout.strip()).splitlines()[-3:]
        raise MqctlError(f"{argv[0]} failed: {'; '.join(last)}")
