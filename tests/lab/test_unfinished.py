"""What a deploy does not finish, or does not do by itself: hosts that die, members that nobody names."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from mqctl import cli, lab
from mqctl.ansible.runner import AnsibleError
from mqctl.errors import ExitCode
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts
from mqctl.workflows.audit import log
from mqctl.workflows.deploy import Wish, deploy
from mqctl.workflows.phase import HostState, Silent
from mqctl.workflows.plan import plan

pytestmark = pytest.mark.lab


@pytest.fixture
def directory(deployed: Topology) -> Iterator[Path]:
    """The lab's inventory; what the test changes is deployed away."""
    files = {path: path.read_text() for path in deployed.inventory.rglob("*.yml")}
    change = deployed.inventory / "group_vars" / "all" / "change.yml"
    yield deployed.inventory
    change.unlink(missing_ok=True)
    for path, text in files.items():
        path.write_text(text)
    assert deploy(Wish(str(deployed.inventory)), Silent()).outcome == "pass"


def change(directory: Path, maxconn: int, text: str = "") -> None:
    """HAProxy's limit on both load balancers, and something of the brokers'."""
    (directory / "group_vars" / "all" / "change.yml").write_text(text)
    haproxy = directory / "group_vars" / "haproxy.yml"
    haproxy.write_text(haproxy.read_text().replace("haproxy_maxconn: 8000", f"haproxy_maxconn: {maxconn}"))


class Killer:
    """A Progress that cuts a host's power when a task begins on a host."""

    def __init__(self, topology: Topology, host: str, task: str) -> None:
        assert topology.lab
        self._lab, self._host, self._task = topology.lab.name, host, task
        self._once = threading.Lock()

    def phase(self, number: int, total: int, title: str) -> None:
        pass

    def host(self, host: str, message: str, state: HostState) -> None:
        if message.startswith(self._task) and self._once.acquire(blocking=False):
            lab.power_off(self._lab, self._host)


@pytest.mark.matrix  # the gate before the first restart waits five minutes for it
def test_a_host_that_dies_in_the_middle_is_told_and_the_next_deploy_finishes(
    directory: Path, deployed: Topology
) -> None:
    change(directory, 7000, "rabbitmq_channel_max: 1200\n")
    assert deployed.lab
    try:
        with pytest.raises(AnsibleError) as caught:
            deploy(Wish(str(directory)), Killer(deployed, "mq2", "Start or reload HAProxy"))
    finally:
        lab.power_on(deployed.lab.name, "mq2")
    assert caught.value.exit_code == ExitCode.CANNOT_RUN
    said = {line.partition(": ")[0]: line.partition(": ")[2] for line in caught.value.hint.splitlines()[:-1]}
    assert set(said) == {host.name for host in deployed.hosts}
    for host in ("lb1", "lb2"):
        assert said[host] == "done: 1 file, reload haproxy.service"
    for host in ("mq1", "mq2", "mq3"):
        assert said[host].startswith("done: 1 file; ")
    entry = log(str(directory), 1).entries[0]
    assert (entry.outcome, entry.exit_code, entry.command) == ("cannot run", 4, "deploy")
    assert set(entry.changed.files) == set(said)
    assert "mq2" in entry.not_done.services
    assert "mq2" not in entry.changed.services
    report = deploy(Wish(str(directory)), Silent())
    assert report.outcome == "pass"
    assert plan(str(directory)).plan.empty


def test_a_signal_is_written_down_with_what_was_done(directory: Path) -> None:
    change(directory, 7100)
    run = subprocess.Popen(
        [sys.executable, "-m", "mqctl", "deploy", str(directory)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "200"},
    )
    assert run.stderr
    for line in run.stderr:
        if "Place the files" in line:
            break
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=60)
    assert run.returncode == 128 + signal.SIGTERM
    entry = log(str(directory), 1).entries[0]
    assert (entry.outcome, entry.exit_code, entry.pid) == ("interrupted", 143, run.pid)
    assert entry.changed.files
    assert entry.not_done.services


@pytest.mark.matrix  # every broker restarts afterwards; tests/unit/deploy/test_previous.py has each step
def test_a_broker_that_does_not_boot_gets_its_configuration_back_and_the_roll_stops(
    directory: Path, deployed: Topology
) -> None:
    """Erlang refuses to start with an unknown flag; no program that checks the file knows that."""
    before = seen(deployed)
    broken = "rabbitmq_environment: {SERVER_ADDITIONAL_ERL_ARGS: +nonsense}\n"
    (directory / "group_vars" / "all" / "change.yml").write_text(broken)
    first, *others = restarts(directory)
    with pytest.raises(AnsibleError) as caught:
        deploy(Wish(str(directory)), Silent())
    assert caught.value.exit_code == ExitCode.CANNOT_RUN
    told = f"rabbit@{first} runs again, for /etc/rabbitmq/rabbitmq-env.conf was put back; rabbit@"
    assert told in f"{caught.value}\n{caught.value.hint}"
    after = seen(deployed)
    assert after[first].splitlines()[0] == before[first].splitlines()[0]
    for host in others:
        assert after[host].splitlines()[1] == before[host].splitlines()[1]
    assert sorted(restarts(directory)) == sorted([first, *others]) == ["mq1", "mq2", "mq3"]


def restarts(directory: Path) -> list[str]:
    """The hosts whose brokers a deploy would restart, in its order."""
    return [change.host for change in plan(str(directory)).plan.services if change.action == "restart"]


def seen(topology: Topology) -> dict[str, str]:
    """Of each broker's host: a digest of its environment file, the program's invocation; and that it runs."""
    script = (
        "sha256sum /etc/rabbitmq/rabbitmq-env.conf; systemctl show -p InvocationID rabbitmq-server;"
        " rabbitmqctl -q eval '3 = length(rabbit_nodes:all_running()).'"
    )
    names = [host.name for host in topology.brokers]
    with Hosts.of(topology) as hosts:
        said = {name: hosts.run(name, ["sh", "-ec", script], timeout=60) for name in names}
    assert all(output.ok for output in said.values())
    return {name: output.stdout for name, output in said.items()}


@pytest.fixture
def smaller(directory: Path, tmp_path: Path) -> Path:
    """The same inventory from elsewhere, without mq3."""
    place = tmp_path / "smaller" / directory.name
    shutil.copytree(directory, place, ignore=shutil.ignore_patterns(".mqctl", "lab.yml"))
    connection = place / "group_vars" / "all" / "connection.yml"
    connection.write_text(connection.read_text().replace("{{ inventory_dir }}", str(directory)))
    hosts = yaml.safe_load((place / "hosts.yml").read_text())
    del hosts["rabbitmq"]["hosts"]["mq3"]
    (place / "hosts.yml").write_text(yaml.safe_dump(hosts))
    accepted = place / "group_vars" / "all" / "accepted.yml"
    accepted.write_text("mqctl_accept: [pause-minority-on-two]\n")
    return place


def test_a_removed_broker_is_asked_about(smaller: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", str(smaller)]) == 0
    told = f"rabbit@mq3 runs as a member of cluster {smaller.name}, and the inventory does not name it"
    assert f"! {told}\n" in capsys.readouterr().out
    assert cli.run(["plan", str(smaller), "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["strangers"][0]["node"] == "rabbit@mq3"
    assert cli.run(["deploy", str(smaller)]) == ExitCode.REFUSED
    error = capsys.readouterr().err
    assert f"error: {told}\n\nhint: mqctl removes no member." in error
    assert "on mq1: rabbitmq-queues shrink rabbit@mq3; rabbitmqctl forget_cluster_node rabbit@mq3" in error
    assert log(str(smaller), 1).entries[0].outcome == "refused"
    assert cli.run(["plan", str(smaller), "--json"]) == 0
    after = json.loads(capsys.readouterr().out)
    assert after == before


@pytest.mark.matrix  # every broker restarts, there and back
def test_an_accepted_one_is_never_forgotten(
    deployed: Topology, smaller: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["deploy", str(smaller), "--accept-removed"]) == ExitCode.FAILED
    assert "membership" in capsys.readouterr().out
    with Hosts.of(deployed) as pool:
        said = pool.run(
            "mq1", ["rabbitmqctl", "--quiet", "cluster_status", "--formatter", "json"], timeout=60
        )
    assert "rabbit@mq3" in json.loads(said.stdout)["running_nodes"]
