"""What guards the entrance's own doors, in every topology that is rendered: nobody gets in without a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from mqctl.model.base import reveal
from mqctl.model.bundle import FileSpec
from mqctl.render.bundle import render
from tests.golden.refresh import TOPOLOGIES

RUNS_AS_ROOT = "/etc/keepalived/"
"""Keepalived runs what lies there."""


def files(topology: str, path: str) -> Iterator[FileSpec]:
    for bundle in render(TOPOLOGIES[topology]()).values():
        yield from (file for file in bundle.files if file.path.startswith(path) and file.kind == "file")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_statistics_ask_for_a_password_and_allow_no_changes(topology: str) -> None:
    for file in files(topology, "/etc/haproxy/haproxy.cfg"):
        text = reveal(file.content)
        for section in re.split(r"^(?=\S)", text, flags=re.MULTILINE):
            assert ("stats enable" in section) == ("stats auth " in section)
        assert text.count("stats enable") == 1
        assert "stats admin" not in text
        assert "stats hide-version" in text


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_runtime_socket_is_a_file_of_haproxys_group(topology: str) -> None:
    for file in files(topology, "/etc/haproxy/haproxy.cfg"):
        (socket,) = re.findall(r"^ *stats socket '(\S+)' (.*)$", reveal(file.content), re.MULTILINE)
        assert socket[0].startswith("/")
        assert socket[1].startswith("mode 660 ")
        assert socket[1].endswith(" user haproxy group haproxy")


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_haproxy_gives_up_root(topology: str) -> None:
    for file in files(topology, "/etc/haproxy/haproxy.cfg"):
        (section,) = re.findall(r"^global\n((?: .*\n)+)", reveal(file.content), re.MULTILINE)
        assert {"    user haproxy", "    group haproxy", "    chroot /var/lib/haproxy"} <= set(
            section.splitlines()
        )


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_keepalived_runs_only_what_root_alone_may_write(topology: str) -> None:
    for file in files(topology, RUNS_AS_ROOT):
        assert (file.owner, int(file.mode, 8) & 0o022) == ("root", 0)
        if file.path.endswith(".conf"):
            text = reveal(file.content)
            assert "enable_script_security" in text
            named = re.findall(r'^ *(?:script|notify) "(\S+)', text, re.MULTILINE)
            assert named
            assert all(name.startswith(RUNS_AS_ROOT) for name in named)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_check_asks_haproxy_without_root(topology: str) -> None:
    """Root is left before the only question it asks when it restarts nothing."""
    for file in files(topology, "/etc/keepalived/check-haproxy"):
        asks = reveal(file.content).rstrip().splitlines()[-2:]
        assert asks == ["become_haproxy();", "exit(answers() ? 0 : 1);"]


CONF = (
    "loopback_users.guest = true",
    "default_user_tags.administrator = false",
    *(f"default_permissions.{right} = ^$" for right in ("configure", "read", "write")),
)
TERMS = (
    '{loopback_users, [<<"guest">>]}',
    "{default_user_tags, []}",
    '{default_permissions, [<<"^$">>,<<"^$">>,<<"^$">>]}',
)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_the_guest_of_a_first_boot_may_do_nothing(topology: str) -> None:
    """Until mqctl removes it: from nowhere but the host itself, without a tag and a permission."""
    named = {"/etc/rabbitmq/rabbitmq.conf": CONF, "/etc/rabbitmq/rabbitmq.config": TERMS}
    found = [file for file in files(topology, "/etc/rabbitmq/") if file.path in named]
    assert found
    for file in found:
        text = reveal(file.content)
        assert [line for line in named[file.path] if line not in text] == []
