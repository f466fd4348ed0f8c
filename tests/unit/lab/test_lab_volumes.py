"""Storage that hosts share: a volume of the lab's own, mounted where they want it, and gone with the lab."""

from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import hosts, keys, volumes
from mqctl.model.lab import LabSpec, LabVolume

SHARED = LabVolume(name="shared", path="/srv/rabbitmq")


@pytest.fixture
def sharing(spec: LabSpec) -> LabSpec:
    own = tuple(host.model_copy(update={"volume": SHARED}) for host in spec.hosts)
    return spec.model_copy(update={"hosts": own})


def test_hosts_share_one_volume(docker: Any, sharing: LabSpec) -> None:
    volumes.ensure(docker, sharing)
    (made,) = docker.volumes.there.values()
    assert (made.name, made.labels) == (
        "mqctl-demo-shared",
        {"mqctl.lab": "demo", "mqctl.inventory": str(sharing.inventory)},
    )
    volumes.ensure(docker, sharing)
    assert len(docker.volumes.there) == 1
    assert [volumes.mount("demo", host) for host in sharing.hosts] == [
        ["mqctl-demo-shared:/srv/rabbitmq:rw"],
        ["mqctl-demo-shared:/srv/rabbitmq:rw"],
    ]


def test_hosts_that_share_nothing_have_none(docker: Any, spec: LabSpec) -> None:
    volumes.ensure(docker, spec)
    assert docker.volumes.there == {}
    assert volumes.mount("demo", spec.hosts[0]) == []


@pytest.mark.parametrize("labels", [None, {}, {"mqctl.lab": "other"}])
def test_a_volume_of_somebody_else_is_left_alone(
    docker: Any, volume: Any, sharing: LabSpec, labels: dict[str, str] | None
) -> None:
    docker.volumes.there["mqctl-demo-shared"] = volume("mqctl-demo-shared", labels)
    with pytest.raises(MqctlError) as caught:
        volumes.ensure(docker, sharing)
    assert (caught.value.message, caught.value.hint) == (
        "docker volume mqctl-demo-shared exists and is not this lab's",
        "docker volume rm mqctl-demo-shared",
    )


def test_a_host_mounts_it_and_every_user_may_write_there(docker: Any, sharing: LabSpec) -> None:
    kept = keys.ensure(sharing.state_dir)
    hosts.ensure(docker, sharing, sharing.hosts[0], kept, {"CgroupVersion": "1"})
    (how,) = docker.containers.created
    assert how["volumes"] == ["/sys/fs/cgroup:/sys/fs/cgroup:rw", "mqctl-demo-shared:/srv/rabbitmq:rw"]
    with tarfile.open(fileobj=io.BytesIO(docker.containers.there["mqctl-demo-mq1"].files)) as archive:
        member = archive.getmember("srv/rabbitmq")
    assert (member.isdir(), member.mode) == (True, 0o1777)


def test_it_goes_with_the_lab(volume: Any) -> None:
    mine = volume("mqctl-demo-shared")
    assert volumes.remove(mine) == "volume mqctl-demo-shared"
    assert mine.removed
    assert volumes.remove(volume("mqctl-demo-shared", refusal="gone")) == "volume mqctl-demo-shared"
    with pytest.raises(MqctlError) as caught:
        volumes.remove(volume("mqctl-demo-shared", refusal="volume is in use"))
    assert caught.value.message == "docker cannot remove volume mqctl-demo-shared: volume is in use"
