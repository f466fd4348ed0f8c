"""Labs as a whole: up, down, and what there is. Everything made carries a label, and only that is removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from docker.client import DockerClient
from docker.errors import APIError, NotFound

from mqctl.errors import MqctlError
from mqctl.lab import engine, hosts, images, keys, network, ready, volumes
from mqctl.lab.progress import Progress
from mqctl.model.lab import LabHost, LabSpec, LabState

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def up(spec: LabSpec, progress: Progress) -> None:
    """Bring every host of the lab up: SSH answers and systemd has booted when this returns.

    What runs already is left alone. Raises MqctlError when the engine cannot do it, or when what is up
    differs from the inventory.
    """
    with closing(engine.connect()) as client:
        kept = keys.ensure(spec.state_dir)
        keys.pin(spec.state_dir, (host.address for host in spec.hosts))
        for image in dict.fromkeys(spec.release(host) for host in spec.hosts):
            images.build(client, image, progress)
        network.ensure(client, spec)
        volumes.ensure(client, spec)
        info = client.api.info()

        def bring(host: LabHost) -> None:
            done = hosts.ensure(client, spec, host, kept, info)
            if done:
                progress(host.name, done)
            _wait(client, spec, host, progress)

        in_parallel(bring, spec.hosts)


def _wait(client: DockerClient, spec: LabSpec, host: LabHost, progress: Progress) -> None:
    container = hosts.find(client, spec.name, host.name)
    ready.wait_ssh(container, host.name, host.address)
    if ready.had_time_to_boot(container):
        progress(host.name, f"up at {host.address}")
        return
    boot = ready.wait_boot(spec.state_dir, host.name, host.address)
    broken = sorted(boot.failed - ready.SERVICES)
    progress(host.name, f"up at {host.address}" + (f", but failed: {', '.join(broken)}" if broken else ""))


def down(name: str) -> list[str]:
    """Remove the containers, network and volumes with this lab's label; says what was removed."""
    label = {"label": f"{engine.LAB}={name}"}
    with closing(engine.connect()) as client:
        containers = client.containers.list(all=True, filters=label)
        removed = in_parallel(_remove_container, containers)
        removed += [_remove_network(found) for found in client.networks.list(filters=label)]
        removed += [volumes.remove(found) for found in client.volumes.list(filters=label)]
    return removed


def _remove_container(container: Any) -> str:
    try:
        container.remove(force=True, v=True)
    except NotFound:
        pass  # gone meanwhile: what was wanted
    except APIError as error:
        raise MqctlError(f"docker cannot remove {container.name}: {engine.explain(error)}") from None
    return f"container {container.name}"


def _remove_network(found: Any) -> str:
    try:
        found.remove()
    except APIError as error:
        raise MqctlError(f"docker cannot remove network {found.name}: {engine.explain(error)}") from None
    return f"network {found.name}"


def list_labs() -> tuple[LabState, ...]:
    """Every lab that the engine knows, by name, also when only its network is left; its hosts by name."""
    label = {"label": engine.LAB}
    with closing(engine.connect()) as client:
        containers = client.containers.list(all=True, filters=label)
        labels = [container.labels for container in containers]
        labels += [found.attrs["Labels"] for found in client.networks.list(filters=label)]
    inventories = {each[engine.LAB]: Path(each.get(engine.INVENTORY, "unknown")) for each in labels}
    return tuple(_state(name, inventories[name], containers) for name in sorted(inventories))


def _state(name: str, inventory: Path, containers: Sequence[Any]) -> LabState:
    own = (container for container in containers if container.labels[engine.LAB] == name)
    states = (hosts.state(container, name) for container in own)
    return LabState(name=name, inventory=inventory, hosts=tuple(sorted(states, key=lambda host: host.name)))


def in_parallel(act: Callable[[_Item], _Result], items: Sequence[_Item]) -> list[_Result]:
    """Do it for all at once and wait for all; one error goes on as it is, several become one."""
    if not items:
        return []
    with ThreadPoolExecutor(max_workers=min(len(items), 16)) as pool:
        futures = [pool.submit(act, item) for item in items]
    errors = [future.exception() for future in futures if future.exception() is not None]
    mine = [error for error in errors if isinstance(error, MqctlError)]
    if len(mine) == len(errors) > 1:
        hints = [error.hint for error in mine if error.hint]
        raise MqctlError("; ".join(dict.fromkeys(error.message for error in mine)), "".join(hints[:1]))
    return [future.result() for future in futures]
