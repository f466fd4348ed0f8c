"""Rendered files against the programs that read them, on each Debian release: one container, one batch."""

from __future__ import annotations

import base64
import json
import os
import random
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mqctl.lab import engine, images
from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.model.lab import Release
from mqctl.model.topology import Topology
from mqctl.render import erlang
from mqctl.render.bundle import render
from tests import nasty
from tests.topologies import STATS_PASSWORD, mirrored_3node

pytestmark = pytest.mark.lab

VERSIONS: dict[Release, str] = {"bullseye": "3.8", "bookworm": "3.10", "trixie": "4.0", "sid": "4.3"}
LABEL = "mqctl.test=render"
BATCH = Path(__file__).with_name("render_batch.py")

TOPOLOGIES = ("mirrored-3node", "classic", "variants", "ipv6", "evil-conf", "evil-terms")

SPECIAL = "'\"\\$%#{}[]()<>,.;:!~?*&|=+-@^` \té日\u0000\u001f\u007f\u00ff\U0001f407"


def topologies(version: str) -> dict[str, Topology]:
    return {
        "mirrored-3node": mirrored_3node({"version": version}),
        "classic": mirrored_3node({"version": version, "config_format": "classic"}),
        "variants": nasty.variants(),
        "ipv6": nasty.six(),
        "evil-conf": nasty.evil_conf(version),
        "evil-terms": nasty.evil_terms(version),
    }


def alone(topology: Topology) -> Topology:
    """Without the peers of the first broker, who would wait for them for ever."""
    hosts = tuple(host for host in topology.hosts if not host.broker or host.name == "mq1")
    return topology.model_copy(update={"hosts": hosts})


def files(topology: Topology, name: str) -> list[dict[str, Any]]:
    host = next(host for host in render(topology) if host.partition(".")[0] == name)
    return [as_json(spec) for spec in render(topology)[host].files]


def as_json(spec: FileSpec) -> dict[str, Any]:
    return {**spec.model_dump(mode="json"), "content": reveal(spec.content)}


def broken(version: str) -> dict[str, dict[str, Any]]:
    """One thing wrong in each; the name tells what."""
    wanted = topologies(version)
    every = [*files(wanted["mirrored-3node"], "mq1"), *files(wanted["mirrored-3node"], "lb1")]
    every += files(wanted["classic"], "mq1")
    good = {spec["path"].rpartition("/")[2]: spec for spec in every if spec["validator"]}
    changes = {
        "rabbitmq.conf unknown key": ("rabbitmq.conf", r"^heartbeat", "heartbeats"),
        "rabbitmq.conf wrong type": ("rabbitmq.conf", r"^heartbeat = 30", "heartbeat = soon"),
        "rabbitmq.conf no value": ("rabbitmq.conf", r"^heartbeat = 30", "heartbeat"),
        "rabbitmq.conf unknown word": ("rabbitmq.conf", r"pause_minority", "pause"),
        "rabbitmq.config no final dot": ("rabbitmq.config", r"\.\n\Z", "\n"),
        "rabbitmq.config trailing comma": ("rabbitmq.config", r"\n\]\.\n\Z", ",\n].\n"),
        "rabbitmq.config two terms": ("rabbitmq.config", r"\Z", "[].\n"),
        "rabbitmq.config no list": ("rabbitmq.config", r"(?s)^\[.*\Z", "{rabbit, []}.\n"),
        "enabled_plugins open": ("enabled_plugins", r"\]", ""),
        "haproxy.cfg unknown word": ("haproxy.cfg", r"balance leastconn", "balance best"),
        "haproxy.cfg no address": ("haproxy.cfg", r"server mq1 \S+", "server mq1"),
        "haproxy.cfg open quote": ("haproxy.cfg", r"(stats auth .*)'\n", r"\1\n"),
        "keepalived.conf unknown word": ("keepalived.conf", r"priority", "prority"),
        "keepalived.conf no brace": ("keepalived.conf", r"\}\n\Z", ""),
        "keepalived.conf no script": ("keepalived.conf", r"check-haproxy", "no-such-script"),
        "keepalived.conf long password": ("keepalived.conf", r"vrrptest", "longer-than-8"),
        "keepalived.conf fraction": ("keepalived.conf", r"advert_int 1", "advert_int 1.5"),
    }
    return {name: changed(good[file], pattern, text) for name, (file, pattern, text) in changes.items()}


def changed(spec: dict[str, Any], pattern: str, replacement: str) -> dict[str, Any]:
    content, count = re.subn(pattern, replacement, spec["content"], count=1, flags=re.MULTILINE)
    assert count == 1, f"{pattern} is not in {spec['path']}"
    return {**spec, "content": content}


BROKEN = tuple(broken("3.10"))


def texts() -> list[str]:
    """Random texts of special characters, the same in every run."""
    chosen = random.Random(7)
    return ["".join(chosen.choices(SPECIAL + "aZ0", k=chosen.randint(1, 20))) for _ in range(300)]


def terms() -> dict[str, str]:
    tags = {
        "binary": lambda text: text,
        "string": lambda text: {"string": text},
        "atom": lambda text: {"atom": text},
    }
    return {tag: erlang.term([make(text) for text in texts()], tag) + ".\n" for tag, make in tags.items()}


def in_base64(expression: str) -> str:
    return f"base64:encode_to_string({expression})"


def env(app: str, key: str) -> str:
    return f"element(2, {{ok, _}} = application:get_env({app}, {key}))"


ASK = {
    "cluster_name": in_base64("rabbit_nodes:cluster_name()"),
    "heartbeat": env("rabbit", "heartbeat"),
    "ticktime": "net_kernel:get_net_ticktime()",
    "distribution": env("kernel", "inet_dist_listen_min"),
    "binary": in_base64(f"{env('mqctl_test', 'binary')}"),
    "string": in_base64(f"unicode:characters_to_binary({env('mqctl_test', 'string')})"),
    "atom": in_base64(f"atom_to_binary({env('mqctl_test', 'atom')}, utf8)"),
    "vhost": in_base64(f"{env('rabbit', 'default_vhost')}"),
    "permissions": 'hd(rabbit_auth_backend_internal:list_user_permissions(<<"guest">>))',
    "plugins": "lists:sort(rabbit_plugins:active())",
}


def at_once(expressions: dict[str, str]) -> str:
    """A line for each in one call: every rabbitmqctl boots an Erlang VM of its own."""
    pairs = ", ".join(f'{{"{name}", (catch {expression})}}' for name, expression in expressions.items())
    return f'[io:format("~s ~0p~n", [Name, Value]) || {{Name, Value}} <- [{pairs}]].'


def job(version: str) -> dict[str, Any]:
    wanted = topologies(version)
    boot = {
        name: {"files": files(alone(wanted[name]), "mq1"), "ask": at_once(ASK)}
        for name in ("mirrored-3node", "evil-conf", "evil-terms")
    }
    gates = {
        name: {
            "files": files(wanted[name], "lb1"),
            "url": "http://127.0.0.1:8100/haproxy?stats",
            "credentials": who,
        }
        for name, who in (
            ("mirrored-3node", f"stats:{STATS_PASSWORD}"),
            ("evil-conf", f"st'a$ts#%:{nasty.EVIL}"),
        )
    }
    return {
        "place": {
            f"{name}/{host}": files(wanted[name], host) for name in TOPOLOGIES for host in ("mq1", "lb1")
        },
        "broken": broken(version),
        "consult": terms(),
        "boot": boot,
        "entrance": gates,
    }


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=pytest.mark.matrix if one == "sid" else ()) for one in VERSIONS],
)
def release(request: pytest.FixtureRequest) -> Release:
    chosen: Release = request.param
    return chosen


@pytest.fixture(scope="module")
def said(release: Release) -> Iterator[dict[str, Any]]:
    """What the programs of a release said to everything, asked in one container."""
    images.build(engine.connect(), release, lambda what, message: None)
    name = f"mqctl-test-render-{os.getpid()}"
    docker("network", "create", "--label", LABEL, name)
    try:
        options = ["--name", name, "--network", name, "--label", LABEL, "--hostname", "mq1"]
        image = images.full(release)
        docker("run", "--detach", *options, "--cap-add", "NET_ADMIN", "--entrypoint", "sleep", image, "900")
        docker("cp", "-q", str(BATCH), f"{name}:/batch.py")
        answers = docker("exec", "-i", name, "python3", "/batch.py", stdin=json.dumps(job(VERSIONS[release])))
        yield json.loads(answers)
    finally:
        docker("rm", "--force", name)
        docker("network", "rm", name)


def docker(*arguments: str, stdin: str = "") -> str:
    done = subprocess.run(
        ["docker", *arguments], input=stdin, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("host", ["mq1", "lb1"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_every_file_is_accepted_by_its_program(said: dict[str, Any], topology: str, host: str) -> None:
    placed = said["placed"][f"{topology}/{host}"]
    assert {path: told for path, told in placed.items() if told["code"] != 0} == {}
    assert len(placed) >= 2
    assert [told["left"] for told in placed.values() if told["left"]] == []


@pytest.mark.parametrize("name", BROKEN)
def test_every_program_refuses_what_is_broken(said: dict[str, Any], name: str) -> None:
    told = said["broken"][name]
    assert told["code"] not in (0, "timeout")
    assert told["out"] + told["err"]


@pytest.mark.parametrize("tag", ["binary", "string", "atom"])
def test_erlang_reads_back_every_text(said: dict[str, Any], tag: str) -> None:
    assert [base64.b64decode(text).decode() for text in said["consulted"][tag]] == texts()


@pytest.mark.parametrize("topology", ["mirrored-3node", "evil-conf", "evil-terms"])
def test_a_broker_boots_and_guest_can_do_nothing(said: dict[str, Any], topology: str) -> None:
    told = said["boot"][topology]
    assert told["started"]["code"] == 0, told["log"]
    assert told["users"][1:] == ["guest\t[]", ""]
    assert told["said"]["permissions"].count('<<"^$">>') == 3
    assert told["said"]["ticktime"] == "60"
    assert told["said"]["distribution"] == "25672"
    assert "rabbitmq_management," in told["said"]["plugins"]


def text_of(told: dict[str, Any], key: str) -> str:
    return base64.b64decode(told["said"][key].strip('"')).decode()


def test_a_broker_reads_the_plain_values(said: dict[str, Any]) -> None:
    told = said["boot"]["mirrored-3node"]
    assert text_of(told, "cluster_name") == "mirrored-3node"
    assert told["said"]["heartbeat"] == "30"


@pytest.mark.parametrize(("topology", "heartbeat"), [("evil-conf", "77"), ("evil-terms", "30")])
def test_a_broker_reads_every_evil_value_whole(said: dict[str, Any], topology: str, heartbeat: str) -> None:
    told = said["boot"][topology]
    assert text_of(told, "cluster_name") == nasty.EVIL
    assert told["said"]["heartbeat"] == heartbeat
    assert [text_of(told, key) for key in ("binary", "string", "atom")] == [nasty.EVIL] * 3
    assert told["environment"] == nasty.ENV_EVIL
    assert "rabbitmq_shovel," in told["said"]["plugins"]


def test_a_broker_reads_evil_lines_of_rabbitmq_conf_whole(said: dict[str, Any]) -> None:
    assert text_of(said["boot"]["evil-conf"], "vhost") == nasty.CONF_EVIL


@pytest.mark.parametrize("topology", ["mirrored-3node", "evil-conf"])
def test_the_statistics_page_knows_its_password(said: dict[str, Any], topology: str) -> None:
    told = said["entrance"][topology]
    assert (told["page"], told["wrong"]) == (200, 401)


@pytest.mark.parametrize("topology", ["mirrored-3node", "evil-conf"])
def test_the_check_sees_an_haproxy_that_is_stuck_or_gone(said: dict[str, Any], topology: str) -> None:
    told = said["entrance"][topology]
    assert told["up"]
    assert told["stopped"]["code"] not in (0, "timeout")
    assert told["stopped"]["seconds"] < 3
    assert told["continued"]["code"] == 0
    assert told["killed"]["code"] not in (0, "timeout")


@pytest.mark.parametrize(
    ("topology", "password"), [("mirrored-3node", "vrrptest"), ("evil-conf", nasty.VRRP_EVIL)]
)
def test_keepalived_reads_its_password_whole(said: dict[str, Any], topology: str, password: str) -> None:
    told = said["entrance"][topology]["keepalived"]
    assert f"Password = {password}\n" in told["out"] + told["err"]
