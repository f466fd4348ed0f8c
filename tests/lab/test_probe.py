"""The probe and SSH against real hosts: what a broker says of itself, what stands in the way."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from mqctl import lab
from mqctl.model.bundle import FileSpec, HostBundle, ServiceSpec
from mqctl.model.lab import LabSpec
from mqctl.model.status import BrokerStatus, HostStatus
from mqctl.model.topology import Connection, Topology
from mqctl.probe.run import probe
from mqctl.process import run
from mqctl.ssh import Hosts, SshError, connect
from tests import topologies
from tests.lab.conftest import own_lab

pytestmark = pytest.mark.lab

PASSWORD = 'sudo\'s "pass word" ü'
SETUP = f"""set -e
printf '[].\\n' > /etc/rabbitmq/enabled_plugins
systemctl start rabbitmq-server
useradd -m -s /bin/sh deploy
useradd -m -s /bin/sh free
useradd -m -s /bin/sh outsider
for user in deploy free outsider; do
  printf '%s:%s\\n' $user {shlex.quote(PASSWORD)} | chpasswd
  keys=$(getent passwd $user | cut -d: -f6)/.ssh
  install -d -m 700 -o $user -g $user $keys
  install -m 600 -o $user -g $user ~/.ssh/authorized_keys $keys/authorized_keys
done
printf 'deploy ALL=(ALL) ALL\\nfree ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/test
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSpec]:
    with own_lab("probe", tmp_path_factory.mktemp("test-probe"), {"mq1": 11, "mq2": 12}) as found:
        as_root(found, SETUP)
        yield found


def addresses(spec: LabSpec) -> dict[str, IPv4Address]:
    return {host.name: host.address for host in spec.hosts}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No key, no agent, no configuration of whoever runs the tests."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def as_root(spec: LabSpec, script: str, host: str = "mq1") -> str:
    done = run([*lab.ssh_argv(spec.state_dir, addresses(spec)[host]), "sh"], stdin=script, timeout=120)
    assert done.ok, done.stderr
    return done.stdout


def reach(spec: LabSpec, name: str = "mq1", **changes: Any) -> Connection:
    fields: dict[str, Any] = {
        "host": str(addresses(spec)[name]),
        "user": "root",
        "private_key": spec.state_dir / "id_ed25519",
        "ssh_options": {
            "userknownhostsfile": str(spec.state_dir / "known_hosts"),
            "stricthostkeychecking": "yes",
        },
    }
    return Connection.model_validate({**fields, **changes})


def told(connection: Connection, timeout: float = 10) -> SshError:
    with Hosts({"mq1": connection}, timeout) as hosts, pytest.raises(SshError) as caught:
        hosts.python("mq1", "print(1)")
    assert caught.value.exit_code == 4
    return caught.value


# What stands in the way.


def test_a_key_that_is_not_authorised(spec: LabSpec, tmp_path: Path) -> None:
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "other")], timeout=30)
    error = told(reach(spec, private_key=tmp_path / "other"))
    assert error.kind == "authentication"
    assert error.reason == f"{spec.subnet[11]} did not let user root in (offered: key {tmp_path}/other)"


def test_a_port_where_nothing_listens(spec: LabSpec) -> None:
    error = told(reach(spec, port=2222))
    assert (error.kind, error.reason) == ("refused", f"{spec.subnet[11]} port 2222 refused the connection")


def test_an_address_where_nobody_is(spec: LabSpec) -> None:
    error = told(reach(spec, host=str(spec.subnet[99])), timeout=2)
    assert error.kind in ("no route", "timeout")
    assert f"{spec.subnet[99]} port 22" in error.reason


def test_another_host_key(spec: LabSpec, tmp_path: Path) -> None:
    key = (spec.state_dir / "id_ed25519.pub").read_text().split()
    (tmp_path / "known_hosts").write_text(f"{spec.subnet[11]} {key[0]} {key[1]}\n")
    error = told(reach(spec, ssh_options={"userknownhostsfile": str(tmp_path / "known_hosts")}))
    assert error.kind == "host key changed"
    assert error.reason.startswith(f"the host key of {spec.subnet[11]} CHANGED (it shows ssh-ed25519 SHA256:")


def test_an_unknown_host_key(spec: LabSpec, tmp_path: Path) -> None:
    options = {"userknownhostsfile": str(tmp_path / "none")}
    error = told(reach(spec, ssh_options=options))
    assert error.kind == "host key unknown"
    assert error.hint.endswith(f"ssh-keyscan {spec.subnet[11]} >> {tmp_path}/none")
    assert not (tmp_path / "none").exists()


def test_an_unknown_host_key_that_the_inventory_accepts(spec: LabSpec, tmp_path: Path) -> None:
    known = tmp_path / "new" / "known_hosts"
    accept = {"userknownhostsfile": str(known), "stricthostkeychecking": "accept-new"}
    with closing(connect("mq1", reach(spec, ssh_options=accept))) as session:
        assert session.run(["true"]).ok
    assert known.read_text().startswith(f"{spec.subnet[11]} ssh-ed25519 ")
    strict = {"userknownhostsfile": str(known), "stricthostkeychecking": "yes"}
    with closing(connect("mq1", reach(spec, ssh_options=strict))) as session:
        assert session.run(["true"]).ok
    careless = {"userknownhostsfile": "/dev/null", "stricthostkeychecking": "no"}
    with closing(connect("mq1", reach(spec, ssh_options=careless))) as session:
        assert session.run(["true"]).ok


def test_no_python(spec: LabSpec) -> None:
    error = told(reach(spec, python="/usr/bin/python9"))
    assert (error.kind, error.reason) == ("python", "there is no /usr/bin/python9")
    error = told(reach(spec, user="free", become=True, python="/usr/bin/python9"))
    assert (error.kind, error.reason) == ("python", "there is no /usr/bin/python9")


@contextmanager
def without(spec: LabSpec, program: str) -> Iterator[None]:
    as_root(spec, f"mv {program} {program}.gone")
    try:
        yield
    finally:
        as_root(spec, f"mv {program}.gone {program}")


def test_no_sudo(spec: LabSpec) -> None:
    with without(spec, "/usr/bin/sudo"):
        error = told(reach(spec, user="free", become=True))
        assert (error.kind, error.reason) == ("sudo", "sudo is not installed")


def test_sudo_that_asks_or_refuses(spec: LabSpec) -> None:
    asks = told(reach(spec, user="deploy", become=True))
    assert (asks.kind, asks.reason) == ("sudo", "sudo asks user deploy for a password")
    wrong = told(reach(spec, user="deploy", become=True, become_password="wrong"))
    assert (wrong.kind, wrong.reason) == ("sudo", "sudo refused the password of user deploy")
    outsider = told(reach(spec, user="outsider", become=True, become_password=PASSWORD))
    assert (outsider.kind, outsider.reason) == ("sudo", "user outsider may not use sudo")


@pytest.mark.parametrize(
    ("user", "password"), [("free", None), ("free", PASSWORD), ("deploy", PASSWORD), ("root", None)]
)
def test_sudo_that_lets_us_in(spec: LabSpec, user: str, password: str | None) -> None:
    """The program's input is exactly ours, also where sudo does not ask for the password that we have."""
    connection = reach(spec, user=user, become=True, become_password=password)
    with closing(connect("mq1", connection)) as session:
        argv = ["sh", "-c", "id -u; cat; echo said >&2; exit 3"]
        output = session.run(argv, stdin="a'b\n$c ü\n")
        again = session.run(["cat", "/proc/self/cmdline"])
    assert (output.returncode, output.stdout, output.stderr) == (3, "0\na'b\n$c ü\n", "said\n")
    assert again.ok
    assert "pass word" not in again.stdout


def test_a_command_that_does_not_end(spec: LabSpec) -> None:
    with Hosts({"mq1": reach(spec)}) as hosts:
        with pytest.raises(SshError, match=r"^mq1: sleep did not end within 0\.5 s$"):
            hosts.run("mq1", ["sleep", "60"], timeout=0.5)
        assert hosts.run("mq1", ["echo", "a b", "$HOME"]).stdout == "a b $HOME\n"


def test_a_frozen_host_and_a_connection_that_was_cut(spec: LabSpec) -> None:
    with Hosts({"mq2": reach(spec, "mq2")}, timeout=2) as hosts:
        assert hosts.run("mq2", ["true"]).ok
        lab.pause(spec.name, "mq2")
        try:
            with pytest.raises(SshError) as caught:
                hosts.run("mq2", ["true"], timeout=1)
            assert caught.value.kind == "timeout"
            with pytest.raises(SshError, match="port 22 accepts connections and says nothing within 2 s"):
                hosts.run("mq2", ["true"])
        finally:
            lab.unpause(spec.name, "mq2")
        assert hosts.run("mq2", ["true"]).ok


def test_through_a_jump_host_of_the_users_configuration(spec: LabSpec, home: Path) -> None:
    (home / ".ssh").mkdir()
    (home / ".ssh/config").write_text(
        f"Host jump\n  HostName {spec.subnet[11]}\n  User free\n  IdentityFile {spec.state_dir}/id_ed25519\n"
        f"  UserKnownHostsFile {spec.state_dir}/known_hosts\n"
    )
    options = {"userknownhostsfile": str(spec.state_dir / "known_hosts"), "proxyjump": "jump"}
    with closing(connect("mq2", reach(spec, "mq2", ssh_options=options))) as session:
        assert (
            session.run(["sh", "-c", "echo ${SSH_CLIENT%% *}; hostname"]).stdout
            == f"{spec.subnet[11]}\nmq2\n"
        )
    with pytest.raises(SshError, match=f"the jump host cannot reach {spec.subnet[12]} port 2222"):
        connect("mq2", reach(spec, "mq2", port=2222, ssh_options=options))


# What a host says.


def topology(spec: LabSpec, **changes: Any) -> Topology:
    host = topologies.broker("mq1", str(spec.subnet[11]), plugins=[])
    host = host.model_copy(update={"connection": reach(spec, **changes)})
    return topologies.topology("test-probe", (host,))


def bundle() -> HostBundle:
    def file(path: str, *effects: Any, **more: Any) -> FileSpec:
        return FileSpec(path=path, component="rabbitmq", content=SecretStr(""), effects=effects, **more)

    return HostBundle(
        host="mq1",
        packages=("rabbitmq-server", "no-such-package"),
        files=(
            file("/etc/rabbitmq/enabled_plugins", "restart-broker"),
            file("/var/lib/rabbitmq/.erlang.cookie", "restart-broker", secrecy="secret"),
            file("/etc/rabbitmq/nothing", "none"),
        ),
        services=(ServiceSpec(unit="rabbitmq-server.service", component="rabbitmq"),),
    )


def asked(spec: LabSpec, **changes: Any) -> HostStatus:
    return probe(topology(spec, **changes), {"mq1": bundle()}).hosts[0]


def broker(spec: LabSpec) -> BrokerStatus:
    found = asked(spec)
    assert found.error is None
    assert found.broker is not None
    return found.broker


def test_a_running_broker(spec: LabSpec) -> None:
    host = asked(spec)
    assert (host.error, host.os) == (None, "debian bookworm")
    assert host.packages["no-such-package"] is None
    assert host.candidates == {"no-such-package": None}
    cookie = host.files["/var/lib/rabbitmq/.erlang.cookie"]
    assert (cookie.owner, cookie.mode, cookie.content, len(cookie.sha256)) == ("rabbitmq", "0400", None, 64)
    plugins = host.files["/etc/rabbitmq/enabled_plugins"].content
    assert plugins is not None
    assert plugins.get_secret_value() == "[].\n"
    assert not host.files["/etc/rabbitmq/nothing"].exists
    assert host.addresses["eth0"] == (addresses(spec)["mq1"],)
    assert host.broker is not None
    assert (host.broker.running, host.broker.node, host.broker.blank) == (True, "rabbit@mq1", False)
    assert host.broker.members == host.broker.disc_members == ("rabbit@mq1",)
    assert host.broker.definitions is not None
    assert [user["name"] for user in host.broker.definitions["users"]] == ["guest"]


@pytest.mark.parametrize("user", ["free", "deploy"])
def test_through_sudo(spec: LabSpec, user: str) -> None:
    host = asked(spec, user=user, become=True, become_password=PASSWORD)
    assert host.error is None
    assert host.broker is not None
    assert host.broker.running


def test_without_sudo(spec: LabSpec) -> None:
    host = asked(spec, user="free")
    assert (host.error, host.hint) == (
        "user free is not root",
        "set ansible_become: true, or ansible_user: root",
    )


def test_without_erl_call(spec: LabSpec) -> None:
    programs = as_root(
        spec, "readlink -f /usr/bin/erl_call; ls /usr/lib/erlang/lib/erl_interface-*/bin/erl_call"
    )
    program = programs.split()[0]
    with without(spec, program):
        assert broker(spec).running


def test_a_stopped_application_and_a_stopped_unit(spec: LabSpec) -> None:
    as_root(spec, "rabbitmqctl -q stop_app")
    stopped = broker(spec)
    as_root(spec, "rabbitmqctl -q start_app")
    assert (stopped.running, stopped.node, stopped.blank) == (False, "rabbit@mq1", False)
    as_root(spec, "systemctl stop rabbitmq-server")
    down = broker(spec)
    as_root(spec, "systemctl start rabbitmq-server")
    assert (down.running, down.node, down.blank, down.error) == (False, "", False, None)
    assert broker(spec).running


def test_a_frozen_broker_and_a_wrong_cookie(spec: LabSpec) -> None:
    as_root(spec, "pkill -STOP beam.smp")
    frozen = broker(spec)
    as_root(spec, "pkill -CONT beam.smp")
    assert frozen.error == "the unit runs, the node does not answer: no answer in 8 s"
    cookie = "/var/lib/rabbitmq/.erlang.cookie"
    as_root(spec, f"cp -p {cookie} /root/cookie; echo ANOTHERCOOKIE > {cookie}")
    locked = broker(spec)
    as_root(spec, f"cp -p /root/cookie {cookie}")
    assert locked.error is not None
    assert "Erlang cookie" in locked.error
    assert "ANOTHERCOOKIE" not in locked.error
    assert broker(spec).running


def test_a_blank_broker(spec: LabSpec) -> None:
    host = topologies.broker("mq2", str(spec.subnet[12]), plugins=[])
    host = host.model_copy(update={"connection": reach(spec, "mq2")})
    wanted = topologies.topology("test-probe", (host,))
    empty = HostBundle(host="mq2", packages=(), files=(), services=())
    found = probe(wanted, {"mq2": empty}).hosts[0].broker
    assert found is not None
    assert (found.running, found.blank, found.error) == (False, True, None)


def test_a_service_on_an_older_configuration_is_stale_until_it_restarts(spec: LabSpec) -> None:
    def stale() -> bool:
        return asked(spec).services["rabbitmq-server.service"].stale

    assert not stale()
    as_root(spec, "printf '[].\\n' > /etc/rabbitmq/enabled_plugins")
    assert stale()
    as_root(spec, "systemctl restart rabbitmq-server")
    assert not stale()
    as_root(spec, "touch -d '+1 hour' /etc/rabbitmq/enabled_plugins")
    assert not stale()
