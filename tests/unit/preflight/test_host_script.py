"""What the host script reads: lines of ss, packets from the wire, settings of apt; and how it is sent."""

from __future__ import annotations

import json
import socket
import struct
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from mqctl.model.topology import Topology
from mqctl.probe import ask_preflight
from mqctl.probe import preflight as script
from mqctl.probe.host import MARK
from mqctl.render.bundle import render
from tests.topologies import mirrored_3node, standalone

OWN = bytes.fromhex("02420a5d1115")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (
            'LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=49,fd=3)) ino:1 sk:3 '
            "cgroup:/docker/99187b/system.slice/ssh.service <-> cgroup:/docker/99187b/system.slice/x.service",
            (None, 22, "sshd", "ssh.service"),
        ),
        (
            "LISTEN 0 128 *:5672 *:* uid:104 sk:4 cgroup:/system.slice/rabbitmq-server.service v6only:0",
            (None, 5672, "", "rabbitmq-server.service"),
        ),
        (
            'LISTEN 0 4096 *:4369 *:* users:(("systemd",pid=1,fd=54)) cgroup:/system.slice/epmd.socket',
            (None, 4369, "systemd", "epmd.socket"),
        ),
        (
            'LISTEN 0 5 127.0.0.1%lo:8100 0.0.0.0:* users:(("python3",pid=9,fd=3)) '
            "cgroup:/user.slice/user-0.slice/session-3.scope",
            ("127.0.0.1", 8100, "python3", "session-3.scope"),
        ),
        ("LISTEN 0 128 [::]:22 [::]:* cgroup:/", (None, 22, "", "")),
        ("LISTEN 0 128 [fe80::1]%eth0:53 [::]:* cgroup:unreachable:1", ("fe80::1", 53, "", "")),
    ],
)
def test_a_line_of_ss(line: str, found: tuple[Any, ...]) -> None:
    heard = script.listener(line)
    assert heard is not None
    assert (heard["address"], heard["port"], heard["program"], heard["unit"]) == found


def test_an_empty_line_is_no_listener() -> None:
    assert script.listener("") is None


def packet(source: str, to: str, payload: bytes) -> bytes:
    """An IPv4 packet of protocol 112, checksums left out."""
    addresses = IPv4Address(source).packed + IPv4Address(to).packed
    return struct.pack("!BBHHHBBH", 0x45, 0xC0, 20 + len(payload), 0, 0, 255, 112, 0) + addresses + payload


def advert(version: int, router_id: int, priority: int, kind: int = 1) -> bytes:
    return bytes([version << 4 | kind, router_id, priority, 1, 1, 1, 0, 0])


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (packet("10.0.0.9", "224.0.0.18", advert(2, 51, 150)), ("10.0.0.9", 51, 150, 2, True)),
        (packet("10.0.0.9", "10.0.0.1", advert(3, 51, 254)), ("10.0.0.9", 51, 254, 3, False)),
    ],
)
def test_an_advert(said: bytes, found: tuple[Any, ...]) -> None:
    assert tuple((script.advert4(said) or {}).values()) == found


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"\x45",
        packet("10.0.0.9", "224.0.0.18", b"")[:20],
        packet("10.0.0.9", "224.0.0.18", advert(2, 51, 150)[:4]),
        packet("10.0.0.9", "224.0.0.18", advert(2, 51, 150, kind=2)),
        b"\x41" + packet("10.0.0.9", "224.0.0.18", advert(2, 51, 150))[1:],
    ],
)
def test_what_is_no_advert(said: bytes) -> None:
    assert script.advert4(said) is None


def test_an_advert_of_ipv6() -> None:
    group = socket.inet_pton(socket.AF_INET6, "ff02::12") + struct.pack("@I", 2)
    beside = [(socket.IPPROTO_IPV6, socket.IPV6_PKTINFO, group)]
    assert script.advert6(advert(3, 7, 100), "fe80::9%eth0", beside) == {
        "source": "fe80::9",
        "router_id": 7,
        "priority": 100,
        "version": 3,
        "multicast": True,
    }
    heard = script.advert6(advert(3, 7, 100), "fe80::9", [])
    assert heard is not None
    assert heard["multicast"] is False


def test_an_arp_probe_asks_for_the_address_and_tells_none_of_its_own() -> None:
    frame = script.arp_probe(OWN, "10.93.17.100")
    assert len(frame) == 42
    assert frame[:6] == b"\xff" * 6
    assert frame[28:32] == bytes(4)
    assert frame[38:42] == IPv4Address("10.93.17.100").packed
    assert script.arp_sender(frame, "10.93.17.100") == b""


def answer_of(sender: bytes, address: str, kind: int = 0x0806) -> bytes:
    head = OWN + sender + struct.pack("!HHHBBH", kind, 1, 0x0800, 6, 4, 2)
    return head + sender + IPv4Address(address).packed + OWN + bytes(4)


def test_whoever_says_that_it_has_the_address_is_heard() -> None:
    sender = bytes.fromhex("02420a5d1163")
    assert script.mac(script.arp_sender(answer_of(sender, "10.93.17.100"), "10.93.17.100")) == (
        "02:42:0a:5d:11:63"
    )
    assert script.arp_sender(answer_of(sender, "10.93.17.101"), "10.93.17.100") == b""
    assert script.arp_sender(answer_of(sender, "10.93.17.100", kind=0x0800), "10.93.17.100") == b""
    assert script.arp_sender(answer_of(sender, "10.93.17.100")[:40], "10.93.17.100") == b""


def test_the_order_of_name_lookup() -> None:
    said = "passwd: files\nhosts:  files mdns4 [NOTFOUND=return] dns # all\n"
    assert script.name_order(said) == ["files", "mdns4", "dns"]
    assert script.name_order("passwd: files\n#hosts: dns\n") == []


def test_settings_of_apt() -> None:
    dump = (
        'APT::Periodic::Unattended-Upgrade "1";\n'
        'Unattended-Upgrade::Package-Blacklist "";\n'
        'Unattended-Upgrade::Package-Blacklist:: "^erlang-";\n'
        'Unattended-Upgrade::Package-Blacklist:: "haproxy$";\n'
    )
    assert script.settings(dump, "APT::Periodic::Unattended-Upgrade") == ["1"]
    assert script.settings(dump, "Unattended-Upgrade::Package-Blacklist::") == ["^erlang-", "haproxy$"]


def test_memory_and_the_nearest_directory(tmp_path: Path) -> None:
    assert script.meminfo("MemTotal:   2048 kB\nHugePages_Total:  0\n") == {"MemTotal": 2048 * 1024}
    assert script.existing(tmp_path / "not" / "there") == tmp_path
    assert script.existing(Path("/")) == Path("/")


def request(topology: Topology, name: str) -> dict[str, Any]:
    return ask_preflight.request(topology, topology.host(name), render(topology)[name])


def test_a_router_host_is_asked_for_the_wire_and_others_are_not() -> None:
    asked = request(mirrored_3node(), "lb1")
    assert asked["virtual"] == {"interface": "eth0", "address": "10.93.17.100"}
    assert asked["vrrp"] == {"interface": "eth0", "version": 4, "seconds": 3.5}
    assert asked["data"] is None
    broker = request(mirrored_3node(), "mq1")
    assert (broker["virtual"], broker["vrrp"]) == (None, None)
    assert broker["data"] == "/var/lib/rabbitmq/mnesia/rabbit@mq1"
    assert broker["packages"] == ["rabbitmq-server", "erlang-base"]
    assert asked["packages"] == ["haproxy", "keepalived"]


@pytest.mark.parametrize(("interval", "seconds"), [(1, 3.5), (5, 15.5), (200, 20)])
def test_listening_takes_three_adverts_and_ends_before_the_script_does(interval: int, seconds: float) -> None:
    topology = mirrored_3node(keepalived={"advert_interval": interval})
    assert request(topology, "lb1")["vrrp"]["seconds"] == seconds


def ran(text: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-I", "-"], input=text, capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.startswith(MARK), done.stderr
    return json.loads(done.stdout.removeprefix(MARK))


def test_the_script_runs_alone_and_answers_every_part() -> None:
    text = ask_preflight.script(request(standalone(), "mq1"))
    assert text.isascii()
    said = ran(text)
    assert said["began"] <= said["at"]
    if "denied" not in said["sections"]:
        assert {part.__name__ for part in script.SECTIONS} <= set(said["sections"])
        assert said["sections"]["machine"]["answer"]["python"] == list(sys.version_info[:3])


def test_a_python_that_is_too_old_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_preflight, "OLDEST_PYTHON", (99, 0))
    assert ran(ask_preflight.script(request(standalone(), "mq1"))) == {"python": list(sys.version_info[:3])}


def test_the_start_is_older_python_than_the_rest() -> None:
    """It must be read by the Python that it refuses: no annotations, no f-strings, no walrus."""
    start = ask_preflight._BOOT
    assert not any(word in start for word in ("f'", 'f"', ":=", "match ", " -> "))
