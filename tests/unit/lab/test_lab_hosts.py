"""Hosts: made, started or left alone; refused when they are not what the inventory says."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import engine, hosts, keys
from mqctl.model.lab import LabSpec

INFO = {"CgroupVersion": "2"}


def labels(spec: LabSpec, **changed: str) -> dict[str, str]:
    own = {"lab": "demo", "host": "mq1", "inventory": str(spec.inventory), "image": "bookworm"}
    return {f"mqctl.{key}": value for key, value in (own | changed).items()}


def ensure(docker: Any, spec: LabSpec) -> str:
    return hosts.ensure(docker, spec, spec.hosts[0], keys.ensure(spec.state_dir), INFO)


def test_a_missing_host_is_made(docker: Any, spec: LabSpec) -> None:
    assert ensure(docker, spec) == "created"
    (how,) = docker.containers.created
    assert how["name"] == "mqctl-demo-mq1"
    assert how["hostname"] == "mq1"
    assert how["image"] == "mqctl-lab:bookworm"
    assert how["labels"] == {
        "mqctl.lab": "demo",
        "mqctl.host": "mq1",
        "mqctl.inventory": str(spec.inventory),
    }
    assert {"SYS_ADMIN", "NET_ADMIN", "NET_BROADCAST", "NET_RAW"} == set(how["cap_add"])
    assert docker.containers.there["mqctl-demo-mq1"].done == ["put", "start"]


def test_keys_are_in_place_before_the_first_start_and_private(docker: Any, spec: LabSpec) -> None:
    ensure(docker, spec)
    kept = keys.ensure(spec.state_dir)
    with tarfile.open(fileobj=io.BytesIO(docker.containers.there["mqctl-demo-mq1"].files)) as archive:
        modes = {member.name: member.mode for member in archive}
        authorized = archive.extractfile("root/.ssh/authorized_keys")
        assert authorized is not None
        assert authorized.read().decode().strip() == kept.client_public
    assert modes["root/.ssh"] == 0o700
    assert modes["root/.ssh/authorized_keys"] == 0o600
    assert modes["etc/ssh/ssh_host_ed25519_key"] == 0o600


def test_every_host_has_its_own_machine_id(spec: LabSpec) -> None:
    kept = keys.ensure(spec.state_dir)
    ids = {hosts.first_files(kept)["etc/machine-id"][1] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("status", "said", "done"),
    [
        ("running", "", []),
        ("exited", "started", ["start"]),
        ("paused", "unpaused", ["unpause"]),
        ("created", "created", ["put", "start"]),
    ],
)
def test_what_is_there_is_kept(
    docker: Any, container: Any, spec: LabSpec, status: str, said: str, done: list[str]
) -> None:
    there = container("mqctl-demo-mq1", status, labels(spec), "10.93.11.11")
    docker.containers.there[there.name] = there
    assert ensure(docker, spec) == said
    assert there.done == done
    assert docker.containers.created == []


@pytest.mark.parametrize(
    ("changed", "address", "message", "hint"),
    [
        (
            {"image": "bullseye"},
            "10.93.11.11",
            "mq1 runs bullseye, the inventory says bookworm",
            "mqctl lab down demo",
        ),
        ({}, "10.93.11.99", "mq1 has 10.93.11.99, the inventory says 10.93.11.11", "mqctl lab down demo"),
        (
            {"inventory": "/srv/b"},
            "10.93.11.11",
            "lab demo is up already, for the inventory /srv/b",
            "use that inventory, or remove its lab: mqctl lab down /srv/b",
        ),
    ],
)
def test_what_differs_is_refused(
    docker: Any,
    container: Any,
    spec: LabSpec,
    changed: dict[str, str],
    address: str,
    message: str,
    hint: str,
) -> None:
    there = container("mqctl-demo-mq1", "exited", labels(spec, **changed), address)
    docker.containers.there[there.name] = there
    with pytest.raises(MqctlError) as caught:
        ensure(docker, spec)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert there.done == []


def test_somebody_elses_container_is_never_touched(docker: Any, container: Any, spec: LabSpec) -> None:
    there = container("mqctl-demo-mq1", "exited", {})
    docker.containers.there[there.name] = there
    with pytest.raises(MqctlError, match="container mqctl-demo-mq1 exists and is not lab demo's"):
        ensure(docker, spec)
    assert there.done == []


def test_a_capability_that_the_engine_lacks_is_named(docker: Any, spec: LabSpec) -> None:
    docker.containers.next_refusal = (
        "OCI runtime create failed: unable to apply caps: operation not permitted"
    )
    with pytest.raises(MqctlError) as caught:
        ensure(docker, spec)
    assert caught.value.message.startswith(
        "docker cannot start mq1: OCI runtime create failed: unable to apply caps"
    )
    assert "SYS_ADMIN" in caught.value.hint


def test_a_network_that_was_removed_while_the_host_was_off_is_named(
    docker: Any, container: Any, spec: LabSpec
) -> None:
    labels = {engine.LAB: "demo", engine.IMAGE: "bookworm", engine.INVENTORY: str(spec.inventory)}
    there = container("mqctl-demo-mq1", "exited", labels, "10.93.11.11")
    there.refusal = "network e039f776eb0a7ff9 not found"
    docker.containers.there[there.name] = there
    with pytest.raises(MqctlError) as caught:
        ensure(docker, spec)
    assert caught.value.message == "mq1 cannot start: its docker network was removed while it was off"
    assert caught.value.hint == (
        "`mqctl lab down demo`, then up again: its hosts are made anew and start empty"
    )


def test_a_host_that_the_lab_does_not_have(docker: Any) -> None:
    with pytest.raises(MqctlError, match="lab demo has no host mq7"):
        hosts.find(docker, "demo", "mq7")
