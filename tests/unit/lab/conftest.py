"""A Docker engine that answers what a test gave it, and refuses everything else."""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, ImageNotFound, NotFound

from mqctl.lab import engine
from mqctl.model.lab import LabHost, LabSpec


class Refusing:
    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"unexpected call: {type(self).__name__}.{name}")


@dataclass
class FakeNetwork(Refusing):
    name: str
    subnet: str
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Labels": self.labels, "IPAM": {"Config": [{"Subnet": self.subnet}]}}


@dataclass
class FakeNetworks(Refusing):
    there: list[FakeNetwork]
    refusal: str = ""
    created: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def list(self) -> list[FakeNetwork]:
        return self.there

    def create(self, name: str, **how: Any) -> None:
        if self.refusal:
            raise APIError("500 Server Error", explanation=self.refusal)
        self.created.append((name, how))


@dataclass
class FakeContainer(Refusing):
    name: str
    status: str
    labels: dict[str, str]
    address: str = ""
    refusal: str = ""
    exit_code: int = 0
    last_words: bytes = b""
    done: list[str] = field(default_factory=list)
    files: bytes = b""

    @property
    def attrs(self) -> dict[str, Any]:
        networks = {"mqctl-demo": {"IPAMConfig": {"IPv4Address": self.address}}}
        return {"NetworkSettings": {"Networks": networks}, "State": {"ExitCode": self.exit_code}}

    def reload(self) -> None:
        pass

    def put_archive(self, path: str, data: bytes) -> None:
        assert path == "/"
        self.files = data
        self.done.append("put")

    def start(self) -> None:
        if self.refusal:
            raise APIError("500 Server Error", explanation=self.refusal)
        self.done.append("start")

    def unpause(self) -> None:
        self.done.append("unpause")

    def logs(self, tail: int) -> bytes:
        return self.last_words


@dataclass
class FakeContainers(Refusing):
    there: dict[str, FakeContainer]
    next_refusal: str = ""
    created: list[dict[str, Any]] = field(default_factory=list)

    def get(self, name: str) -> FakeContainer:
        if name not in self.there:
            raise NotFound(f"no such container: {name}")
        return self.there[name]

    def create(self, **how: Any) -> FakeContainer:
        self.created.append(how)
        labels = how["labels"] | {engine.IMAGE: how["image"].partition(":")[2]}
        address = next(iter(how["networking_config"].values()))["IPAMConfig"]["IPv4Address"]
        container = FakeContainer(how["name"], "created", labels, address, refusal=self.next_refusal)
        self.there[how["name"]] = container
        return container


@dataclass
class FakeVolume(Refusing):
    name: str
    labels: dict[str, str] | None = None
    refusal: str = ""
    removed: bool = False

    @property
    def attrs(self) -> dict[str, Any]:
        return {"Labels": self.labels}

    def remove(self) -> None:
        if self.refusal == "gone":
            raise NotFound("no such volume")
        if self.refusal:
            raise APIError("409 Conflict", explanation=self.refusal)
        self.removed = True


@dataclass
class FakeVolumes(Refusing):
    there: dict[str, FakeVolume]

    def get(self, name: str) -> FakeVolume:
        if name not in self.there:
            raise NotFound(f"no such volume: {name}")
        return self.there[name]

    def create(self, name: str, labels: dict[str, str]) -> FakeVolume:
        self.there[name] = FakeVolume(name, labels)
        return self.there[name]


@dataclass
class FakeImages(Refusing):
    labels: dict[str, dict[str, str]] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        if name not in self.labels:
            raise ImageNotFound(name)
        image = Refusing()
        image.labels = self.labels[name]
        return image


@dataclass
class FakeApi(Refusing):
    def create_endpoint_config(self, ipv4_address: str) -> dict[str, Any]:
        return {"IPAMConfig": {"IPv4Address": ipv4_address}}


class FakeDocker(Refusing):
    def __init__(self) -> None:
        self.networks = FakeNetworks([FakeNetwork("bridge", "172.17.0.0/16")])
        self.containers = FakeContainers({})
        self.volumes = FakeVolumes({})
        self.images = FakeImages()
        self.api = FakeApi()


@pytest.fixture
def docker() -> FakeDocker:
    return FakeDocker()


@pytest.fixture
def network() -> type[FakeNetwork]:
    return FakeNetwork


@pytest.fixture
def container() -> type[FakeContainer]:
    return FakeContainer


@pytest.fixture
def volume() -> type[FakeVolume]:
    return FakeVolume


@pytest.fixture
def spec(tmp_path: Path) -> LabSpec:
    addresses = {"mq1": "10.93.11.11", "mq2": "10.93.11.12"}
    return LabSpec(
        name="demo",
        image="bookworm",
        subnet=IPv4Network("10.93.11.0/24"),
        hosts=tuple(LabHost(name=name, address=IPv4Address(address)) for name, address in addresses.items()),
        state_dir=tmp_path / "demo" / ".mqctl",
    )
