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


def shown(address: str, port: int, name: str, context: ssl.SSLContext) -> tuple[tuple[str, str], ...]:
    """The certificate's names that a verifying client of `name` sees there."""
    with (
        socket.create_connection((address, port), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        found = secure.getpeercert()
        assert found is not None
        return tuple(found["subjectAltName"])  # type: ignore[arg-type]


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
    trusting = trust.context(secured.trusted)
    for host in secured.balancers:
        for port in (15672, 8100):
            assert ("DNS", host.name) in shown(str(host.address), port, host.name, trusting)
    assert ("DNS", "mq1") in shown(str(secured.brokers[0].address), 15671, "mq1", trusting)


def test_nodes_and_tools_speak_tls_to_each_other(secured: Topology) -> None:
    """The distribution port takes whoever has a certificate of the CA, and nobody else."""
    address, own = str(secured.host("mq1").address), secured.state_dir / "tls"
    peer = ssl.create_default_context(cadata=secured.trusted)
    peer.load_cert_chain(own / "mq2.pem", own / "mq2.key")
    assert ("DNS", "mq1") in shown(address, 25672, "mq1", peer)
    with pytest.raises(ssl.SSLError, match="HANDSHAKE_FAILURE"):
        shown(address, 25672, "mq1", trust.context(secured.trusted))
    with Hosts.of(secured) as hosts:
        told = hosts.run("mq2", ["rabbitmqctl", "--quiet", "-n", "rabbit@mq1", "list_users"])
        assert told.ok, told.stderr
        assert "admin" in told.stdout
        keys = hosts.run("mq1", ["stat", "-c", "%U:%G %a", f"{OWN}/key.pem"]).stdout.strip()
        assert keys == "root:rabbitmq 640"


@pytest.mark.matrix  # a minute, for one more path of the same clients
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
