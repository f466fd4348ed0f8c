"""What stands in the way of a deploy: one clear error, its exit code, and nothing changed anywhere."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import pytest

from mqctl import cli
from mqctl.errors import ExitCode
from mqctl.model.topology import Topology
from mqctl.process import run
from mqctl.ssh import Hosts
from tests.lab.subnets import beginning

pytestmark = pytest.mark.lab

STATE = """
cat /etc/hosts /etc/rabbitmq/* /etc/haproxy/haproxy.cfg /etc/keepalived/* 2>/dev/null | sha256sum
systemctl show -p InvocationID,StateChangeTimestampMonotonic rabbitmq-server haproxy keepalived
"""


@dataclass(frozen=True)
class Site:
    """The deployed hosts as somebody's real ones, in an inventory that would change every one of them."""

    topology: Topology
    directory: Path

    @property
    def net(self) -> str:
        """What every address begins with."""
        assert self.topology.lab is not None
        return beginning(self.topology.lab.subnet)

    def say(self, host: str, line: str) -> None:
        """A variable of one host."""
        path = self.directory / "host_vars" / f"{host}.yml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{path.read_text() if path.exists() else ''}{line}\n")

    def states(self) -> dict[str, str]:
        with Hosts.of(self.topology) as hosts:
            return {
                host.name: hosts.run(host.name, ["sh", "-c", STATE]).stdout for host in self.topology.hosts
            }


@pytest.fixture
def site(deployed: Topology, tmp_path: Path) -> Site:
    directory = tmp_path / "site"
    shutil.copytree(deployed.inventory, directory, ignore=shutil.ignore_patterns("failover*"))
    (directory / "group_vars" / "all" / "lab.yml").unlink()
    for file, line in (("rabbitmq", "rabbitmq_heartbeat: 25"), ("haproxy", "haproxy_retries: 5")):
        path = directory / "group_vars" / f"{file}.yml"
        path.write_text(f"{path.read_text()}{line}\n")
    return Site(deployed, directory)


def wrong_key(site: Site) -> AbstractContextManager[None]:
    """Every host would refuse this key."""
    key = site.directory / ".mqctl" / "id_ed25519"
    key.unlink()
    assert run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], timeout=30, stdin="y\n").ok
    return nullcontext()


def wrong_key_for_one(site: Site) -> AbstractContextManager[None]:
    other = site.directory / "other"
    assert run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], timeout=30).ok
    site.say("lb2", f"ansible_ssh_private_key_file: {other}")
    return nullcontext()


def unreachable(site: Site) -> AbstractContextManager[None]:
    hosts = site.directory / "hosts.yml"
    hosts.write_text(hosts.read_text().replace(f"{site.net}13", f"{site.net}99"))
    return nullcontext()


def two_unreachable(site: Site) -> AbstractContextManager[None]:
    site.say("lb1", "ansible_port: 2222")
    return unreachable(site)


@contextmanager
def without_python(site: Site) -> Iterator[None]:
    """The host itself has none; SSH alone takes it away and brings it back."""
    with Hosts.of(site.topology) as hosts:
        assert hosts.run("lb2", ["mv", "/usr/bin/python3", "/usr/bin/python3.gone"]).ok
        try:
            yield
        finally:
            assert hosts.run("lb2", ["mv", "/usr/bin/python3.gone", "/usr/bin/python3"]).ok


Obstacle = Callable[[Site], AbstractContextManager[None]]
OBSTACLES: dict[Obstacle, tuple[str, ...]] = {
    wrong_key: (
        "error: no plan: 5 hosts did not answer:",
        "  - mq1: {net}11 did not let user root in (offered: key ",
        "hint: is the public key in ~root/.ssh/authorized_keys, are ansible_user and",
    ),
    wrong_key_for_one: ("error: no plan: lb2: {net}22 did not let user root in (offered: key ",),
    unreachable: ("error: no plan: mq3: no route to {net}99 port 22", "hint: is the host up, and "),
    two_unreachable: (
        "error: no plan: 2 hosts did not answer:",
        "  - mq3: no route to {net}99 port 22",
        "  - lb1: {net}21 port 2222 refused the connection",
        "hint: ",
    ),
    without_python: ("error: no plan: lb2: there is no /usr/bin/python3", "hint: "),
}


@pytest.mark.parametrize("obstacle", OBSTACLES, ids=lambda obstacle: obstacle.__name__)
def test_a_host_that_cannot_be_asked_stops_everything(
    site: Site, obstacle: Obstacle, capsys: pytest.CaptureFixture[str]
) -> None:
    before = site.states()
    assert len(set(before.values())) == 5
    with obstacle(site):
        code = cli.run(["deploy", str(site.directory)])
        told = capsys.readouterr()
    assert code == ExitCode.CANNOT_RUN
    for line in OBSTACLES[obstacle]:
        assert f"\n{line.format(net=site.net)}" in f"\n{told.err}"
    assert "Traceback" not in told.err
    assert "Apply with Ansible" not in told.out + told.err
    assert site.states() == before


@pytest.mark.parametrize("limit", ["", ","])
def test_an_empty_limit_is_not_all(site: Site, limit: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = site.states()
    assert cli.run(["deploy", str(site.directory), "--limit", limit]) == ExitCode.REFUSED
    assert "\nerror: --limit is empty\n\nhint: leave it out for all hosts, or name some of mq1, mq2" in (
        f"\n{capsys.readouterr().err}"
    )
    assert site.states() == before


def test_without_an_obstacle_it_would_change_them(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Else the tests above could not fail."""
    assert cli.run(["plan", str(site.directory), "--exit-code"]) == ExitCode.CHANGES
    said = capsys.readouterr().out
    assert "/etc/rabbitmq/rabbitmq.conf" in said
    assert "/etc/haproxy/haproxy.cfg" in said
