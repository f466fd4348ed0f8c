"""The rendered topology in the forms that the benchmark's other deployers read."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

from mqctl.model.bundle import FileSpec, HostBundle
from mqctl.model.hostsblock import merge
from mqctl.model.password import hash_password
from mqctl.model.topology import Topology

HOSTS = "127.0.0.1 localhost\n"
"""What a lab host's /etc/hosts is merged into; only the managed block matters."""


def write(topology: Topology, bundles: dict[str, HostBundle], directory: Path) -> None:
    """For each host HOST.tar and the same below HOST/; manifest.json, founder.conf, definitions.json."""
    manifest = {}
    for name, bundle in bundles.items():
        files = [spec for spec in bundle.files if spec.kind != "absent"]
        manifest[name] = [_entry(spec) for spec in files]
        _tar(directory / f"{name}.tar", files)
        for spec in files:
            place = directory / name / spec.path.lstrip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(_content(spec))
    (directory / "manifest.json").write_text(json.dumps(manifest))
    conf = next(s for s in bundles["mq1"].files if s.path.endswith("rabbitmq.conf"))
    lines = _content(conf).splitlines(keepends=True)
    (directory / "founder.conf").write_text(
        "".join(x for x in lines if not x.startswith("cluster_formation."))
    )
    (directory / "definitions.json").write_text(json.dumps(definitions(topology)))


def definitions(topology: Topology) -> dict[str, object]:
    """What `rabbitmqctl import_definitions` reads."""
    objects = topology.objects
    return {
        "vhosts": [{"name": vhost.name} for vhost in objects.vhosts],
        "users": [
            {
                "name": user.name,
                "tags": ",".join(user.tags),
                "hashing_algorithm": "rabbit_password_hashing_sha256",
                "password_hash": hash_password(user.password.get_secret_value(), b"salt"),
            }
            for user in objects.users
            if user.password
        ],
        "permissions": [
            {"user": user.name, **permission.model_dump()}
            for user in objects.users
            for permission in user.permissions
        ],
        "policies": [policy.model_dump(by_alias=True) for policy in objects.policies],
        "exchanges": [exchange.model_dump() for exchange in objects.exchanges],
        "queues": [queue.model_dump() for queue in objects.queues],
        "bindings": [binding.model_dump() for binding in objects.bindings],
    }


def _entry(spec: FileSpec) -> dict[str, str]:
    return {"path": spec.path, "owner": spec.owner, "group": spec.group, "mode": spec.mode}


def _content(spec: FileSpec) -> str:
    text = spec.content.get_secret_value()
    return merge(HOSTS, text) if spec.kind == "block" else text


def _tar(path: Path, files: list[FileSpec]) -> None:
    with tarfile.open(path, "w") as archive:
        for spec in files:
            content = _content(spec).encode()
            member = tarfile.TarInfo(spec.path.lstrip("/"))
            member.size, member.mode = len(content), int(spec.mode, 8)
            member.uname, member.gname = spec.owner, spec.group
            archive.addfile(member, io.BytesIO(content))
