import json
import signal
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.ansible.callback.mqctl_events import CallbackModule
from mqctl.ansible.events import EndEvent, HostEvent, PlayEvent, Record, parse


def line(**fields):
    return json.dumps(fields) + "\n"


def host(state, message="", name="mq1", task="Place the files"):
    return line(event="host", host=name, task=task, state=state, message=message)


@pytest.mark.parametrize("state", ["running", "ok", "changed", "skipped", "failed", "unreachable"])
def test_every_state_of_a_host(state):
    assert parse(host(state, " why \n")) == HostEvent("mq1", "Place the files", state, "why")


def test_plays_and_the_end():
    assert parse(line(event="play", name="Objects")) == PlayEvent("Objects")
    end = parse(
        line(
            event="end",
            hosts={"a": {"failures": 0, "unreachable": 0}, "b": {"failures": 1}, "c": {"unreachable": 1}},
        )
    )
    assert end == EndEvent(("b", "c"))


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "\n",
        "PLAY [all] ****",
        "[WARNING]: something",
        "{",
        "null",
        "[]",
        '"event"',
        "12",
        line(event="host"),
        line(event="host", host=1, state="ok"),
        line(event="host", host="a", state="perfect"),
        line(event="host", host="a", state=["ok"]),
        line(event="end"),
        line(event="end", hosts=[]),
        line(event={"a": 1}),
        line(other=1),
        "\x00\x1b[0m{}",
    ],
)
def test_anything_else_is_no_event(hostile):
    assert parse(hostile) is None


@given(st.text())
def test_no_text_breaks_the_parser(text):
    parse(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda x: (
            st.lists(x)
            | st.dictionaries(st.sampled_from(["event", "host", "hosts", "state", "name", "message"]), x)
        ),
    )
)
def test_no_json_breaks_the_parser(data):
    parse(json.dumps(data))


def test_messages_are_cut():
    event = parse(host("failed", "x" * 100_000))
    assert isinstance(event, HostEvent)
    assert len(event.message) == 4000


def test_a_rescued_failure_is_no_failure_at_the_end():
    record = Record()
    for text in (host("failed", "no candidate"), host("changed"), host("failed", "refused", "mq2")):
        record.note(parse(text))
    record.note(parse(line(event="end", hosts={"mq1": {"rescued": 1}, "mq2": {"failures": 1}})))
    assert record.ended
    assert list(record.failed) == ["mq2"]
    assert [event.host for event in record.changed] == ["mq1"]


def test_ansible_ends_when_nobody_hears_it_any_more():
    """mqctl was killed, and its locks are gone: no further task may begin."""
    code = (
        "import os; os.setsid()\n"
        "from mqctl.ansible.callback.mqctl_events import CallbackModule\n"
        "tell = CallbackModule()._tell\n"
        "print('ready', flush=True); input()\n"
        "tell('play', name='x')\n"
        "os._exit(7)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as ansible:
        assert ansible.stdout.readline() == "ready\n"
        ansible.stdout.close()
        ansible.stdin.write("\n")
        ansible.stdin.close()
        assert ansible.wait(30) == -signal.SIGTERM


def test_an_audience_changes_nothing(capsys):
    CallbackModule()._tell("play", name="x")
    assert json.loads(capsys.readouterr().out) == {"event": "play", "name": "x"}
