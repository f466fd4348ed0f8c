"""A cluster with TLS everywhere and plain AMQP closed: who gets in, who does not, and when it warns."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mqctl import trust
from mqctl.errors import ExitCode
from mqctl.inventory import authority
from mqctl.inventory.authority import Names, Pair
from mqctl.model.topology import Topology
from mqctl.probe.entrance import greet
from mqctl.ssh import Hosts
from mqctl.workflows.verify import verify
from tests.lab.conftest import copied, settled

pytestmark = pytest.mark.lab
OWN = "/etc/rabbitmq/tls"


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    """mirrored-3node, deployed from nothing; every gate passed, and the second plan was empty."""
    with copied("mirrored-3node", "tls", tmp_path_factory.mktemp("tls")) as inventory:
        (inventory / "group_vars" / "all" / "tls.yml").write_text("mqctl_tls: {plain: false}\n")
        yield settled(inventory)


def refuses(address: str, port: int) -> bool:
    try:
        socket.create_connection((address, port), 3).close()
    except ConnectionRefusedError:
        return True
    return False


def shown(address: str, port: int, name: str, authorities: str) -> object:
    """The certificate's names that a verifying client of `name` sees there."""
    with socket.create_connection((address, port), 5) as plain:
        secure = trust.context(authorities).wrap_socket(plain, server_hostname=name)
        with secure:
            found = secure.getpeercert()
    assert found is not None
    return found["subjectAltName"]


def test_clients_of_the_ca_get_in_and_nobody_speaks_plain(secured: Topology) -> None:
    vip, assured = str(secured.virtual_address), secured.trusted
    assert greet(vip, 5671, assured).answer == "start"
    other = authority.found("another", datetime.now(UTC)).chain
    assert "CERTIFICATE_VERIFY_FAILED" in greet(vip, 5671, other).detail
    assert greet(vip, 5671).answer == "other"
    for place in (vip, *(str(host.address) for host in secured.hosts)):
        assert refuses(place, 5672)
    assert all(refuses(str(host.address), 15672) for host in secured.brokers)


def test_pages_are_served_over_tls(secured: Topology) -> None:
    for host in secured.balancers:
        for port in (15672, 8100):
            shown(str(host.address), port, host.name, secured.trusted)
    shown(str(secured.brokers[0].address), 15671, "mq1", secured.trusted)


def test_nodes_and_tools_speak_tls_to_each_other(secured: Topology) -> None:
    """Whoever has no certificate of the CA is sent away, by an alert after the handshake (TLS 1.3)."""
    address = str(secured.host("mq1").address)
    assert ("DNS", "mq1") in tuple(shown(address, 25672, "mq1", secured.trusted))  # type: ignore[arg-type]
    with socket.create_connection((address, 25672), 5) as plain:
        stranger = trust.context(secured.trusted).wrap_socket(plain, server_hostname="mq1")
        with stranger, pytest.raises(ssl.SSLError, match="certificate"):
            stranger.recv(1)
    with Hosts.of(secured) as hosts:
        told = hosts.run("mq2", ["rabbitmqctl", "--quiet", "-n", "rabbit@mq1", "list_users"])
        assert told.ok, told.stderr
        assert "admin" in told.stdout
        keys = hosts.run("mq1", ["stat", "-c", "%U:%G %a", f"{OWN}/key.pem"]).stdout.strip()
        assert keys == "root:rabbitmq 640"


def test_a_failover_over_tls_loses_nothing(secured: Topology, tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "mqctl", "failover-test", str(secured.inventory), "-s", "kill-queue-leader"]
    done = subprocess.run([*argv, "--report", str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert done.returncode == ExitCode.DONE, done.stdout + done.stderr


def put(hosts: Hosts, host: str, pair: Pair) -> None:
    for name, text in (("cert.pem", pair.chain), ("key.pem", pair.key)):
        assert hosts.run(host, ["tee", f"{OWN}/{name}"], text).ok


def test_it_warns_before_the_end_and_a_deploy_renews_without_a_restart(secured: Topology) -> None:
    own, now = secured.state_dir / "tls", datetime.now(UTC)
    ca = Pair((own / "ca.pem").read_text(), (own / "ca.key").read_text())
    host = secured.host("mq1")
    began = now - authority.LIFE + timedelta(days=10, hours=1)
    short = authority.issue(
        ca, Names(("mq1",), (host.address, secured.virtual_address or host.address)), began
    )
    with Hosts.of(secured) as hosts:
        before = hosts.run("mq1", ["systemctl", "show", "-p", "MainPID", "rabbitmq-server"]).stdout
        put(hosts, "mq1", short)
        (result,) = [
            one for one in verify(secured).results if one.gate == "certificates" and one.outcome != "pass"
        ]
        assert (result.subject, result.outcome) == ("mq1", "fail")
        assert result.got.startswith("10 days left")
        settled(secured.inventory)
        assert hosts.run("mq1", ["systemctl", "show", "-p", "MainPID", "rabbitmq-server"]).stdout == before
