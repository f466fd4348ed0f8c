"""The same tool on hosts that it did not make: a user with sudo, another SSH port, nothing installed yet."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from mqctl import cli
from mqctl.process import Result, run
from tests.lab import subnets
from tests.lab.conftest import be_patient
from tests.lab.leftovers import own_name
from tests.lab.real_hosts import PORT, USER, real_hosts

pytestmark = pytest.mark.lab

BROKERS = {"mq1": 11, "mq2": 12, "mq3": 13}
BALANCERS = {"lb1": 21, "lb2": 22}
VIP = 100
UNITS = ("rabbitmq-server", "haproxy", "keepalived")


class Site:
    """The hosts, and the inventory that `mqctl init` wrote for them."""

    def __init__(self, place: Path, subnet: IPv4Network, hosts: dict[str, Any]) -> None:
        self.place, self.subnet, self.hosts = place, subnet, hosts
        self.directory = place / "site"

    def ssh(self, host: str, command: str) -> Result:
        address = self.subnet[(BROKERS | BALANCERS)[host]]
        known = f"UserKnownHostsFile={self.place / 'known_hosts'}"
        argv = [
            "ssh",
            "-i",
            str(self.place / "id"),
            "-p",
            str(PORT),
            "-o",
            known,
            f"{USER}@{address}",
            command,
        ]
        return run(argv, timeout=60)

    def trust(self) -> None:
        """What a person does after comparing the fingerprints."""
        variables = self.directory / "group_vars" / "all" / "connection.yml"
        known = self.place / "known_hosts"
        variables.write_text(
            f'{variables.read_text()}ansible_ssh_common_args: "-o UserKnownHostsFile={known}"\n'
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("real")
    subnet = subnets.take()
    addresses = {host: str(subnet[number]) for host, number in (BROKERS | BALANCERS).items()}
    with real_hosts(own_name("real"), addresses, str(subnet), place) as hosts:
        yield Site(place, subnet, hosts)


def listed(site: Site, numbers: Iterable[int]) -> str:
    return ",".join(str(site.subnet[number]) for number in numbers)


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return code, said.out, said.err


def test_init_writes_their_inventory(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--brokers", listed(site, BROKERS.values()), "--balancers", listed(site, BALANCERS.values())]
    options += ["--vip", f"{site.subnet[VIP]}/24", "--interface", "eth0"]
    options += ["--user", USER, "--port", str(PORT), "--key", str(site.place / "id")]
    code, _, _ = call(capsys, "init", "mirrored-3node", str(site.directory), *options)
    assert code == 0
    be_patient(site.directory)


def test_unknown_host_keys_are_refused_and_nothing_is_changed(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, err = call(capsys, "deploy", str(site.directory))
    assert code == 4
    assert "host key" in err
    site.trust()
    for host in site.hosts:
        assert not site.ssh(host, "command -v rabbitmqctl || command -v haproxy").ok


def test_deploy_installs_and_proves(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = call(capsys, "deploy", str(site.directory), "--json")
    assert code == 0, err + out
    assert json.loads(out)["outcome"] == "pass"
    for host in BROKERS:
        assert site.ssh(host, "systemctl is-active rabbitmq-server").stdout == "active\n"
        assert (
            site.ssh(host, "sudo stat -c '%U %a' /var/lib/rabbitmq/.erlang.cookie").stdout == "rabbitmq 400\n"
        )


def test_second_deploy_has_nothing_to_do(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "plan", str(site.directory), "--exit-code")[0] == 0
    code, out, err = call(capsys, "deploy", str(site.directory))
    assert code == 0
    assert "nothing to change" in out + err


def test_faults_on_real_hosts_ask_first(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "failover-test", str(site.directory), "--scenario", "kill-queue-leader")
    assert code == 2
    assert "--yes" in err


def test_failover_over_ssh_alone(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    scenarios = ["-s", "kill-queue-leader", "-s", "power-off-vip-holder"]
    code, out, err = call(capsys, "failover-test", str(site.directory), "--yes", "--json", *scenarios)
    assert code == 0, err + out
    report = json.loads(out)
    assert [verdict["outcome"] for verdict in report["verdicts"]] == ["pass", "pass"]
    assert all(
        verdict["messages"]["lost"] == 0 < verdict["messages"]["confirmed"] for verdict in report["verdicts"]
    )


def test_destroy_wants_the_name_typed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "destroy", str(site.directory), "--yes-destroy", "something-else")[0] == 2
    assert site.ssh("mq1", "systemctl is-active rabbitmq-server").ok


def test_destroy_takes_away_what_mqctl_placed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "destroy", str(site.directory), "--yes-destroy", "site", "--data")
    assert code == 0, err
    for host in site.hosts:
        for unit in UNITS:
            assert not site.ssh(host, f"systemctl is-active {unit}").ok
        assert not site.ssh(host, "grep mqctl /etc/hosts").ok
        assert not site.ssh(host, f"ip address | grep {site.subnet[VIP]}/").ok
