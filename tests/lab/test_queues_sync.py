"""`mqctl queues sync` on two real brokers whose mirrors are synchronised by hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl import cli, lab
from mqctl.errors import ExitCode
from mqctl.gates.wait import wait
from mqctl.model.gate import GateResult
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.stage import Stage, shell
from mqctl.workload.queues import channel
from tests.lab import subnets
from tests.lab.conftest import connection_of
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

MESSAGES = 2000
MANUAL = {
    "name": "by-hand",
    "pattern": "^",
    "apply-to": "queues",
    "definition": {"ha-mode": "all", "ha-sync-mode": "manual"},
}
RABBITMQ = {
    "rabbitmq_partition_handling": "autoheal",
    "rabbitmq_policies": [MANUAL],
    "rabbitmq_queues": [{"name": "orders"}, {"name": "empty"}],
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    name = own_name("sync")
    path = tmp_path_factory.mktemp("inventories") / name
    subnet = subnets.take()
    everywhere = path / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (everywhere / "connection.yml").write_text(connection_of("mirrored-3node"))
    settings = {"mqctl_lab": {"image": "bookworm", "subnet": str(subnet)}}
    (everywhere / "lab.yml").write_text(yaml.safe_dump(settings))
    (path / "group_vars" / "rabbitmq.yml").write_text(yaml.safe_dump(RABBITMQ))
    hosts = {f"mq{number}": {"ansible_host": str(subnet[10 + number])} for number in (1, 2)}
    (path / "hosts.yml").write_text(yaml.safe_dump({"rabbitmq": {"hosts": hosts}}))
    try:
        yield deploy(Wish(str(path)), Silent()).topology
    finally:
        lab.down(name)


def in_sync(stage: Stage) -> list[GateResult]:
    return [one for one in stage.gates() if one.gate == "mirrors in sync" and one.outcome != "pass"]


def sync(topology: Topology, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, Any, str]:
    code = cli.run(["queues", "sync", str(topology.inventory), "--json", *options])
    told = capsys.readouterr()
    return code, json.loads(told.out) if told.out else None, told.err


def test_a_mirror_that_came_back_empty_is_filled(
    pair: Topology, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Hosts.of(pair) as hosts, Hosts.of(pair) as watchers:
        stage = Stage(pair, "sync", tmp_path, hosts, watchers)
        with channel(stage.account) as talk:
            talk.confirm_delivery()
            for _ in range(MESSAGES):
                talk.basic_publish("", "orders", b"x" * 256)
        ((leader,),) = stage.find("queue-leader", "orders")
        other = next(host.name for host in pair.brokers if host.name != leader)
        shell(hosts, other, "systemctl restart rabbitmq-server", 180)
        wait(lambda: bool(in_sync(stage)), timeout=60, interval=1, what="a mirror that is behind")
        assert [(result.subject, result.outcome) for result in in_sync(stage)] == [("orders", "fail")]

        code, said, _ = sync(pair, capsys, "--queue", "payments")
        assert (code, said) == (ExitCode.REFUSED, None)
        code, said, told = sync(pair, capsys)
        assert (code, said["outcome"]) == (ExitCode.DONE, "pass"), told
        (row,) = said["queues"]
        assert (row["name"], row["messages"]) == ("orders", MESSAGES)
        assert (row["before"], row["behind"]) == ([f"rabbit@{other}"], [])
        assert "orders: synchronised after " in told
        assert in_sync(stage) == []
        assert sync(pair, capsys)[1]["queues"] == []
