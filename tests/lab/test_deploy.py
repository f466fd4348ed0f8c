"""Deploys of a real cluster: what they change, in which order, and what they leave alone."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mqctl import process, share
from mqctl.ansible import runner
from mqctl.ansible.runner import AnsibleError, Play
from mqctl.errors import GateError
from mqctl.gates.wait import wait
from mqctl.model.topology import Topology
from mqctl.plan import for_ansible
from mqctl.ssh import Hosts
from mqctl.workflows.deploy import CLUSTER, DeployReport, Wish, deploy
from mqctl.workflows.phase import HostState
from mqctl.workflows.plan import plan

pytestmark = pytest.mark.lab

BROKERS = ("mq1", "mq2", "mq3")
BALANCERS = ("lb1", "lb2")
UNIT_KEYS = (
    "InvocationID",
    "MainPID",
    "ActiveEnterTimestampMonotonic",
    "ActiveExitTimestampMonotonic",
    "StateChangeTimestampMonotonic",
)


@dataclass
class Told:
    """A Progress that remembers."""

    phases: list[str] = field(default_factory=list)
    lines: list[tuple[str, str, str, HostState]] = field(default_factory=list)

    def phase(self, number: int, total: int, title: str) -> None:
        self.phases.append(title)

    def host(self, host: str, message: str, state: HostState) -> None:
        self.lines.append((self.phases[-1], host, message, state))

    def applied(self) -> list[tuple[str, str]]:
        """(host, message) of what Ansible changed."""
        return [(h, m) for phase, h, m, s in self.lines if phase == "Apply with Ansible" and s == "changed"]


@dataclass(frozen=True)
class Bench:
    """The deployed cluster under a deploy test."""

    topology: Topology

    @property
    def directory(self) -> Path:
        return self.topology.inventory

    def deploy(self, limit: str | None = None) -> tuple[DeployReport, Told]:
        told = Told()
        return deploy(Wish(str(self.directory), limit=limit), told), told

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.directory / "group_vars" / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def append(self, file: str, text: str) -> None:
        path = self.directory / "group_vars" / file
        path.write_text(path.read_text() + text)

    def shell(self, host: str, script: str) -> str:
        with Hosts.of(self.topology) as hosts:
            output = hosts.run(host, ["sh", "-ec", script], timeout=120)
        assert output.ok, output.stderr
        return output.stdout

    def answers(self, host: str, script: str) -> bool:
        with Hosts.of(self.topology) as hosts:
            return hosts.run(host, ["sh", "-ec", script], timeout=60).ok

    def unit(self, host: str, name: str) -> dict[str, str]:
        said = self.shell(host, f"systemctl show -p {','.join(UNIT_KEYS)} {name}")
        return dict(line.split("=", 1) for line in said.splitlines())

    def units(self, hosts: tuple[str, ...], name: str) -> dict[str, dict[str, str]]:
        return {host: self.unit(host, name) for host in hosts}

    def holder(self) -> list[str]:
        address = str(self.topology.virtual_address)
        return [host for host in BALANCERS if address in self.shell(host, "ip -4 addr show")]


@pytest.fixture
def bench(deployed: Topology) -> Iterator[Bench]:
    """The cluster as deployed; the test's changes to the inventory are undone and deployed away."""
    files = {path: path.read_text() for path in deployed.inventory.rglob("*.yml")}
    found = Bench(deployed)
    yield found
    for path, text in files.items():
        path.write_text(text)
    report, _ = found.deploy()
    assert report.outcome == "pass"


def test_the_bundled_topology_deploys_from_nothing(deployed: Topology, bench: Bench) -> None:
    members = json.loads(bench.shell("mq2", "rabbitmqctl -q cluster_status --formatter json"))
    assert sorted(members["disk_nodes"]) == ["rabbit@mq1", "rabbit@mq2", "rabbit@mq3"]
    assert len(bench.holder()) == 1


def test_a_second_deploy_changes_nothing_and_does_not_start_ansible(bench: Bench) -> None:
    report, told = bench.deploy()
    assert report.plans == ()
    assert report.outcome == "pass"
    assert told.phases == [
        "Read the inventory",
        "Bring up the lab",
        "Look at the hosts",
        "Plan",
        "Apply with Ansible",
        "Read back",
        "Judge",
    ]
    apply = [line for line in told.lines if line[0] == "Apply with Ansible"]
    assert apply == [("Apply with Ansible", CLUSTER, "nothing to change, Ansible is not needed", "ok")]


def plain(bench: Bench, *options: str) -> str:
    """Plain ansible-playbook, as a person calls it in a checkout."""
    argv = ["ansible-playbook", "-i", str(bench.directory), *options, "playbooks/site.yml"]
    done = process.run(argv, timeout=300, cwd=share.root(), env={"ANSIBLE_NOCOLOR": "1"})
    assert done.ok, done.stdout + done.stderr
    return done.stdout


def test_plain_ansible_reports_no_change(bench: Bench) -> None:
    said = plain(bench)
    recap = re.findall(r"changed=(\d+) +unreachable=(\d+) +failed=(\d+)", said)
    assert recap
    assert set(recap) == {("0", "0", "0")}


def test_plain_check_mode_shows_masked_diffs_and_changes_nothing(bench: Bench) -> None:
    before = bench.shell("lb1", "sha256sum /etc/haproxy/haproxy.cfg")
    bench.edit("haproxy.yml", "haproxy_timeout_client: 90", "haproxy_timeout_client: 95")
    said = plain(bench, "--check", "--diff")
    assert "+    timeout client 95s" in said
    secrets = (bench.directory / "group_vars" / "all" / "secrets.yml").read_text()
    for secret in re.findall(r": (\w{8,})$", secrets, re.MULTILINE):
        assert secret not in said
    assert bench.shell("lb1", "sha256sum /etc/haproxy/haproxy.cfg") == before


def test_one_changed_policy_touches_one_broker(bench: Bench) -> None:
    before = bench.units(BROKERS, "rabbitmq-server")
    bench.edit("rabbitmq.yml", "    apply-to: queues\n", "    apply-to: queues\n    priority: 3\n")
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert report.plans[0].hosts == ()
    assert len(told.applied()) == 1
    assert told.applied()[0][0] in BROKERS
    assert bench.units(BROKERS, "rabbitmq-server") == before
    assert '"priority":3' in bench.shell("mq3", "rabbitmqctl -q list_policies --formatter json")


def test_a_changed_timer_reloads_haproxy_everywhere_and_restarts_nothing_the_holder_last(
    bench: Bench,
) -> None:
    before, routers = bench.units(BALANCERS, "haproxy"), bench.units(BALANCERS, "keepalived")
    brokers = bench.units(BROKERS, "rabbitmq-server")
    (holder,) = bench.holder()
    bench.edit("haproxy.yml", "haproxy_timeout_client: 90", "haproxy_timeout_client: 95")
    report, _ = bench.deploy()
    after = bench.units(BALANCERS, "haproxy")
    assert report.outcome == "pass"
    for host in BALANCERS:
        assert after[host]["MainPID"] == before[host]["MainPID"]
        assert after[host]["InvocationID"] == before[host]["InvocationID"]
        assert "timeout client 95s" in bench.shell(host, "cat /etc/haproxy/haproxy.cfg")
    (standby,) = set(BALANCERS) - {holder}
    reloaded = {host: int(after[host]["StateChangeTimestampMonotonic"]) for host in BALANCERS}
    assert reloaded[standby] > int(before[standby]["StateChangeTimestampMonotonic"])
    assert reloaded[standby] < reloaded[holder]
    assert bench.units(BALANCERS, "keepalived") == routers
    assert bench.units(BROKERS, "rabbitmq-server") == brokers
    assert bench.holder() == [holder]


def test_keepalived_is_reloaded_and_the_address_stays(bench: Bench) -> None:
    before, holder = bench.units(BALANCERS, "keepalived"), bench.holder()
    bench.append("keepalived.yml", "keepalived_check_fall: 3\n")
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert {host for host, message in told.applied() if "reloaded" in message} == set(BALANCERS)
    after = bench.units(BALANCERS, "keepalived")
    assert [after[h]["MainPID"] for h in BALANCERS] == [before[h]["MainPID"] for h in BALANCERS]
    assert bench.holder() == holder


def test_a_refused_configuration_replaces_and_restarts_nothing(bench: Bench) -> None:
    before = bench.units(BROKERS, "rabbitmq-server")
    files = {host: bench.shell(host, "ls -la --time-style=full-iso /etc/rabbitmq/*") for host in BROKERS}
    bench.append("rabbitmq.yml", "rabbitmq_extra_conf:\n  no_such_key.at_all: 1\n")
    with pytest.raises(AnsibleError, match=r"rabbitmq\.conf: refused by") as caught:
        bench.deploy()
    assert "no_such_key.at_all" in caught.value.message
    assert caught.value.exit_code == 4
    assert {
        host: bench.shell(host, "ls -la --time-style=full-iso /etc/rabbitmq/*") for host in BROKERS
    } == files
    assert bench.units(BROKERS, "rabbitmq-server") == before


def test_a_broker_setting_restarts_them_one_at_a_time(bench: Bench) -> None:
    before = bench.units(BROKERS, "rabbitmq-server")
    bench.append("rabbitmq.yml", "rabbitmq_heartbeat: 29\n")
    report, told = bench.deploy()
    after = bench.units(BROKERS, "rabbitmq-server")
    assert report.outcome == "pass"
    assert all(after[host]["InvocationID"] != before[host]["InvocationID"] for host in BROKERS)
    down = sorted(
        (int(unit["ActiveExitTimestampMonotonic"]), int(unit["ActiveEnterTimestampMonotonic"]))
        for unit in after.values()
    )
    for (_, up_again), (next_down, _) in itertools.pairwise(down):
        assert up_again < next_down
    assert [host for host, message in told.applied() if "restarted" in message] == [
        change.host for change in report.plans[0].services if change.action == "restart"
    ]


def test_an_interrupted_roll_is_finished_by_the_next_deploy(bench: Bench) -> None:
    before = bench.units(BROKERS, "rabbitmq-server")
    bench.append("rabbitmq.yml", "rabbitmq_heartbeat: 28\n")
    script = (
        "from mqctl.workflows.deploy import Wish, deploy\nfrom tests.lab.test_deploy import Loud\n"
        f"deploy(Wish({str(bench.directory)!r}), Loud())\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    with child.stdout as output:
        for line in output:
            if "restarted" in line:
                os.kill(child.pid, signal.SIGINT)
                break
        output.read()
    assert child.wait(60) != 0
    changed = [host for host in BROKERS if bench.unit(host, "rabbitmq-server") != before[host]]
    assert 1 <= len(changed) < 3
    report, _ = bench.deploy()
    assert report.outcome == "pass"
    assert report.plans


class Loud(Told):
    """Prints what it is told."""

    def host(self, host: str, message: str, state: HostState) -> None:
        print(host, message, state, flush=True)


def test_stopped_brokers_are_started_together(bench: Bench) -> None:
    for host in BROKERS:
        bench.shell(host, "systemctl stop rabbitmq-server")
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert {host for host, message in told.applied() if "started" in message} == set(BROKERS)


WIPE = "systemctl stop rabbitmq-server; rm -rf /var/lib/rabbitmq/mnesia"


def test_a_broker_that_lost_its_disc_joins_again(bench: Bench) -> None:
    bench.shell("mq1", WIPE)
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert [host for host, message in told.applied() if "joined" in message] == ["mq1"]


LONE = (
    "rabbitmqctl -q set_policy lone ^lone '{\"max-length\":5}' --priority 9 && rabbitmqctl -q eval "
    '\'rabbit_amqqueue:declare({resource,<<"/">>,queue,<<"lone">>},true,false,[],none,<<"x">>), ok.\''
)
"""A policy without mirrors, and a queue of it on this very broker."""


def test_the_only_copy_on_a_lost_disc_is_given_up_by_a_person(bench: Bench) -> None:
    bench.shell("mq2", LONE)
    bench.shell("mq2", WIPE)
    with pytest.raises(GateError) as caught:
        bench.deploy()
    assert caught.value.message == "mq2: its node database is gone, and it had the only copy of lone in /"
    assert "rabbitmqctl forget_cluster_node rabbit@mq2 on mq1" in caught.value.hint
    bench.shell("mq1", "rabbitmqctl -q forget_cluster_node rabbit@mq2; rabbitmqctl -q clear_policy lone")
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert [host for host, message in told.applied() if "joined" in message] == ["mq2"]


def test_a_blank_broker_waits_for_the_cluster_and_never_founds_its_own(bench: Bench, tmp_path: Path) -> None:
    """Its peers stay down: the deploy of it fails within its bound, and the next one heals everything."""
    bench.shell("mq3", WIPE)
    for host in ("mq1", "mq2"):
        bench.shell(host, "systemctl stop rabbitmq-server")
    planned = plan(str(bench.directory))
    document = for_ansible(planned.plan, planned.topology, planned.status)
    document["groups"]["mqctl_brokers_start"] = []
    document["objects"], document["groups"]["mqctl_objects"] = None, []
    impatient = tmp_path / "impatient"
    impatient.write_text("[all:vars]\nrabbitmq_boot_timeout=20\n")
    sources = Play("apply.yml", bench.directory, ("-i", str(impatient)))
    with pytest.raises(AnsibleError, match="rabbit@mq3 is not up: it goes on waiting for one of rabbit@mq1"):
        runner.run(sources, document, lambda _: None)
    assert bench.shell("mq3", "systemctl is-active rabbitmq-server || true").strip() == "activating"
    assert "schema" not in bench.shell("mq3", "ls /var/lib/rabbitmq/mnesia/rabbit@mq3")
    report, _ = bench.deploy()
    assert report.outcome == "pass"


def test_a_limited_deploy_touches_no_other_host(bench: Bench) -> None:
    bench.edit("haproxy.yml", "haproxy_timeout_client: 90", "haproxy_timeout_client: 95")
    report, told = bench.deploy(limit="lb2")
    assert {host for host, _ in told.applied()} == {"lb2"}
    assert "timeout client 90s" in bench.shell("lb1", "cat /etc/haproxy/haproxy.cfg")
    assert report.plans[0].hosts == ("lb2",)


def test_brokers_that_all_wait_for_a_founder_get_one(bench: Bench) -> None:
    """What an interrupted first deploy leaves: every broker blank, none of them may found a cluster."""
    for script in (WIPE, "systemctl start --no-block rabbitmq-server"):
        for host in BROKERS:
            bench.shell(host, script)
    coordination = "test -d /var/lib/rabbitmq/mnesia/rabbit@{0}/coordination"
    for host in BROKERS:
        wait(
            lambda host=host: bench.answers(host, coordination.format(host)),  # type: ignore[misc]
            timeout=60,
            what=f"{host} waits for its peers",
        )
    report, told = bench.deploy()
    assert report.outcome == "pass"
    assert [host for host, message in told.applied() if "founded" in message] == ["mq1"]
