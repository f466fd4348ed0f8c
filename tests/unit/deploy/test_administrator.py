"""A node makes its administrator itself; the password goes in through a pipe, and never into an argument."""

from __future__ import annotations

import base64
import re
import subprocess

import pytest

PASSWORD = 'pa"ss>>\\word'


@pytest.fixture
def objects(imported):
    return imported("mqctl_objects")


@pytest.fixture
def node(imported):
    return imported("ansible.module_utils.mqctl_node")


def saying(text):
    return subprocess.CompletedProcess([], 0, text)


YES = saying(f"mqctl:{base64.b64encode(b'true').decode()}\n")


def test_the_node_gets_name_and_password_as_they_are(node, monkeypatch):
    given = []
    monkeypatch.setattr(node, "by_erl_call", lambda name, text: given.append((name, text)) or YES)
    monkeypatch.setattr(node, "by_rabbitmqctl", lambda *a: pytest.fail("it would be in its arguments"))
    assert node.make_administrator("rabbit@mq1", "admin", PASSWORD)
    ((name, text),) = given
    words = [base64.b64decode(word).decode() for word in re.findall(r'decode\(<<"([^"]*)">>\)', text)]
    assert (name, words) == ("rabbit@mq1", ["admin", PASSWORD])
    assert PASSWORD not in text
    assert text.endswith(" ok.\n")
    assert text.count("\n") == 1


@pytest.mark.parametrize("answer", [None, saying(""), saying("{badmatch,{error,too_short}}\n")])
def test_a_node_that_did_not_is_told_from_one_that_did(node, monkeypatch, answer):
    monkeypatch.setattr(node, "by_erl_call", lambda name, text: answer)
    monkeypatch.setattr(node, "by_rabbitmqctl", lambda *a: pytest.fail("it would be in its arguments"))
    assert not node.make_administrator("rabbit@mq1", "admin", PASSWORD)


@pytest.mark.parametrize(("done", "calls"), [(True, []), (False, ["add_user"])])
def test_rabbitmqctl_is_for_nodes_that_cannot(objects, monkeypatch, done, calls):
    called = []
    monkeypatch.setattr(objects, "by_itself", lambda *arguments: done)
    monkeypatch.setattr(objects, "run", lambda argv: saying("[]"))
    monkeypatch.setattr(objects, "rabbitmqctl", lambda argv, stdin=None: called.append(argv[0]))
    objects.make_administrator("rabbit@mq1", "admin", PASSWORD)
    assert called[:1] == calls
