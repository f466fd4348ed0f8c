"""The real ansible-playbook with the real apply.yml, on hosts that need nothing or cannot be reached."""

import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from mqctl.ansible import runner
from mqctl.ansible.events import HostEvent, PlayEvent
from mqctl.ansible.runner import AnsibleError, Play

NOTHING = {
    "packages": [],
    "files": [],
    "units": {"enable": [], "daemon_reload": False},
    "broker": {"action": None},
    "haproxy": None,
    "keepalived": None,
}


@pytest.fixture
def inventory(tmp_path):
    path = tmp_path / "hosts.yml"
    path.write_text(
        "all: {hosts: {a: {ansible_host: 127.0.0.1, ansible_port: 1}, b: {ansible_connection: local},"
        " c: {ansible_connection: local}},"
        " vars: {ansible_python_interpreter: '{{ ansible_playbook_python }}'}}\n"
    )
    return path


def plan(groups, **hosts):
    return {"hosts": {name: {**NOTHING, **work} for name, work in hosts.items()}, "groups": groups}


def test_a_plan_without_work_ends_well(inventory):
    events = []
    record = runner.run(Play("apply.yml", inventory), plan({}, a={}, b={}), events.append)
    assert record.ended
    assert not record.failed
    assert not record.changed
    assert events[0] == PlayEvent("Unwanted firewalls")


def test_text_that_looks_like_a_template_stays_as_it_is(inventory, tmp_path):
    there = tmp_path / "{{ 1 + 1 }}"
    there.write_text("")
    work = {"files": [{"path": str(there), "action": "delete", "content": None, "diff": ""}]}
    runner.run(Play("apply.yml", inventory), plan({"mqctl_files": ["b"]}, b=work), lambda _: None)
    assert not there.exists()


def test_a_host_that_cannot_be_reached_is_named_with_what_was_done(inventory):
    work = {"files": [{"path": "/x", "action": "create", "content": "", "diff": ""}]}
    with pytest.raises(AnsibleError) as caught:
        runner.run(Play("apply.yml", inventory), plan({"mqctl_files": ["a"]}, a=work), lambda _: None)
    assert caught.value.message.startswith("a: Place the files: cannot be reached: ")
    assert "Connection refused" in caught.value.message
    assert caught.value.hint == "nothing was changed; the same command can be run again"
    assert caught.value.exit_code == 4


def test_a_failed_module_is_told_in_its_own_words_after_what_had_been_changed(inventory, tmp_path):
    there, link = tmp_path / "there", tmp_path / "link"
    there.write_text("")
    link.symlink_to(there)
    work = {
        name: {"files": [{"path": str(path), "action": "delete", "content": None, "diff": ""}]}
        for name, path in (("b", there), ("c", link))
    }
    with pytest.raises(AnsibleError) as caught:
        runner.run(Play("apply.yml", inventory), plan({"mqctl_files": ["b", "c"]}, **work), lambda _: None)
    refused = f"nothing was replaced: {link}: is a symbolic link, mqctl replaces only regular files"
    assert caught.value.message == f"c: Place the files: {refused}"
    assert caught.value.hint == (
        "changed before that: b (place the files); the same command can be run again"
    )
    assert not there.exists()
    assert link.is_symlink()


def test_an_unreadable_inventory_is_one_sentence(tmp_path):
    with pytest.raises(AnsibleError) as caught:
        runner.run(Play("nothing.yml", tmp_path), plan({}), lambda _: None)
    assert caught.value.message.startswith("ansible-playbook ended with exit code ")
    assert "\n" not in caught.value.hint


def test_the_plan_is_readable_by_its_owner_only_and_gone_afterwards(inventory, monkeypatch):
    seen = []

    def stream(argv, line, *, env, timeout):
        del line, timeout
        variables = Path(argv[argv.index("--extra-vars") + 1].removeprefix("@"))
        files = [*variables.parent.iterdir(), variables.parent]
        seen.extend((path, stat.S_IMODE(path.stat().st_mode)) for path in files)
        assert "s3cret" not in " ".join([*argv, *env.values()])
        raise KeyboardInterrupt

    monkeypatch.setattr(runner.process, "stream", stream)
    with pytest.raises(KeyboardInterrupt):
        runner.run(Play("apply.yml", inventory), plan({}, b={"packages": ["s3cret"]}), lambda _: None)
    assert {path.name: mode for path, mode in seen if path.suffix == ".json"} == {
        "groups.json": 0o600,
        "plan.json": 0o600,
        "vars.json": 0o600,
    }
    assert all(mode & 0o077 == 0 for _, mode in seen)
    assert not any(path.exists() for path, _ in seen)


def test_what_a_killed_run_left_is_removed_and_nothing_else(inventory, tmp_path, monkeypatch):
    temporary = tmp_path / "tmp"
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    with subprocess.Popen(["sleep", "0"]) as ended:
        ended.wait()
    dead = temporary / f"mqctl-{ended.pid}-x"
    kept = [temporary / name for name in (f"mqctl-{os.getppid()}-x", f"mqctl-{os.getpid()}-x", "mqctl-notes")]
    for directory in (dead, *kept):
        (directory / "cp").mkdir(parents=True)
        (directory / "plan.json").write_text("{}")
    monkeypatch.setattr(runner.process, "stream", interrupted)
    with pytest.raises(KeyboardInterrupt):
        runner.run(Play("apply.yml", inventory), plan({}), lambda _: None)
    assert sorted(temporary.iterdir()) == sorted(kept)


def interrupted(*_, **__):
    raise KeyboardInterrupt


def test_progress_says_which_host_does_what(inventory, tmp_path):
    there = tmp_path / "there"
    there.write_text("")
    work = {"files": [{"path": str(there), "action": "delete", "content": None, "diff": ""}]}
    events = []
    runner.run(Play("apply.yml", inventory), plan({"mqctl_files": ["b"]}, b=work), events.append)
    told = [
        (event.state, event.task) for event in events if isinstance(event, HostEvent) and event.host == "b"
    ]
    assert ("running", "Place the files") in told
    assert ("changed", "Place the files") in told
