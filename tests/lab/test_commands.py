"""The commands that only look, as a person calls them, on a deployed cluster."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import Any

import pytest

from mqctl.errors import ExitCode
from mqctl.model.topology import Topology
from mqctl.process import Result, run
from mqctl.ssh import Hosts

pytestmark = pytest.mark.lab

MQCTL = (sys.executable, "-m", "mqctl")


def mqctl(*arguments: str) -> Result:
    return run([*MQCTL, *arguments], timeout=120)


def healthy(document: dict[str, Any]) -> None:
    brokers = {host["host"]: host["broker"] for host in document["hosts"] if host["broker"]}
    assert {name: broker["running"] for name, broker in brokers.items()} == dict.fromkeys(
        ("mq1", "mq2", "mq3"), True
    )
    assert document["sites"][0]["holders"] in (["lb1"], ["lb2"])
    assert {queue["name"] for queue in document["queues"]} >= {"orders", "orders.dead"}


def test_status_is_one_table_or_json(deployed: Topology) -> None:
    said = mqctl("status", str(deployed.inventory))
    assert said.returncode == ExitCode.DONE
    rows = [" ".join(line.split()) for line in said.stdout.splitlines()]
    assert "Node Address Version Type State Alarms Queues led Mirrors in sync" in rows
    mq2 = deployed.host("mq2").address
    assert [row for row in rows if row.startswith(f"rabbit@mq2 {mq2} 3.10.8 disc running none")]
    healthy(json.loads(mqctl("status", str(deployed.inventory), "--json").stdout))


def test_watch_goes_on_until_ctrl_c_and_sees_a_change(deployed: Topology) -> None:
    """One line of JSON per look; a broker that stops is in one of the next lines."""
    argv = [*MQCTL, "status", str(deployed.inventory), "--watch", "--json", "--interval", "0.2"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as watch, Hosts.of(deployed) as hosts:
        assert watch.stdout is not None
        healthy(json.loads(watch.stdout.readline()))
        healthy(json.loads(watch.stdout.readline()))
        assert hosts.run("mq3", ["rabbitmqctl", "-q", "stop_app"]).ok
        try:
            looks = (json.loads(line) for line in watch.stdout)
            assert any(_running(look, "mq3") is False for look in looks)
            verified = mqctl("verify", str(deployed.inventory))
        finally:
            assert hosts.run("mq3", ["rabbitmqctl", "-q", "start_app"]).ok
        assert any(_running(look, "mq3") for look in looks)
        watch.send_signal(signal.SIGINT)
        watch.stdout.read()
        assert watch.wait(30) == ExitCode.DONE
    assert verified.returncode == ExitCode.FAILED
    assert "rabbit@mq3" in verified.stdout


def _running(look: dict[str, Any], host: str) -> bool | None:
    return next((h["broker"]["running"] for h in look["hosts"] if h["host"] == host and h["broker"]), None)


def test_verify_passes_when_everything_is_back(deployed: Topology) -> None:
    verified = mqctl("verify", str(deployed.inventory), "--wait", "90", "--json")
    assert verified.returncode == ExitCode.DONE
    assert json.loads(verified.stdout)["outcome"] == "pass"


def test_lab_exec_runs_the_command_and_has_its_exit_code(deployed: Topology) -> None:
    inventory = ("--inventory", str(deployed.inventory))
    said = mqctl("lab", "exec", *inventory, "mq2", "--", "sh", "-c", "hostname; echo 'a  b' >&2; exit 7")
    assert (said.returncode, said.stdout, said.stderr) == (7, "mq2\n", "a  b\n")
    assert mqctl("lab", "exec", *inventory, "mq9", "--", "true").returncode == ExitCode.REFUSED


def test_lab_list_has_it(deployed: Topology) -> None:
    labs = json.loads(mqctl("lab", "list", "--json").stdout)
    (found,) = [entry for entry in labs if entry["name"] == deployed.name]
    assert {host["name"] for host in found["hosts"]} == {"mq1", "mq2", "mq3", "lb1", "lb2"}
    assert {host["state"] for host in found["hosts"]} == {"running"}
