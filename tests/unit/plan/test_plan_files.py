"""Files: created, changed, removed, left alone; secrets never shown."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.model.base import reveal, sha256
from mqctl.model.bundle import HostBundle
from mqctl.model.status import FileStatus, HostStatus
from mqctl.plan.files import plan_file, plan_files
from tests.unit.plan.hosts import placed, spec
from tests.unit.plan.refused import told

CONF = spec("/etc/rabbitmq/rabbitmq.conf", "heartbeat = 30\n")
COOKIE = spec("/cookie", "SECRETCOOKIE", mode="0400", owner="rabbitmq", secrecy="secret")
MASKED = spec("/k", "auth_pass hunter2\nx\n", secrecy="masked", masks=(r"auth_pass (\S+)",))
GONE = spec("/etc/rabbitmq/rabbitmq.config", "", kind="absent")
BLOCK = spec("/etc/hosts", "10.0.0.1 mq1\n", kind="block")
NOTHING = FileStatus(path="/x", exists=False)


def lying(text: str, **attributes: Any) -> FileStatus:
    told = {"owner": "root", "group": "root", "mode": "0644", "content": SecretStr(text), **attributes}
    return FileStatus(path="/x", exists=True, sha256=sha256(text), **told)


@pytest.mark.parametrize("one", [CONF, COOKIE, MASKED, GONE, BLOCK])
def test_a_file_that_is_as_wanted_needs_nothing(one: Any) -> None:
    assert plan_file("mq1", one, placed(one)) is None


@pytest.mark.parametrize(
    ("one", "live", "action"),
    [
        (CONF, NOTHING, "create"),
        (CONF, lying("heartbeat = 60\n"), "update"),
        (CONF, lying("heartbeat = 30\n", mode="0600"), "attributes"),
        (CONF, lying("heartbeat = 30\n", owner="rabbitmq"), "attributes"),
        (CONF, lying("heartbeat = 30\n", group="rabbitmq"), "attributes"),
        (GONE, lying("[].\n"), "delete"),
        (COOKIE, NOTHING, "create"),
        (COOKIE, lying("OTHER", content=None), "update"),
        (BLOCK, NOTHING, "create"),
        (BLOCK, lying("127.0.0.1 localhost\n"), "update"),
    ],
)
def test_a_file_that_differs_needs_one_change(one: Any, live: FileStatus, action: str) -> None:
    change = plan_file("mq1", one, live)
    assert change is not None
    assert change.action == action


def test_an_update_shows_both_sides() -> None:
    change = plan_file("mq1", CONF, lying("heartbeat = 60\n"))
    assert change is not None
    assert "-heartbeat = 60" in change.diff
    assert "+heartbeat = 30" in change.diff


def test_attributes_are_shown_without_content() -> None:
    change = plan_file("mq1", COOKIE, lying("SECRETCOOKIE", content=None))
    assert change is not None
    assert change.diff == "-root:root 0644\n+rabbitmq:root 0400\n"


def test_a_secret_file_shows_nothing() -> None:
    change = plan_file("mq1", COOKIE, NOTHING)
    assert change is not None
    assert change.diff == ""
    assert "SECRETCOOKIE" not in repr(change)


def test_masks_hide_the_old_and_the_new_secret() -> None:
    change = plan_file("mq1", MASKED, lying("auth_pass oldpass\ny\n"))
    assert change is not None
    assert "-y" in change.diff
    assert "hunter2" not in change.diff + repr(change)
    assert "oldpass" not in change.diff + repr(change)


def test_a_block_keeps_what_is_around_it() -> None:
    change = plan_file("mq1", BLOCK, lying("127.0.0.1 localhost\n10.9.9.9 other\n"))
    assert change is not None
    text = reveal(change.spec.content)
    assert text.startswith("127.0.0.1 localhost\n10.9.9.9 other\n")
    assert "10.0.0.1 mq1" in text


@pytest.mark.parametrize(
    "files",
    [{}, {"/etc/hosts": FileStatus(path="/etc/hosts", exists=True, sha256="x", content=None)}],
)
def test_a_file_that_was_not_read_is_refused_not_overwritten(files: dict[str, FileStatus]) -> None:
    bundle = HostBundle(host="mq1", packages=(), files=(BLOCK,), services=())
    changes, refusals = plan_files(bundle, HostStatus(host="mq1", files=files))
    assert changes == []
    assert told(refusals) == [
        ("mq1: /etc/hosts could not be read", "mqctl reads files as root: check become")
    ]
