"""Debian 11 with RabbitMQ 3.8 in the classic format, from an INI inventory with host_vars and a vault."""

from __future__ import annotations

import ast
import base64
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from mqctl import lab, share
from mqctl.inventory import VaultOptions, load, vault
from mqctl.model.base import reveal
from mqctl.model.topology import Topology
from mqctl.process import run
from mqctl.ssh import Hosts
from mqctl.workflows.deploy import DeployReport, Wish, deploy
from mqctl.workflows.phase import Silent
from tests.lab import subnets
from tests.lab.leftovers import own_name

pytestmark = pytest.mark.lab

BROKERS = ("mq1", "mq2", "mq3")
INI = """
[rabbitmq]
mq[1:3]

[haproxy]
lb[1:2]

[keepalived]
lb[1:2]

[rabbitmq:vars]
rabbitmq_config_format=classic
rabbitmq_heartbeat=27
"""
ADDRESSES = {"mq1": 11, "mq2": 12, "mq3": 13, "lb1": 21, "lb2": 22}
RESTART = 180
"""Seconds for the slowest thing asked here, a broker's restart: 23 on an idle machine of two cores."""
STATS_PASSWORD = "p'a\"s %w# $HOME {x} ü"


class Site:
    """An inventory that mqctl did not write, its network, and its vault password."""

    def __init__(self, directory: Path, subnet: IPv4Network, password_file: Path) -> None:
        self.directory, self.subnet, self.vault = directory, subnet, VaultOptions(password_file)

    def write(self) -> None:
        common = self.directory / "group_vars" / "all"
        common.mkdir(parents=True)
        (self.directory / "host_vars").mkdir()
        (self.directory / "hosts.ini").write_text(INI)
        for host, number in ADDRESSES.items():
            priority = f"keepalived_priority: {200 - number}\n" if host.startswith("lb") else ""
            variables = f"ansible_host: {self.subnet[number]}\n{priority}"
            (self.directory / "host_vars" / f"{host}.yml").write_text(variables)
        bundled = share.root() / "inventories" / "mirrored-3node" / "group_vars"
        for file in ("rabbitmq.yml", "haproxy.yml", "keepalived.yml", "all/connection.yml"):
            text = (bundled / file).read_text().replace("10.93.17.", subnets.beginning(self.subnet))
            (self.directory / "group_vars" / file).write_text(text)
        (common / "lab.yml").write_text(f"mqctl_lab: {{image: bullseye, subnet: {self.subnet}}}\n")
        inline = vault.encrypt(STATS_PASSWORD, self.vault).replace("\n", "\n  ").rstrip()
        (common / "stats.yml").write_text(f"haproxy_stats_password: !vault |\n  {inline}\n")

    @property
    def topology(self) -> Topology:
        return load(self.directory, self.vault)

    def deploy(self) -> DeployReport:
        report = deploy(Wish(str(self.directory), self.vault), Silent())
        assert report.outcome == "pass", [r for r in report.results if r.outcome != "pass"]
        return report

    def shell(self, host: str, script: str) -> str:
        with Hosts.of(self.topology) as hosts:
            output = hosts.run(host, ["sh", "-ec", script], timeout=RESTART)
        assert output.ok, output.stderr
        return output.stdout.strip()

    def ask(self, host: str, expression: str) -> str:
        return self.shell(host, f"rabbitmqctl -q eval '{expression}'")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("older")
    (place / "password").write_text("opensesame\n")
    name = own_name("older")
    found = Site(place / name, subnets.take(), place / "password")
    found.write()
    try:
        assert found.deploy().plans
        yield found
    finally:
        lab.down(name)


@pytest.mark.parametrize("host", BROKERS)
def test_every_broker_has_the_classic_file_alone(site: Site, host: str) -> None:
    """And nothing of what was special about the first boot."""
    assert site.shell(host, "ls /etc/rabbitmq") == "enabled_plugins\nrabbitmq-env.conf\nrabbitmq.config"
    assert site.shell(host, "find /run -name '*first-boot*'") == ""
    assert site.ask(host, "element(2, application:get_env(rabbit, heartbeat)).") == "27"


def test_restarted_by_hand_the_founder_reads_the_file_and_stays_a_member(site: Site) -> None:
    site.shell("mq1", "systemctl restart rabbitmq-server; rabbitmqctl -q await_startup")
    assert site.ask("mq1", "hd(rabbit:config_files()).") == '"/etc/rabbitmq/rabbitmq.config"'
    assert site.ask("mq1", "element(2, application:get_env(rabbit, heartbeat)).") == "27"
    assert "classic_config" in site.ask("mq1", "application:get_env(rabbit, cluster_formation).")
    assert site.ask("mq1", "length(rabbit_nodes:all_running()).") == "3"


def test_they_are_one_cluster_of_3_8_with_mirrors(site: Site) -> None:
    for host in BROKERS:
        said = json.loads(site.shell(host, "rabbitmqctl -q cluster_status --formatter json"))
        assert sorted(said["disk_nodes"]) == sorted(said["running_nodes"]) == [f"rabbit@{b}" for b in BROKERS]
        assert {version["rabbitmq_version"][:3] for version in said["versions"].values()} == {"3.8"}
    queues = json.loads(
        site.shell("mq2", "rabbitmqctl -q list_queues name synchronised_slave_pids --formatter json")
    )
    assert {queue["name"]: len(queue["synchronised_slave_pids"]) for queue in queues} == {
        "orders": 2,
        "orders.dead": 2,
    }


def test_a_flag_that_a_member_lacks_is_seen_and_can_be_enabled_there(site: Site) -> None:
    """So one is left that joins while the founder enables it."""
    site.ask("mq3", "rabbit_feature_flags:mark_as_enabled_locally(implicit_default_bindings, false).")
    assert lacks(site, "mq3") == ["implicit_default_bindings"]
    site.shell("mq3", "rabbitmqctl -q enable_feature_flag implicit_default_bindings")
    assert [lacks(site, host) for host in BROKERS] == [[], [], []]


def lacks(site: Site, host: str) -> list[str]:
    """Told by the very expression that the broker's module uses."""
    module = ast.parse((share.root() / "playbooks" / "module_utils" / "mqctl_node.py").read_text())
    expression = next(
        ast.literal_eval(statement.value)
        for statement in module.body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "LAGGING"
    )
    said = site.ask(host, " ".join(expression.split())).removeprefix("mqctl:").split()[0]
    return list(json.loads(base64.b64decode(said))["lagging"])


def test_a_vault_value_opens_the_statistics_page_and_stays_closed_here(site: Site) -> None:
    secrets = site.directory / "group_vars" / "all" / "secrets.yml"
    assert secrets.read_text().startswith(vault.HEADER)
    assert statistics(site.subnet[100], f"stats:{STATS_PASSWORD}") == 200
    assert statistics(site.subnet[100], "stats:something else") == 401
    texts = [path.read_text(errors="replace") for path in site.directory.rglob("*") if path.is_file()]
    admin = next(user.password for user in site.topology.objects.users if user.name == "admin")
    assert admin is not None
    for secret in (STATS_PASSWORD, reveal(admin), reveal(site.topology.erlang_cookie)):
        assert not [text for text in texts if secret in text]


def statistics(vip: IPv4Address, credentials: str) -> int:
    token = base64.b64encode(credentials.encode()).decode()
    url = f"http://{vip}:8100/haproxy?stats"
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_again_there_is_nothing_to_do_also_for_plain_ansible(site: Site) -> None:
    assert site.deploy().plans == ()
    argv = [
        "ansible-playbook",
        "-i",
        str(site.directory / "hosts.ini"),
        *site.vault.argv(),
        "playbooks/site.yml",
    ]
    environment = {"ANSIBLE_VAULT_PASSWORD_FILE": str(site.vault.password_file), "ANSIBLE_NOCOLOR": "1"}
    done = run(argv, timeout=300, cwd=share.root(), env=environment)
    assert done.ok, done.stdout + done.stderr
    assert (
        done.stdout.count("changed=0") == done.stdout.count("failed=0") == done.stdout.count("changed=") > 0
    )


@pytest.mark.matrix  # every broker restarts
def test_from_the_classic_format_to_the_new_one(site: Site) -> None:
    hosts = site.directory / "hosts.ini"
    hosts.write_text(hosts.read_text().replace("=classic", "=conf"))
    site.deploy()
    for host in BROKERS:
        assert "rabbitmq.config" not in site.shell(host, "ls /etc/rabbitmq").split()
        assert site.ask(host, "element(2, application:get_env(rabbit, heartbeat)).") == "27"
    assert site.deploy().plans == ()
