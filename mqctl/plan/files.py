"""Which files of a host are created, changed or removed."""

from __future__ import annotations

from pydantic import SecretStr

from mqctl.model.base import reveal, sha256
from mqctl.model.bundle import FileSpec, HostBundle
from mqctl.model.changes import FileChange
from mqctl.model.diff import file_diff
from mqctl.model.hostsblock import merge
from mqctl.model.status import FileStatus, HostStatus
from mqctl.plan.refusal import Refusal


def plan_files(bundle: HostBundle, status: HostStatus) -> tuple[list[FileChange], list[Refusal]]:
    """The changes of one host's files in the order in which they are placed."""
    changes: list[FileChange] = []
    refusals: list[Refusal] = []
    for spec in bundle.files:
        live = status.files.get(spec.path)
        if live is None or _unreadable_block(spec, live):
            refusals.append(_not_read(bundle.host, spec.path))
        elif change := plan_file(bundle.host, spec, live):
            changes.append(change)
    return changes, refusals


def plan_file(host: str, spec: FileSpec, live: FileStatus) -> FileChange | None:
    """What one file needs; None when it is as it should be."""
    if spec.kind == "absent":
        return _delete(host, spec, live) if live.exists else None
    whole = _whole(spec, live)
    if not live.exists:
        return _place(host, whole, live, "create")
    if live.sha256 != sha256(reveal(whole.content)):
        return _place(host, whole, live, "update")
    if (live.owner, live.group, live.mode) != (spec.owner, spec.group, spec.mode):
        return FileChange(
            host=host, path=spec.path, action="attributes", diff=_attributes(spec, live), spec=whole
        )
    return None


def _whole(spec: FileSpec, live: FileStatus) -> FileSpec:
    """The spec with all of the file's content: a block merged into what is around it on the host."""
    if spec.kind != "block":
        return spec
    around = reveal(live.content) if live.content is not None else ""
    return spec.model_copy(update={"content": SecretStr(merge(around, reveal(spec.content)))})


def _place(host: str, spec: FileSpec, live: FileStatus, action: str) -> FileChange:
    diff = file_diff(spec, live.content, spec.content)
    return FileChange.model_validate(
        {"host": host, "path": spec.path, "action": action, "diff": diff, "spec": spec}
    )


def _delete(host: str, spec: FileSpec, live: FileStatus) -> FileChange:
    diff = file_diff(spec, live.content, None)
    return FileChange(host=host, path=spec.path, action="delete", diff=diff, spec=spec)


def _attributes(spec: FileSpec, live: FileStatus) -> str:
    return f"-{live.owner}:{live.group} {live.mode}\n+{spec.owner}:{spec.group} {spec.mode}\n"


def _unreadable_block(spec: FileSpec, live: FileStatus) -> bool:
    return spec.kind == "block" and live.exists and live.content is None


def _not_read(host: str, path: str) -> Refusal:
    return Refusal(f"{host}: {path} could not be read", "mqctl reads files as root: check become")
