"""The lab against the real engine: what it makes, what survives a power cut, what it removes."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest
from docker.errors import NotFound

from mqctl import lab
from mqctl.errors import MqctlError
from mqctl.gates.wait import wait
from mqctl.lab import ready
from mqctl.model.lab import LabHost, LabSpec
from mqctl.process import Result, run
from mqctl.workflows import lab as workflow
from tests.lab.conftest import own_lab
from tests.lab.leftovers import LABEL, own_name

pytestmark = pytest.mark.lab

PROGRAMS = ("rabbitmq-server", "haproxy", "keepalived")


def silent(what: str, message: str) -> None:
    pass


def ssh(spec: LabSpec, host: str, command: str) -> Result:
    return run([*lab.ssh_argv(spec.state_dir, addresses(spec)[host]), command], timeout=120)


def said(spec: LabSpec, host: str, command: str) -> str:
    result = ssh(spec, host, command)
    assert result.ok, result.stderr
    return result.stdout.strip()


def greeted(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


@pytest.fixture(scope="module")
def docker() -> Iterator[Any]:
    with closing(lab.connect()) as client:
        yield client


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabSpec]:
    with own_lab("lab", tmp_path_factory.mktemp("test-lab"), {"mq1": 11, "mq2": 12}) as found:
        yield found


def addresses(spec: LabSpec) -> dict[str, IPv4Address]:
    return {host.name: host.address for host in spec.hosts}


def container(docker: Any, spec: LabSpec, host: str) -> Any:
    return docker.containers.get(f"mqctl-{spec.name}-{host}")


def test_hosts_run_under_systemd_with_their_names_and_addresses(spec: LabSpec) -> None:
    for name, address in addresses(spec).items():
        assert said(spec, name, "cat /proc/1/comm; hostname; systemctl is-system-running").split() == [
            "systemd",
            name,
            "running",
        ]
        assert f"{address}/24" in said(spec, name, "ip -brief address show eth0")
        assert said(spec, name, "getent hosts $(hostname)").split()[0] == str(address)


def test_hosts_are_not_twins(spec: LabSpec) -> None:
    ids = [said(spec, name, "cat /etc/machine-id") for name in addresses(spec)]
    assert len({identity for identity in ids if len(identity) == 32}) == 2


def test_the_broker_and_the_entrance_are_installed_and_have_never_run(spec: LabSpec) -> None:
    for program in PROGRAMS:
        assert ssh(spec, "mq1", f"systemctl is-enabled {program}").stdout.strip() == "disabled"
        assert ssh(spec, "mq1", f"systemctl is-active {program}").stdout.strip() == "inactive"
    assert said(spec, "mq1", "ls -A /var/lib/rabbitmq") == ""


def test_a_second_up_touches_nothing(spec: LabSpec, docker: Any) -> None:
    def lives() -> list[tuple[str, str]]:
        return [
            (found.id, found.attrs["State"]["StartedAt"])
            for found in (container(docker, spec, h) for h in addresses(spec))
        ]

    before = lives()
    keys = (spec.state_dir / "id_ed25519").read_bytes()
    told: list[str] = []
    lab.up(spec, lambda what, message: told.append(message))
    assert lives() == before
    assert (spec.state_dir / "id_ed25519").read_bytes() == keys
    assert sorted(told) == [f"up at {address}" for address in addresses(spec).values()]


def test_another_host_key_is_refused(spec: LabSpec, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(spec.state_dir, state)
    other = (state / "id_ed25519.pub").read_text().rsplit(" ", 1)[0]
    (state / "known_hosts").write_text(f"{addresses(spec)['mq1']} {other}\n")
    result = run([*lab.ssh_argv(state, addresses(spec)["mq1"]), "true"], timeout=30)
    assert result.returncode == 255
    assert "Host key verification failed" in result.stderr


def test_another_client_key_is_refused(spec: LabSpec, tmp_path: Path) -> None:
    state = tmp_path / "state"
    shutil.copytree(spec.state_dir, state)
    (state / "id_ed25519").unlink()
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", state / "id_ed25519"], check=True, input=b"y\n"
    )
    result = run([*lab.ssh_argv(state, addresses(spec)["mq1"]), "true"], timeout=30)
    assert result.returncode == 255
    assert "Permission denied (publickey)" in result.stderr
    with pytest.raises(MqctlError, match="lab host mq1 refuses the lab's key"):
        ready.wait_boot(state, "mq1", addresses(spec)["mq1"])


def test_etc_hosts_can_be_replaced_and_survives_a_power_cut(spec: LabSpec) -> None:
    said(
        spec,
        "mq1",
        "echo '10.9.9.9 peer' | cat /etc/hosts - > /etc/hosts.new && mv /etc/hosts.new /etc/hosts",
    )
    before = said(spec, "mq1", "cat /etc/hosts")
    assert before.endswith("10.9.9.9 peer")
    lab.power_off(spec.name, "mq1")
    assert not greeted(str(addresses(spec)["mq1"]))
    lab.power_on(spec.name, "mq1")
    assert said(spec, "mq1", "cat /etc/hosts") == before
    said(spec, "mq1", "cp /etc/hosts /etc/hosts.new && mv /etc/hosts.new /etc/hosts")


def test_a_power_cut_loses_what_was_running_only(spec: LabSpec, docker: Any) -> None:
    said(spec, "mq2", "touch /run/gone /root/kept")
    lab.power_off(spec.name, "mq2")
    with pytest.raises(MqctlError, match="lab host mq2 is off"):
        lab.host_pid(spec.name, "mq2")
    told: list[tuple[str, str]] = []
    lab.up(spec, lambda *what: told.append(what))
    assert ("mq2", "started") in told
    assert said(spec, "mq2", "ls /run/gone /root/kept 2>/dev/null; true") == "/root/kept"
    assert container(docker, spec, "mq2").attrs["State"]["Pid"] == lab.host_pid(spec.name, "mq2")


def test_a_paused_host_accepts_and_says_nothing(spec: LabSpec) -> None:
    lab.pause(spec.name, "mq2")
    try:
        with socket.create_connection((str(addresses(spec)["mq2"]), 22), timeout=1) as connection:
            connection.settimeout(0.5)
            with pytest.raises(TimeoutError):
                connection.recv(4)
    finally:
        lab.unpause(spec.name, "mq2")
    assert greeted(str(addresses(spec)["mq2"]))


def test_a_broker_and_haproxy_start(spec: LabSpec) -> None:
    said(spec, "mq1", "systemctl start rabbitmq-server haproxy && rabbitmqctl await_startup")
    assert "rabbit@mq1" in said(spec, "mq1", "rabbitmqctl cluster_status --formatter json")
    assert said(spec, "mq1", "systemctl is-active rabbitmq-server haproxy").split() == ["active", "active"]


def test_a_vip_moves_and_is_reachable_from_here(spec: LabSpec) -> None:
    vip = str(spec.subnet[100])
    for number, name in enumerate(addresses(spec)):
        said(
            spec,
            name,
            f"printf 'vrrp_instance V {{ \\n state BACKUP \\n interface eth0 \\n virtual_router_id 51 \\n"
            f" priority {100 + number} \\n virtual_ipaddress {{ \\n {vip}/24 \\n }} \\n }} \\n'"
            " > /etc/keepalived/keepalived.conf && systemctl start keepalived",
        )
    wait(lambda: vip in said(spec, "mq2", "ip address show eth0"), timeout=15, what="the VIP on mq2")
    wait(lambda: greeted(vip), timeout=5, what="the VIP from here")
    lab.power_off(spec.name, "mq2")
    wait(lambda: vip in said(spec, "mq1", "ip address show eth0"), timeout=15, what="the VIP on mq1")
    wait(lambda: greeted(vip), timeout=5, what="the VIP from here")
    lab.power_on(spec.name, "mq2")


def test_a_lab_is_listed_and_reached_by_host_name(spec: LabSpec) -> None:
    (state,) = [state for state in lab.list_labs() if state.name == spec.name]
    assert state.inventory == spec.inventory
    assert [(h.name, h.address, h.image, h.state) for h in state.hosts] == [
        (name, address, "bookworm", "running") for name, address in addresses(spec).items()
    ]
    assert spec.name in workflow.as_json([state])
    argv = workflow.exec_argv("mq1", ["sh", "-c", "echo 'a  b'; exit 7"], str(spec.inventory), [])
    result = run(argv, timeout=30)
    assert (result.stdout, result.returncode) == ("a  b\n", 7)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda spec: {"image": "trixie"}, "mq1 runs bookworm, the inventory says trixie"),
        (
            lambda spec: {"hosts": (LabHost(name="mq1", address=spec.subnet[55]),)},
            "mq1 has {mq1}, the inventory says {other}",
        ),
        (lambda spec: {"subnet": next(spec.subnet.subnets())}, "lab {name} is up on another subnet"),
        (lambda spec: {"name": f"{spec.name}-2"}, "overlaps docker network mqctl-{name} "),
    ],
)
def test_what_differs_is_refused_and_left_running(
    spec: LabSpec, monkeypatch: pytest.MonkeyPatch, changed: Callable[[LabSpec], dict[str, Any]], message: str
) -> None:
    monkeypatch.setattr(lab.images, "build", lambda *_: None)
    said = message.format(name=spec.name, mq1=spec.subnet[11], other=spec.subnet[55])
    with pytest.raises(MqctlError, match=re.escape(said)):
        lab.up(spec.model_copy(update=changed(spec)), silent)
    assert [host.state for state in lab.list_labs() if state.name == spec.name for host in state.hosts] == [
        "running",
        "running",
    ]
    assert f"{spec.name}-2" not in {state.name for state in lab.list_labs()}


def test_the_bare_image_installs_everything_without_a_network(spec: LabSpec, docker: Any) -> None:
    install = f"apt-get install -y --no-install-recommends {' '.join(PROGRAMS)}"
    bare = docker.containers.run(
        lab.images.bare("bookworm"),
        ["sh", "-c", install],
        network_mode="none",
        detach=True,
        labels={LABEL: own_name("bare")},
    )
    try:
        assert bare.wait(timeout=300)["StatusCode"] == 0
    finally:
        bare.remove(force=True)


def test_a_lab_that_is_off_comes_up_again_unless_its_network_is_gone(docker: Any, tmp_path: Path) -> None:
    """As a machine leaves it that lost its power."""
    with own_lab("off", tmp_path, {"mq1": 11, "mq2": 12}) as spec:
        for host in addresses(spec):
            lab.power_off(spec.name, host)
        lab.up(spec, silent)
        assert said(spec, "mq2", "hostname") == "mq2"
        for host in addresses(spec):
            lab.power_off(spec.name, host)
        docker.networks.get(f"mqctl-{spec.name}").remove()
        with pytest.raises(MqctlError, match="mq1 cannot start: its docker network was removed") as refused:
            lab.up(spec, silent)
        assert "mq2 cannot start: its docker network was removed" in refused.value.message
        assert refused.value.hint.startswith(f"`mqctl lab down {spec.name}`, then up again")
        lab.down(spec.name)
        lab.up(spec, silent)
        assert said(spec, "mq1", "hostname") == "mq1"


def test_down_removes_exactly_this_lab(spec: LabSpec, docker: Any) -> None:
    other = docker.containers.create(
        lab.images.full("bookworm"),
        name=f"mqctl-{spec.name}-stranger",
        labels={"mqctl.lab": own_name("other")},
    )
    try:
        lab.pause(spec.name, "mq1")
        assert sorted(lab.down(spec.name)) == [
            f"container mqctl-{spec.name}-mq1",
            f"container mqctl-{spec.name}-mq2",
            f"network mqctl-{spec.name}",
        ]
        other.reload()
        with pytest.raises(NotFound):
            container(docker, spec, "mq1")
        assert spec.name not in {state.name for state in lab.list_labs()}
        assert lab.images.current(docker, lab.images.full("bookworm"))
        assert (spec.state_dir / "id_ed25519").exists()
        assert lab.down(spec.name) == []
    finally:
        other.remove(force=True)
