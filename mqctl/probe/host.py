"""The one script that a host runs, as root, to describe itself: it changes nothing and has no opinion.

It reaches the host over SSH on Python's stdin, with `answer(REQUEST)` appended, and prints one line: the mark
and a JSON object. Standard library only, Python 3.9 and later; nothing of mqctl exists on the host.
`mqctl.probe.ask` makes the request, `mqctl.probe.parse` reads the answer.
"""

from __future__ import annotations

import base64
import concurrent.futures
import functools
import grp
import hashlib
import json
import os
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

MARK = "mqctl-probe:"
PROGRAM = 10.0
"""Seconds that one program may take."""
NODE = 8
"""Seconds until a broker that does not answer is given up."""
SOCKET = 3.0
"""Seconds for HAProxy's runtime socket."""
WHOLE = 25.0
"""Seconds for everything; a section that has not answered by then says so."""
LARGEST = 4 * 1024 * 1024
"""Bytes of a file whose content is sent."""

PATHS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"

BEGAN = time.time()
"""The host's clock when the script began."""

LISTS = Path("/var/lib/apt/lists")
"""What `apt-get update` leaves behind."""

Json = dict[str, Any]


def run(
    argv: list[str], *, stdin: str = "", user: str | None = None, home: str = "/root"
) -> subprocess.CompletedProcess[str]:
    """Run a program in the C locale, as another user where one is given, and collect what it says."""
    return subprocess.run(
        argv,
        input=stdin,
        capture_output=True,
        timeout=PROGRAM,
        env={"LC_ALL": "C.UTF-8", "PATH": PATHS, "HOME": home},
        errors="replace",
        cwd="/",
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        check=False,
    )


def release(_: Json) -> str:
    """ID and VERSION_CODENAME of os-release."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    pairs = dict(line.split("=", 1) for line in lines if "=" in line)
    words = [pairs.get(key, "").strip("\"'") for key in ("ID", "VERSION_CODENAME")]
    return " ".join(word for word in words if word)


def packages(request: Json) -> Json:
    """Installed versions, and what the package sources offer for those that are not installed."""
    wanted: list[str] = request["packages"]
    if not wanted:
        return {"installed": {}, "candidates": {}}
    shape = "${Package}\t${db:Status-Status}\t${Version}\n"
    rows = [line.split("\t") for line in run(["dpkg-query", "-W", "-f", shape, *wanted]).stdout.splitlines()]
    found = {row[0]: row[2] for row in rows if len(row) == 3 and row[1] == "installed"}
    missing = [name for name in wanted if name not in found]
    return {"installed": {name: found.get(name) for name in wanted}, "candidates": candidates(missing)}


def candidates(names: list[str]) -> Json:
    """The version that apt would install, by package; nothing on a host that never read its package lists."""
    if not names or not shutil.which("apt-cache") or not any(LISTS.glob("*_Packages*")):
        return {}
    offered: Json = dict.fromkeys(names)
    current = ""
    for line in run(["apt-cache", "policy", "--", *names]).stdout.splitlines():
        if not line.startswith(" "):
            current = line.strip().rstrip(":")
        elif line.strip().startswith("Candidate:") and current in offered:
            version = line.split(":", 1)[1].strip()
            offered[current] = None if version == "(none)" else version
    return offered


def files(request: Json) -> list[Json]:
    """The files asked for, contents only where asked."""
    return [describe(wanted["path"], bool(wanted["content"])) for wanted in request["files"]]


def describe(path: str, content: bool) -> Json:
    """One file; a symbolic link counts as what it points to."""
    try:
        status = Path(path).stat()
    except (FileNotFoundError, NotADirectoryError):
        return {"path": path, "exists": False}
    answer = {
        "path": path,
        "exists": True,
        "owner": name(pwd.getpwuid, status.st_uid),
        "group": name(grp.getgrgid, status.st_gid),
        "mode": format(stat.S_IMODE(status.st_mode), "04o"),
    }
    if not stat.S_ISREG(status.st_mode):
        return answer
    data = Path(path).read_bytes()
    answer["sha256"] = hashlib.sha256(data).hexdigest()
    if content and len(data) <= LARGEST:
        answer["content"] = base64.b64encode(data).decode()
    return answer


def name(lookup: Callable[[int], Any], number: int) -> str:
    """A user's or group's name, its number when it has none."""
    try:
        return str(lookup(number)[0])
    except KeyError:
        return str(number)


PROPERTIES = (
    "Id,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,MainPID,"
    "ExecMainStartTimestampMonotonic,StateChangeTimestampMonotonic"
)


def units(request: Json) -> list[Json]:
    """All units in one `systemctl show`."""
    wanted: list[Json] = request["units"]
    if not wanted:
        return []
    shown = run(["systemctl", "show", "-p", PROPERTIES, "--", *[unit["unit"] for unit in wanted]])
    if shown.returncode:
        raise OSError(shown.stderr.strip() or "systemctl failed")
    blocks = [block.splitlines() for block in shown.stdout.split("\n\n")]
    properties = [dict(line.split("=", 1) for line in block if "=" in line) for block in blocks]
    return [unit_status(unit, shown) for unit, shown in zip(wanted, properties)]  # noqa: B905 (Python 3.9)


def unit_status(unit: Json, shown: dict[str, str]) -> Json:
    """systemd's words, and whether the service runs on older configuration files than there are now."""
    since = [int(shown.get("ExecMainStartTimestampMonotonic") or 0)]
    if unit["reloads"]:
        since.append(int(shown.get("StateChangeTimestampMonotonic") or 0))
    return {
        "unit": unit["unit"],
        "load": shown.get("LoadState", ""),
        "active": shown.get("ActiveState", ""),
        "sub": shown.get("SubState", ""),
        "enabled": shown.get("UnitFileState", ""),
        "needs_reload": shown.get("NeedDaemonReload", "") == "yes",
        "older": any(changed_after(path, max(since)) for path in unit["files"]),
        "waits": waits(shown.get("ActiveState", ""), shown.get("MainPID", "")),
    }


def waits(state: str, pid: str) -> bool:
    """Whether a unit that starts is still flock(1), which becomes the program once it has the lock."""
    try:
        return state == "activating" and Path("/proc", pid, "comm").read_text("utf-8") == "flock\n"
    except OSError:
        return False


def changed_after(path: str, microseconds: int) -> bool:
    """Whether a file was written after that moment of the monotonic clock (which systemd counts in).

    A time stamp in the future proves nothing: the clock was set back since.
    """
    try:
        written = Path(path).stat().st_mtime
    except OSError:
        return False
    loaded = time.time() - time.monotonic() + microseconds / 1e6
    return loaded < written <= time.time()


def addresses(_: Json) -> Json:
    """The addresses of every interface, by interface name."""
    links = json.loads(run(["ip", "-j", "addr", "show"]).stdout or "[]")
    return {
        link["ifname"]: [entry["local"] for entry in link.get("addr_info", []) if "local" in entry]
        for link in links
        if "ifname" in link
    }


def resolves(request: Json) -> Json:
    """What each name resolves to here, by /etc/hosts and whatever else nsswitch.conf names."""
    names: list[str] = request["names"]
    if not names:
        return {}
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        return dict(zip(names, pool.map(resolve, names)))  # noqa: B905 (Python 3.9)


def resolve(peer: str) -> list[str]:
    """A name's addresses, each once."""
    try:
        return sorted({str(entry[4][0]) for entry in socket.getaddrinfo(peer, None)})
    except OSError:
        return []


TRACES = ("schema.DAT", "rabbit_serial")
"""What a node leaves in its data directory once it has a database. One that waits for peers has neither, but
`coordination`, `quorum` and its idea of the cluster already (3.10, seen)."""


def broker(request: Json) -> Json | None:
    """The broker's own answer to the expression in the request, and whether it ever booted here."""
    asked: Json | None = request["broker"]
    if asked is None:
        return None
    blank = not any(Path(asked["database"], trace).exists() for trace in TRACES)
    shown = run(["systemctl", "show", "-p", "ActiveState,MainPID", "--", asked["unit"]]).stdout
    unit = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    state = unit.get("ActiveState", "")
    answer: Json = {"blank": blank, "unit": state}
    if waits(state, unit.get("MainPID", "")):
        return answer
    if state in ("active", "activating", "reloading", "deactivating"):
        answer.update(evaluate(asked["node"], asked["expression"], secured=asked.get("secured") is True))
    return answer


def evaluate(node: str, expression: str, *, secured: bool = False) -> Json:
    """Evaluate the expression in the node: by a C program in 10 ms, or else by RabbitMQ's tool in 0.6 s.

    A node that lets the first one wait would let the second one wait too. Only the second one speaks TLS.
    """
    said = ""
    for ask in (by_rabbitmqctl,) if secured else (by_erl_call, by_rabbitmqctl):
        try:
            done = ask(node, expression)
        except subprocess.TimeoutExpired:
            return {"error": f"no answer in {PROGRAM:g} s"}
        except (OSError, KeyError) as error:
            said = str(error)
            continue
        if done.returncode == -signal.SIGALRM:
            return {"error": f"no answer in {NODE:g} s"}
        found = re.search(r"mqctl:([A-Za-z0-9+/=]+)", done.stdout)
        if found:
            return {"answer": found.group(1)}
        said = (done.stderr.strip() or done.stdout.strip())[-4000:]
    return {"error": said or "no answer"}


def by_erl_call(node: str, expression: str) -> subprocess.CompletedProcess[str]:
    """Through erl_call, as the broker's own user; the cookie stays in that user's file."""
    found = [str(path) for path in Path("/usr/lib/erlang/lib").glob("erl_interface-*/bin/erl_call")]
    program = shutil.which("erl_call", path=PATHS) or next(iter(found), "erl_call")
    options = ["-sname", node, "-timeout", str(NODE), "-fetch_stdout", "-no_result_term", "-e"]
    home = pwd.getpwnam("rabbitmq").pw_dir
    return run([program, *options], stdin=expression + "\n", user="rabbitmq", home=home)


def by_rabbitmqctl(node: str, expression: str) -> subprocess.CompletedProcess[str]:
    """Through rabbitmqctl: also with TLS between the nodes, and without erl_call."""
    return run(["rabbitmqctl", "--quiet", "--timeout", str(NODE), "-n", node, "eval", expression])


def shared(request: Json) -> Json | None:
    """A directory on shared storage: whether it is one, and whether the broker's user may write there."""
    asked: Json | None = request["shared"]
    if asked is None:
        return None
    directory = Path(asked["directory"])
    if not directory.is_dir():
        return {"exists": False}
    return {
        "exists": True,
        "mounted": directory.is_mount(),
        "filesystem": run(["findmnt", "-n", "-o", "FSTYPE", "-T", asked["directory"]]).stdout.strip(),
        "writable": writable(asked["directory"]),
        "identity": identity(asked["lock"]),
    }


def writable(directory: str) -> bool | None:
    """By the broker's user; None when there is none yet."""
    try:
        pwd.getpwnam("rabbitmq")
    except KeyError:
        return None
    return run(["test", "-w", directory], user="rabbitmq").returncode == 0


def identity(path: str) -> str:
    """The file's number and birth, the same on every host that has this very file; nobody writes into it."""
    try:
        status = Path(path).stat()
    except OSError:
        return ""
    return f"{status.st_ino} {status.st_mtime_ns}"


def haproxy(request: Json) -> Json | None:
    """What HAProxy says on its runtime socket."""
    asked: Json | None = request["haproxy"]
    if asked is None:
        return None
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(SOCKET)
            client.connect(asked["socket"])
            client.sendall(b"show info;show stat\n")
            said = b"".join(iter(functools.partial(client.recv, 65536), b""))
    except OSError as error:
        return {"error": error.strerror or str(error)}
    return {"said": said.decode(errors="replace")}


def keepalived(request: Json) -> Json | None:
    """The state that the notify script wrote down, and where the virtual address is."""
    asked: Json | None = request["keepalived"]
    if asked is None:
        return None
    path = Path(asked["state"])
    return {
        "state": path.read_text(encoding="utf-8").strip() if path.exists() else "",
        "holds": any(asked["address"] in found for found in addresses(request).values()),
        "ipvs": ipvs() if asked["ipvs"] else None,
    }


def ipvs() -> bool:
    """Whether the kernel has LVS, or a module of it that Keepalived would load; nothing is loaded here."""
    if Path("/proc/net/ip_vs").exists():
        return True
    return bool(shutil.which("modprobe", path=PATHS)) and run(["modprobe", "-n", "ip_vs"]).returncode == 0


def firewall(request: Json) -> bool | None:
    """Whether the kernel has that table; None on hosts without nft."""
    table: str | None = request["firewall"]
    if table is None or not shutil.which("nft", path=PATHS):
        return None
    listed = run(["nft", "list", "tables", "inet"])
    if listed.returncode:
        raise OSError(listed.stderr.strip() or "nft failed")
    return f"table inet {table}" in listed.stdout.splitlines()


def lock(request: Json) -> str:
    """What the file of mqctl's lock says of its last holder; nobody's lock is tried here."""
    path = Path(request["lock"])
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


SECTIONS = (
    release,
    packages,
    files,
    units,
    addresses,
    resolves,
    firewall,
    broker,
    shared,
    haproxy,
    keepalived,
    lock,
)


def section(ask: Callable[[Json], Any], request: Json) -> Json:
    """One section's answer, or why there is none."""
    try:
        return {"answer": ask(request)}
    except subprocess.TimeoutExpired as error:
        return {"error": f"{error.cmd[0]} did not answer in {error.timeout:g} s"}
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}


def answer(request: Json, asked: Sequence[Callable[[Json], Any]] = SECTIONS) -> None:
    """Print the whole answer. Leaves at once: a name lookup may hang for longer than anyone waits."""
    sections: Json = {}
    if os.geteuid() != 0:
        sections["denied"] = {"answer": name(pwd.getpwuid, os.geteuid())}
    else:
        pool = concurrent.futures.ThreadPoolExecutor(len(asked))
        started = {ask.__name__: pool.submit(section, ask, request) for ask in asked}
        concurrent.futures.wait(started.values(), WHOLE)
        for key, future in started.items():
            sections[key] = future.result() if future.done() else {"error": f"no answer in {WHOLE:g} s"}
    said = {"began": BEGAN, "at": time.time(), "sections": sections}
    print(MARK + json.dumps(said), flush=True)
    os._exit(0)
