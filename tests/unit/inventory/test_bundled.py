"""The inventories that mqctl brings along: sound, and the reference complete."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from mqctl import share
from mqctl.inventory import bundled, ensure, load
from mqctl.inventory.settings import COMPONENTS
from mqctl.model.draft import MqctlSettings
from mqctl.model.keepalived import RealServer, VirtualServer
from mqctl.model.lab import LabSettings
from mqctl.model.links import (
    Destination,
    SetMember,
    Shovel,
    Source,
    StaticDestination,
    StaticShovel,
    StaticSource,
    Upstream,
    UpstreamSet,
)
from mqctl.model.objectives import Objectives
from mqctl.model.objects import Binding, Exchange, Permission, Policy, Queue, User, Vhost
from mqctl.model.rules import RISKS
from mqctl.model.tls import TlsSettings
from mqctl.process import run
from tests import inventories

EXAMPLE = share.root() / "inventories" / "example"
FILES = sorted(path for path in EXAMPLE.rglob("*.yml") if path.name != "secrets.yml")
MODELS: dict[str, type[BaseModel]] = {**COMPONENTS, "mqctl": MqctlSettings}
NESTED = (
    *(
        Vhost,
        User,
        Permission,
        Policy,
        Exchange,
        Queue,
        Binding,
        LabSettings,
        Objectives,
        TlsSettings,
        RealServer,
        VirtualServer,
    ),
    *(Upstream, UpstreamSet, SetMember, Shovel, Source, Destination),
    *(StaticShovel, StaticSource, StaticDestination),
)
DOCUMENTED = re.compile(r"^# (?:default: (?P<default>.*)|required)\n(?P<name>[a-z_]+):", re.MULTILINE)


def fields() -> Iterator[tuple[str, Any]]:
    for prefix, model in MODELS.items():
        for name, field in model.model_fields.items():
            yield f"{prefix}_{name}", field


def documented() -> dict[str, str | None]:
    """The documented default by variable, None for a required one."""
    text = "\n".join(file.read_text() for file in FILES)
    return {match["name"]: match["default"] for match in DOCUMENTED.finditer(text)}


@pytest.mark.parametrize("name", bundled())
def test_bundled_inventory_loads(name: str, tmp_path: Path) -> None:
    inventories.bare(name, tmp_path / name)
    topology = ensure(tmp_path / name)
    assert topology.name == name
    assert topology.brokers


@pytest.mark.parametrize("name", bundled())
def test_ansible_reads_the_directory_without_a_warning(name: str) -> None:
    result = run(("ansible-inventory", "-i", str(share.root() / "inventories" / name), "--list"), timeout=60)
    assert result.ok
    assert result.stderr == ""


def test_mirrored_3node_is_that_topology(tmp_path: Path) -> None:
    inventories.copy("mirrored-3node", tmp_path / "mirrored-3node")
    topology = load(tmp_path / "mirrored-3node")
    assert [host.name for host in topology.brokers] == ["mq1", "mq2", "mq3"]
    assert [host.name for host in topology.balancers] == ["lb1", "lb2"]
    assert [host.keepalived.priority for host in topology.routers if host.keepalived] == [250, 240]
    assert str(topology.virtual_address) == "10.93.17.100"
    assert [(policy.name, policy.pattern) for policy in topology.objects.policies] == [("ha-all", "^")]
    assert topology.objects.policies[0].definition["ha-mode"] == "all"
    assert topology.lab is not None
    assert [str(host.address) for host in topology.lab.hosts] == [
        f"10.93.17.{number}" for number in (11, 12, 13, 21, 22)
    ]


def test_every_variable_is_documented_and_nothing_else() -> None:
    assert set(documented()) == {name for name, _ in fields()}


def test_every_variable_is_set() -> None:
    names = {name for file in FILES for name in yaml.safe_load(file.read_text()) or {}}
    assert {name for name, _ in fields()} <= names


@pytest.mark.parametrize(
    ("name", "field"), list(fields()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_documented_default_is_the_default(name: str, field: Any) -> None:
    said = documented()[name]
    if field.is_required():
        assert said is None
        return
    assert said is not None
    if said.startswith("ansible_host"):
        assert field.default is None
        return
    assert yaml.safe_load(said) == _plain(field.get_default(call_default_factory=True))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(exclude_defaults=True)
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.mark.parametrize("model", NESTED, ids=lambda model: model.__name__)
def test_every_field_of_an_object_is_documented(model: type[BaseModel]) -> None:
    text = "\n".join(file.read_text() for file in FILES)
    for name, field in model.model_fields.items():
        assert re.search(rf"^[ #-]+{re.escape(field.alias or name)}: ?", text, re.MULTILINE), name


def test_every_risk_is_named() -> None:
    text = " ".join((EXAMPLE / "group_vars" / "all" / "mqctl.yml").read_text().split())
    assert all(risk in text for risk in RISKS)
