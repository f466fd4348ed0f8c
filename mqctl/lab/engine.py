"""The Docker engine: how to reach it, and whether it can run hosts with systemd inside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from typing import Any

import requests
from docker.client import DockerClient
from docker.errors import APIError, DockerException

from mqctl.errors import MqctlError

LAB = "mqctl.lab"
HOST = "mqctl.host"
INVENTORY = "mqctl.inventory"
IMAGE = "mqctl.image"
RECIPE = "mqctl.recipe"

_TIMEOUT = 120
"""Seconds without a byte from the engine; package downloads during a build are silent for a while."""
_CONNECTIONS = 32
"""Hosts are handled in parallel, each thread with a connection."""
_CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "NET_BROADCAST", "NET_RAW")
"""systemd mounts, Keepalived sets addresses and sends VRRP, faults filter packets."""


def connect() -> DockerClient:
    """A client of this machine's engine (or DOCKER_HOST's).

    Raises MqctlError when there is no engine, no permission to talk to it, or when it cannot run a lab.
    """
    try:
        client: DockerClient = DockerClient.from_env(timeout=_TIMEOUT, max_pool_size=_CONNECTIONS)
    except (DockerException, requests.RequestException) as error:
        raise unreachable(error) from None
    try:
        refuse_unfit(client.api.info(), client.api.api_version)
    except (DockerException, requests.RequestException) as error:
        client.close()
        raise unreachable(error) from None
    except MqctlError:
        client.close()
        raise
    return client


def unreachable(error: BaseException) -> MqctlError:
    """Why the engine did not answer, in words that say what to do."""
    causes = list(_causes(error))
    if any(isinstance(cause, PermissionError) for cause in causes):
        return MqctlError(
            "no permission to talk to the docker engine",
            "run as root, or join the group docker: usermod -aG docker $USER, then log in again",
        )
    if any(isinstance(cause, FileNotFoundError | ConnectionRefusedError) for cause in causes):
        if shutil.which("dockerd") is None:
            return MqctlError("no docker engine on this machine", "apt-get install docker.io")
        return MqctlError("the docker engine is not running", "systemctl start docker")
    return MqctlError(
        f"the docker engine does not answer: {error}", "`docker info` must work; DOCKER_HOST is honoured"
    )


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything below it: requests and urllib3 keep the OSError in args or in the context."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        below = (current.__cause__, current.__context__, *current.args)
        todo += [cause for cause in below if isinstance(cause, BaseException)]


def refuse_unfit(info: Mapping[str, Any], api_version: str) -> None:
    """Refuse an engine that cannot run a lab, from what it says about itself."""
    hint = "a lab needs Docker 20.10 or newer for Linux, run by root"
    if info.get("OSType") != "linux":
        raise MqctlError(f"the docker engine runs {info.get('OSType')} containers, not Linux ones", hint)
    if tuple(int(part) for part in api_version.split(".")) < (1, 41):
        raise MqctlError(f"the docker engine is too old: API {api_version}, 1.41 is needed", hint)
    if "name=rootless" in _security(info):
        raise MqctlError(
            "the docker engine is rootless: its containers are out of this machine's reach", hint
        )


def _security(info: Mapping[str, Any]) -> tuple[str, ...]:
    options: list[str] = info.get("SecurityOptions") or []
    return tuple(option.split(",")[0] for option in options)


def systemd_options(info: Mapping[str, Any]) -> dict[str, Any]:
    """What a container needs for systemd as PID 1 on this engine.

    cgroup v2: a private namespace, which `lab-init` makes writable. cgroup v1 and hybrid: systemd finds
    its own hierarchy only in the machine's tree.
    """
    options: dict[str, Any] = {
        "cap_add": list(_CAPABILITIES),
        "security_opt": ["seccomp=unconfined", "apparmor=unconfined"],
        "tmpfs": {"/run": "mode=755", "/run/lock": "", "/tmp": "exec,mode=1777"},  # noqa: S108
        "cgroupns": "private",
    }
    if info.get("CgroupVersion") != "2":
        options |= {"cgroupns": "host", "volumes": ["/sys/fs/cgroup:/sys/fs/cgroup:rw"]}
    if "name=userns" in _security(info):
        options["userns_mode"] = "host"
    return options


def explain(error: APIError) -> str:
    """The engine's own sentence, without the address of its socket."""
    return str(error.explanation or error).strip().rstrip(".")
