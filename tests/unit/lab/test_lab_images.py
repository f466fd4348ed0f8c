"""Images: when they are built again, what a failed build says, what of this machine goes into them."""

from __future__ import annotations

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import images, rootfs


def test_an_image_of_todays_recipe_is_kept(docker: Any) -> None:
    docker.images.labels["mqctl-lab:bookworm"] = {"mqctl.recipe": images.recipe_digest()}
    assert images.current(docker, "mqctl-lab:bookworm")


@pytest.mark.parametrize(
    "there", [{}, {"mqctl-lab:bookworm": {"mqctl.recipe": "old"}}, {"mqctl-lab:bookworm": {}}]
)
def test_a_missing_or_older_image_is_not_current(docker: Any, there: dict[str, dict[str, str]]) -> None:
    docker.images.labels = there
    assert not images.current(docker, "mqctl-lab:bookworm")


def test_nothing_is_built_when_both_images_are_current(
    docker: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    today = {"mqctl.recipe": images.recipe_digest()}
    docker.images.labels = {"mqctl-lab:sid": today, "mqctl-lab-bare:sid": today}
    said: list[tuple[str, str]] = []
    images.build(docker, "sid", lambda what, message: said.append((what, message)))
    assert said == []


def test_a_changed_recipe_is_another_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    before = images.recipe_digest()
    changed = images.recipe() | {"sshd.conf": b"PermitRootLogin yes\n"}
    monkeypatch.setattr(images, "recipe", lambda: changed)
    assert images.recipe_digest() != before


def test_a_failed_build_tells_its_last_lines() -> None:
    events = [
        {"stream": "Step 4/9 : RUN apt-get update\n"},
        {"stream": "Err:1 http://mirror.example bookworm InRelease\n"},
        {"error": "The command returned a non-zero code: 100"},
    ]
    with pytest.raises(MqctlError) as caught:
        images.follow("mqctl-lab-bare:bookworm", iter(events))
    assert caught.value.message == (
        "building mqctl-lab-bare:bookworm failed: The command returned a non-zero code: 100"
    )
    assert "Err:1 http://mirror.example" in caught.value.hint


def test_a_build_that_ends_well() -> None:
    images.follow("x", iter([{"stream": "Successfully built 1\n"}, {"aux": {"ID": "1"}}]))


def test_the_context_is_the_recipe_and_apts_settings() -> None:
    with tarfile.open(fileobj=io.BytesIO(images.context('Acquire::Check-Date "false";\n'))) as archive:
        names = set(archive.getnames())
        conf = archive.extractfile("apt.conf")
        assert conf is not None
        assert conf.read() == b'Acquire::Check-Date "false";\n'
    assert names == {"apt.conf", "bare.Dockerfile", "full.Dockerfile", "lab-init", "policy-rc.d", "sshd.conf"}


def test_only_what_decides_about_mirrors_is_taken_from_apt() -> None:
    dump = (
        'APT "";\nAcquire::http::Proxy "http://proxy:3128";\nAcquire::Check-Valid-Until "false";\n'
        'Acquire::http::Proxy::internal "DIRECT";\nDPkg::Post-Invoke:: "rm -rf /";\n'
    )
    assert images.apt_settings(dump) == (
        'Acquire::http::Proxy "http://proxy:3128";\nAcquire::Check-Valid-Until "false";\n'
    )


@pytest.mark.parametrize(
    ("uid", "missing", "said", "hint"),
    [
        (1000, "", "which needs root", "run as root once: mqctl lab up"),
        (0, "debootstrap", "which is not installed", "apt-get install debootstrap"),
        (0, "keyring", "which needs Debian's archive keys", "apt-get install debian-archive-keyring"),
        (0, "script", "which does not know bookworm", "install a newer debootstrap"),
    ],
)
def test_without_a_registry_debootstrap_must_be_able_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uid: int, missing: str, said: str, hint: str
) -> None:
    for name in ("debootstrap", "keyring", "script"):
        if name != missing:
            (tmp_path / {"script": "bookworm"}.get(name, name)).touch(mode=0o755)
    monkeypatch.setattr(rootfs.os, "geteuid", lambda: uid)
    monkeypatch.setattr(rootfs, "KEYRING", tmp_path / "keyring")
    monkeypatch.setattr(rootfs, "_SCRIPTS", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert (shutil.which("debootstrap") is None) == (missing == "debootstrap")
    with pytest.raises(MqctlError) as caught:
        rootfs.refuse_without_debootstrap("bookworm")
    assert caught.value.message.startswith("no registry answers for debian:bookworm-slim")
    assert caught.value.message.endswith(said)
    assert caught.value.hint == hint
