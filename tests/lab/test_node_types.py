"""RAM nodes on real brokers: they join as such, change their type, and two disc nodes always stay."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl import lab
from mqctl.errors import GateError
from mqctl.inventory import VaultOptions
from mqctl.ssh import Hosts
from mqctl.workflows.deploy import DeployReport, Wish, deploy
from mqctl.workflows.phase import Silent
from mqctl.workflows.plan import plan
from mqctl.workflows.stage import Stage, shell
from mqctl.workload.queues import channel
from tests.lab import subnets
from tests.lab.conftest import connection_of
from tests.lab.leftovers import own_name

pytestmark = [pytest.mark.lab, pytest.mark.matrix]

RABBITMQ = {
    "rabbitmq_policies": [
        {
            "name": "two",
            "pattern": "^orders$",
            "apply-to": "queues",
            "definition": {"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"},
        }
    ],
    "rabbitmq_queues": [{"name": "orders"}],
}
NAMES = ("mq1", "mq2", "mq3", "mq4")
MESSAGES = 50


def choose(inventory: Path, *ram: str) -> None:
    for name in NAMES:
        variables = {"rabbitmq_node_type": "ram" if name in ram else "disc"}
        (inventory / "host_vars" / f"{name}.yml").write_text(yaml.safe_dump(variables))


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    name = own_name("types")
    path = tmp_path_factory.mktemp("inventories") / name
    subnet = subnets.take()
    everywhere = path / "group_vars" / "all"
    everywhere.mkdir(parents=True)
    (path / "host_vars").mkdir()
    (everywhere / "connection.yml").write_text(connection_of("mirrored-3node"))
    settings = {"mqctl_lab": {"image": "bookworm", "subnet": str(subnet)}}
    (everywhere / "lab.yml").write_text(yaml.safe_dump(settings))
    (path / "group_vars" / "rabbitmq.yml").write_text(yaml.safe_dump(RABBITMQ))
    hosts = {name: {"ansible_host": str(subnet[10 + number])} for number, name in enumerate(NAMES)}
    (path / "hosts.yml").write_text(yaml.safe_dump({"rabbitmq": {"hosts": hosts}}))
    choose(path, "mq4")
    try:
        yield path
    finally:
        lab.down(name)


def changed(inventory: Path) -> DeployReport:
    """Deployed, every gate passes, and nothing is left to do."""
    report = deploy(Wish(str(inventory)), Silent())
    assert {result.outcome for result in report.results} <= {"pass", "skipped"}
    assert plan(str(inventory), VaultOptions()).plan.empty
    return report


def types(report: DeployReport) -> dict[str, str]:
    found = {result.subject: result.got for result in report.results if result.gate == "node type"}
    return {node.removeprefix("rabbit@"): kind for node, kind in found.items()}


def test_types_of_nodes(inventory: Path, tmp_path: Path) -> None:
    report = changed(inventory)
    assert types(report) == {"mq1": "disc", "mq2": "disc", "mq3": "disc", "mq4": "ram"}

    with Hosts.of(report.topology) as hosts, Hosts.of(report.topology) as watchers:
        stage = Stage(report.topology, "types", tmp_path, hosts, watchers)
        with channel(stage.account) as talk:
            talk.confirm_delivery()
            for _ in range(MESSAGES):
                talk.basic_publish("", "orders", b"x")

        choose(inventory, "mq3")
        wanted = plan(str(inventory), VaultOptions()).plan
        assert [(one.host, one.action, one.node_type) for one in wanted.membership] == [
            ("mq4", "retype", "disc"),
            ("mq3", "retype", "ram"),
        ]
        assert not [one for one in wanted.services if one.action == "restart"]
        assert types(changed(inventory)) == {"mq1": "disc", "mq2": "disc", "mq3": "ram", "mq4": "disc"}
        said = shell(hosts, "mq1", "rabbitmqctl -q --no-table-headers list_queues name messages", 60)
        assert said.split() == ["orders", str(MESSAGES)]

        choose(inventory, "mq2", "mq4")
        said = "mq2, mq4: as RAM, would leave 1 running disc node (mq1), and 2 must stay"
        with pytest.raises(GateError, match=re.escape(said)):
            plan(str(inventory), VaultOptions(), "mq2,mq4")
