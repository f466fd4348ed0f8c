"""Secrets are in no argument, environment, output or log, and in no file that others can read."""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shlex
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl import lab, share
from mqctl.process import run
from tests.lab import subnets
from tests.lab.conftest import copy_topology
from tests.lab.leftovers import own_name

pytestmark = pytest.mark.lab

ADDRESSES = {"mq1": 11, "mq2": 12, "mq3": 13, "lb1": 21, "lb2": 22}
SAMPLER = Path(__file__).with_name("process_sampler.py")
SECRETS = "group_vars/all/secrets.yml"
HOLDERS = {
    "mq": {"/var/lib/rabbitmq/.erlang.cookie"},
    "lb": {"/etc/haproxy/haproxy.cfg", "/etc/keepalived/keepalived.conf"},
}
"""The only files of a host that may hold a secret, by the beginning of its name."""
SEARCH = """
patterns=$(mktemp -p /dev/shm); cat > $patterns
grep -rlF -f $patterns /etc /var /tmp /run /root /home /opt 2>/dev/null | xargs -r stat -c '%a %n'
journalctl --no-pager --output cat | grep -qF -f $patterns && echo 'journal'
rm $patterns
"""


@dataclass
class Case:
    """An inventory with its lab, every secret it ever had, and all that was said about it."""

    inventory: Path
    subnet: IPv4Network
    home: Path
    known: dict[str, str] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    sampled: dict[str, Any] = field(default_factory=dict)
    files: dict[str, list[str]] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        """Where Ansible is told to write everything down."""
        return self.home / "ansible.log"

    @property
    def content(self) -> dict[str, Any]:
        """The secrets file."""
        found: dict[str, Any] = yaml.safe_load((self.inventory / SECRETS).read_text())
        return found

    def learn(self, generation: str, content: dict[str, Any]) -> None:
        """These secrets are to be looked for: as they are, and as HTTP carries them."""
        users = content["rabbitmq_passwords"]
        plain = {name: text for name, text in content.items() if isinstance(text, str)} | users
        for name, text in plain.items():
            self.known[f"{generation} {name}"] = text
        for user, password in {**users, "stats": content["haproxy_stats_password"]}.items():
            token = base64.b64encode(f"{user}:{password}".encode()).decode()
            self.known[f"{generation} token of {user}"] = token

    def call(self, title: str, *argv: str, **environment: str) -> None:
        """Run a command and keep what it said; its temporary files and its home are the case's own."""
        own = {"HOME": str(self.home), "TMPDIR": str(self.home / "tmp"), "XDG_STATE_HOME": str(self.home)}
        done = subprocess.run(
            argv,
            capture_output=True,
            text=True,
            timeout=600,
            cwd=share.root(),
            env={**os.environ, **own, **environment},
        )
        self.said[title] = done.stdout + done.stderr
        assert done.returncode == 0, self.said[title]

    def mqctl(self, title: str, command: str, *options: str, **environment: str) -> None:
        self.call(title, sys.executable, "-m", "mqctl", command, str(self.inventory), *options, **environment)

    def secrets(self, title: str, command: str, *options: str) -> None:
        """`mqctl secrets`, with an editor that adds a line, and a place of the case's own for it."""
        own = {"XDG_RUNTIME_DIR": str(self.home / "run"), "VISUAL": "sed -i '$a # seen'"}
        argv = (sys.executable, "-m", "mqctl", "secrets", command, str(self.inventory), *options)
        self.call(title, *argv, **own)

    def ansible(self, title: str, *options: str) -> None:
        program = str(Path(sys.executable).with_name("ansible-playbook"))
        argv = (program, "-i", str(self.inventory), "-vvv", "--diff", *options, "playbooks/site.yml")
        self.call(title, *argv, ANSIBLE_LOG_PATH=str(self.log))

    def ssh(self, host: str) -> list[str]:
        return lab.ssh_argv(self.inventory / ".mqctl", self.subnet[ADDRESSES[host]])

    def search(self, host: str) -> list[str]:
        """Files with a secret, with their modes, and whether the journal has one."""
        done = run([*self.ssh(host), SEARCH], stdin="\n".join(self.known.values()) + "\n", timeout=120)
        return done.stdout.splitlines()


def rotated(content: dict[str, Any]) -> dict[str, Any]:
    """The same with new passwords everywhere."""
    return {
        **content,
        "haproxy_stats_password": secrets.token_hex(12),
        "keepalived_auth_pass": secrets.token_hex(4),
        "rabbitmq_passwords": {user: secrets.token_hex(12) for user in content["rabbitmq_passwords"]},
    }


@contextmanager
def sampled(case: Case, where: str, argv: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """While this lasts the processes of a machine are watched; afterwards the case knows what was seen."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sampler:
        assert sampler.stdin is not None
        assert sampler.stdout is not None
        sampler.stdin.write(json.dumps(case.known) + "\n")
        sampler.stdin.flush()
        assert sampler.stdout.readline() == "ready\n"
        yield sampler
        sampler.stdin.close()
        case.sampled[where] = json.load(sampler.stdout)


@contextmanager
def watched(case: Case, canary: str) -> Iterator[None]:
    """All machines at once. The canary proves each time that whoever is careless would be seen."""
    script = f"python3 -c {shlex.quote(SAMPLER.read_text())}"
    careless = f"CANARY={canary} sh -c 'sleep 0.5' {canary}"
    case.known["canary"] = canary
    with ExitStack() as stack:
        stack.enter_context(sampled(case, "here", [sys.executable, str(SAMPLER)]))
        run(["sh", "-c", careless], timeout=10)
        for host in ADDRESSES:
            stack.enter_context(sampled(case, host, [*case.ssh(host), script]))
            assert run([*case.ssh(host), careless], timeout=10).ok
        yield
    del case.known["canary"]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """A first deploy and a rotation of every password, with all that there is to hear and to see."""
    name, subnet = own_name("secrets"), subnets.take()
    inventory = copy_topology("mirrored-3node", tmp_path_factory.mktemp("secrets") / name, subnet)
    with tempfile.TemporaryDirectory(prefix="mq-") as home:
        case = Case(inventory, subnet, Path(home))
        (case.home / "tmp").mkdir()
        (case.home / "run").mkdir(mode=0o700)
        loud = {"ANSIBLE_VERBOSITY": "3", "ANSIBLE_LOG_PATH": str(case.log)}
        try:
            case.call("lab up", sys.executable, "-m", "mqctl", "lab", "up", str(inventory))
            case.learn("first", case.content)
            new = rotated(case.content)
            case.learn("new", new)
            with watched(case, secrets.token_hex(16)):
                case.mqctl("first plan", "plan")
                case.mqctl("first plan as JSON", "plan", "--json")
                case.mqctl("deploy", "deploy", **loud)
                (inventory / SECRETS).write_text(yaml.safe_dump(new))
                case.mqctl("plan", "plan")
                case.mqctl("plan as JSON", "plan", "--json")
                case.ansible("check", "--check")
                case.ansible("playbook")
                case.mqctl("deploy as JSON", "deploy", "--json", **loud)
                case.secrets("secrets", "show")
                case.secrets("secrets as JSON", "show", "--json")
                case.secrets("nothing to make", "init")
                case.secrets("edit", "edit")
            for command in ("status", "verify"):
                case.mqctl(command, command, "--json")
            case.mqctl("render", "render")
            case.said["Ansible's log"] = case.log.read_text()
            case.files = {host: case.search(host) for host in ADDRESSES}
            yield case
        finally:
            lab.down(name)


def test_there_are_secrets_to_be_found(case: Case) -> None:
    assert len(case.known) >= 14
    assert all(len(text) >= 8 for text in case.known.values())


def test_no_process_shows_a_secret(case: Case) -> None:
    assert set(case.sampled) == {"here", *ADDRESSES}
    for where, seen in case.sampled.items():
        assert seen["found"] == [["canary", "cmdline"], ["canary", "environ"]], where
    assert "ssh" in case.sampled["here"]["programs"]
    assert "beam.smp" in case.sampled["mq1"]["programs"]


def test_no_output_and_no_log_has_a_secret(case: Case) -> None:
    for loud in ("playbook", "Ansible's log"):
        assert "TASK [bundle : Place the files]" in case.said[loud]
        assert "module_args" in case.said[loud]
    assert re.search(r"^ +\+.*\*{8}", case.said["first plan"], re.MULTILINE)
    for title, text in case.said.items():
        assert text, title
        assert [name for name, secret in case.known.items() if secret in text] == [], title


@pytest.mark.parametrize("host", ADDRESSES)
def test_only_files_that_nobody_else_can_read_have_secrets(case: Case, host: str) -> None:
    found = {path: mode for mode, _, path in (line.partition(" ") for line in case.files[host])}
    assert set(found) == HOLDERS[host[:2]]
    assert all(mode.endswith("0") for mode in found.values())


def test_nothing_of_it_stays_here(case: Case) -> None:
    """Ansible's and mqctl's temporary files; the inventory keeps its secrets to its owner."""
    left = [path for path in case.home.rglob("*") if path.is_file()]
    for path in left:
        assert not [n for n, secret in case.known.items() if secret.encode() in path.read_bytes()], path
    assert list((case.home / "tmp").iterdir()) == []
    assert list((case.home / "run").iterdir()) == []
    assert (case.inventory / SECRETS).read_text().endswith("# seen\n")
    holders = [path for path in case.inventory.rglob("*") if path.is_file() and _holds(case, path)]
    assert sorted(path.name for path in holders) == ["listing", "secrets.yml"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in holders} == {0o600}


def _holds(case: Case, path: Path) -> bool:
    return any(secret.encode() in path.read_bytes() for secret in case.known.values())
