"""What a host is asked beyond `mqctl.probe.host` before anything is deployed: it changes nothing.

It runs on the host in the same round trip, beside that script; standard library only, Python 3.9 and later.
On the wire it sends three ARP probes for the virtual IP (RFC 5227), which nobody remembers, and listens.
"""

from __future__ import annotations

import ipaddress
import json
import re
import select
import shutil
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from mqctl.probe import host
from mqctl.probe.host import Json

ARP = 0x0806
ARP_PROBES = 3
ARP_WAIT = 0.7
"""Seconds for the answers to each probe; neighbours answer within milliseconds, and Wi-Fi loses some."""
VRRP = 112
VRRP_GROUPS = {4: "224.0.0.18", 6: "ff02::12"}
"""RFC 5798, section 5.1."""
SENDERS = 64
"""Senders that are told apart; nobody has more."""
DMI = ("sys_vendor", "product_name", "bios_vendor", "bios_version", "chassis_asset_tag")
CAP_SYS_RESOURCE = 24


def machine(_: Json) -> Json:
    """Python, apt, systemd, the order of name lookup, and what the firmware says of its maker."""
    return {
        "python": list(sys.version_info[:3]),
        "apt": bool(shutil.which("apt-get", path=host.PATHS)),
        "systemd": Path("/run/systemd/system").is_dir(),
        "name_order": name_order(text("/etc/nsswitch.conf")),
        "dmi": {key: found for key in DMI if (found := text(f"/sys/class/dmi/id/{key}").strip())},
    }


def text(path: str) -> str:
    """A file's text; empty when it cannot be read."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def name_order(nsswitch: str) -> list[str]:
    """The sources of the hosts line, without the actions in brackets."""
    for line in nsswitch.splitlines():
        database, found, sources = line.partition("#")[0].partition(":")
        if found and database.strip() == "hosts":
            return re.sub(r"\[[^]]*\]", " ", sources).split()
    return []


def listeners(_: Json) -> list[Json]:
    """Every listening TCP socket with its unit, which the kernel tells where it hides the process."""
    shown = host.run(["ss", "-HltnpO", "--cgroup"])
    if shown.returncode:
        raise OSError(shown.stderr.strip() or "ss failed")
    return [found for line in shown.stdout.splitlines() if (found := listener(line))]


def listener(line: str) -> Json | None:
    """One line of `ss -Hltnp --cgroup`: `LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:((...)) cgroup:/...`."""
    words = line.split()
    if len(words) < 4:
        return None
    address, _, port = words[3].rpartition(":")
    address = address.partition("%")[0].strip("[]")
    program = re.search(r'users:\(\("([^"]*)"', line)
    unit = re.search(r"cgroup:\S*/([^/\s]+\.(?:service|socket|scope))", line)
    return {
        "address": None if address in ("*", "0.0.0.0", "::") else address,  # noqa: S104
        "port": int(port),
        "program": program.group(1) if program else "",
        "unit": unit.group(1) if unit else "",
    }


def resources(request: Json) -> Json:
    """Memory, disk and open files."""
    memory = meminfo(text("/proc/meminfo"))
    limits = re.search(r"^Max open files\s+\S+\s+(\S+)", text("/proc/1/limits"), re.MULTILINE)
    rights = re.search(r"^CapEff:\s+(\S+)", text("/proc/1/status"), re.MULTILINE)
    if limits is None or rights is None:
        raise OSError("process 1 does not tell its limits")
    most = int(text("/proc/sys/fs/nr_open"))
    hard = limits.group(1)
    answer: Json = {
        "memory": min([memory["MemTotal"], *group_limits()]),
        "memory_available": memory["MemAvailable"],
        "files_hard": most if hard == "unlimited" else int(hard),
        "files_most": most,
        "files_raisable": bool(int(rights.group(1), 16) >> CAP_SYS_RESOURCE & 1),
    }
    if request["data"]:
        place = existing(Path(request["data"]))
        answer.update(disk=str(place), disk_free=shutil.disk_usage(place).free)
    return answer


def meminfo(said: str) -> dict[str, int]:
    """/proc/meminfo in bytes."""
    found = re.findall(r"^(\w+):\s+(\d+) kB$", said, re.MULTILINE)
    return {key: int(size) * 1024 for key, size in found}


def group_limits() -> list[int]:
    """What control groups leave of the memory, where this host is a container (version 2, and 1)."""
    said = [text(f"/sys/fs/cgroup/{name}").strip() for name in ("memory.max", "memory/memory.limit_in_bytes")]
    return [int(limit) for limit in said if limit.isdigit() and int(limit)]


def existing(path: Path) -> Path:
    """The path, or the nearest directory above it that exists."""
    return path if path.exists() or path == path.parent else existing(path.parent)


def links(_: Json) -> list[Json]:
    """Every network interface with its networks."""
    return [
        {
            "name": link["ifname"],
            "up": "UP" in link.get("flags", ()),
            "mac": link.get("address", "").lower(),
            "networks": [
                f"{entry['local']}/{entry['prefixlen']}"
                for entry in link.get("addr_info", ())
                if "local" in entry
            ],
        }
        for link in json.loads(host.run(["ip", "-j", "addr", "show"]).stdout or "[]")
        if "ifname" in link
    ]


def claimed_by(request: Json) -> list[str] | None:
    """The MAC addresses that answer for the virtual IP, as this host hears them; None: not asked.

    A host does not hear itself, so the holder hears only others.
    """
    asked: Json | None = request["virtual"]
    if asked is None:
        return None
    ask = by_arp if ipaddress.ip_address(asked["address"]).version == 4 else by_neighbours
    return sorted(ask(asked["interface"], asked["address"]))


def by_arp(interface: str, address: str) -> set[str]:
    """ARP probes from 0.0.0.0: whoever has the address answers, and nobody's cache changes."""
    found: set[str] = set()
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ARP)) as wire:
        wire.bind((interface, ARP))
        own = wire.getsockname()[4]
        for _ in range(ARP_PROBES):
            wire.send(arp_probe(own, address))
            end = time.monotonic() + ARP_WAIT
            while arrives(wire, end):
                sender = arp_sender(wire.recv(2048), address)
                if sender and sender != own:
                    found.add(mac(sender))
    return found


def arrives(wire: socket.socket, end: float) -> bool:
    """Wait for a packet until that moment of the monotonic clock."""
    left = end - time.monotonic()
    return left > 0 and bool(select.select([wire], [], [], left)[0])


def arp_probe(own: bytes, address: str) -> bytes:
    """An Ethernet frame to everybody: who has the address? (RFC 826, RFC 5227 section 2.1.1)."""
    head = b"\xff" * 6 + own + struct.pack("!HHHBBH", ARP, 1, 0x0800, 6, 4, 1)
    return head + own + bytes(4) + bytes(6) + socket.inet_aton(address)


def arp_sender(frame: bytes, address: str) -> bytes:
    """Who says in this frame that it has the address; empty when nobody does."""
    if len(frame) < 42 or frame[12:14] != struct.pack("!H", ARP) or frame[28:32] != socket.inet_aton(address):
        return b""
    return frame[22:28]


def by_neighbours(interface: str, address: str) -> set[str]:
    """IPv6: a datagram makes the kernel ask for its neighbour, and its table says who answered."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        client.settimeout(ARP_WAIT)
        end = time.monotonic() + ARP_PROBES * ARP_WAIT
        while time.monotonic() < end:
            try:
                client.sendto(b"", (address, 9))  # discard
                client.recv(1)
            except OSError:  # nobody answers, or somebody refuses
                pass
            known = host.run(["ip", "-6", "-j", "neigh", "show", "to", address, "dev", interface]).stdout
            found = {entry["lladdr"].lower() for entry in json.loads(known or "[]") if "lladdr" in entry}
            if found:
                return found
    return set()


def mac(octets: bytes) -> str:
    """As `ip` writes it."""
    return ":".join(f"{octet:02x}" for octet in octets)


def vrrp(request: Json) -> Json | None:
    """The VRRP adverts that reach this host, sent to everybody or to it alone; None: not asked."""
    asked: Json | None = request["vrrp"]
    if asked is None:
        return None
    seconds = float(asked["seconds"])
    found: dict[tuple[str, int], Json] = {}
    with vrrp_socket(asked["version"], asked["interface"]) as wire:
        end = time.monotonic() + seconds
        while len(found) < SENDERS and arrives(wire, end):
            packet, beside, _, source = wire.recvmsg(2048, 256)
            heard = advert4(packet) if asked["version"] == 4 else advert6(packet, source[0], beside)
            if heard:
                found[heard["source"], heard["router_id"]] = heard
    return {"seconds": seconds, "adverts": list(found.values())}


def vrrp_socket(version: int, interface: str) -> socket.socket:
    """It hears what Keepalived on this host hears, which goes on hearing it too."""
    group, index = VRRP_GROUPS[version], socket.if_nametoindex(interface)
    wire = socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_RAW, VRRP)
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    if version == 4:
        member = struct.pack("=4s4si", socket.inet_aton(group), bytes(4), index)
        wire.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    else:
        member = socket.inet_pton(socket.AF_INET6, group) + struct.pack("@I", index)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)
        wire.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return wire


def advert4(packet: bytes) -> Json | None:
    """An IPv4 packet with its header; None when it is no advert."""
    head = (packet[0] & 15) * 4 if packet else 0
    if head < 20 or len(packet) < head + 8:
        return None
    source, to = (str(ipaddress.IPv4Address(packet[at : at + 4])) for at in (12, 16))
    return advert(packet[head:], source, to == VRRP_GROUPS[4])


def advert6(payload: bytes, source: str, beside: list[Any]) -> Json | None:
    """What an IPv6 packet carries; where it was sent to stands beside it (RFC 3542, section 6.2)."""
    to = [data[:16] for _, kind, data in beside if kind == socket.IPV6_PKTINFO]
    group = socket.inet_pton(socket.AF_INET6, VRRP_GROUPS[6])
    return advert(payload, source.partition("%")[0], group in to)


def advert(payload: bytes, source: str, multicast: bool) -> Json | None:
    """Version and type, virtual router, priority (RFC 5798, section 5.2); None when it is of another type."""
    if len(payload) < 8 or payload[0] & 15 != 1:
        return None
    return {
        "source": source,
        "router_id": payload[1],
        "priority": payload[2],
        "version": payload[0] >> 4,
        "multicast": multicast,
    }


def upgrades(_: Json) -> Json:
    """Whether unattended-upgrades is there, what it was told, and what apt-mark holds."""
    shown = host.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", "unattended-upgrades"])
    if shown.stdout != "installed":
        return {"installed": False, "enabled": False}
    said = host.run(["apt-config", "dump"])
    if said.returncode:
        raise OSError(said.stderr.strip() or "apt-config failed")
    every = settings(said.stdout, "APT::Periodic::Unattended-Upgrade")
    return {
        "installed": True,
        "enabled": any(value not in ("", "0") for value in every),
        "blacklist": settings(said.stdout, "Unattended-Upgrade::Package-Blacklist::"),
        "held": host.run(["apt-mark", "showhold"]).stdout.split(),
    }


def settings(dump: str, key: str) -> list[str]:
    """The values of one key in what `apt-config dump` says."""
    return re.findall(rf'^{re.escape(key)} "(.*)";$', dump, re.MULTILINE)


SECTIONS = (machine, listeners, resources, links, claimed_by, vrrp, upgrades)


def answer(request: Json) -> None:
    """Print everything: what `mqctl.probe.host` says, and this."""
    host.answer(request, (*host.SECTIONS, *SECTIONS))
