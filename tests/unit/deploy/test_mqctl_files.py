import base64
import grp
import os
import pwd
import resource
import signal
import stat
import time

import pytest

from . import modules

USER = pwd.getpwuid(os.geteuid()).pw_name
GROUP = grp.getgrgid(os.getegid()).gr_name
REFUSES = ["sh", "-c", "echo line 3 is wrong >&2; exit 1", "%s"]


def entry(path, content="new\n", action="update", mode="0640", **more):
    encoded = None if content is None else base64.b64encode(content.encode()).decode()
    return {
        "path": str(path),
        "action": action,
        "content": encoded,
        "owner": USER,
        "group": GROUP,
        "mode": mode,
        **more,
    }


def place(*files, check=False):
    return modules.run("mqctl_files", {"files": list(files)}, check)


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_gets_content_and_mode_and_its_directory(tmp_path):
    path = tmp_path / "unit.d" / "mqctl.conf"
    answer = place(entry(path, "text\n", "create", "0600"))
    assert answer["changed"]
    assert answer["placed"] == [str(path)]
    assert path.read_text() == "text\n"
    assert mode(path) == 0o600


def test_the_second_call_changes_nothing_and_leaves_the_file_alone(tmp_path):
    path = tmp_path / "a"
    place(entry(path))
    before = path.stat()
    answer = place(entry(path))
    assert not answer["changed"]
    assert answer["placed"] == []
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_file_that_does_not_fit_is_named_and_nothing_of_it_stays(tmp_path):
    small, large = tmp_path / "small", tmp_path / "large"
    large.write_text("old\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, before[1]))
    try:
        answer = place(entry(small, action="create"), entry(large, "x" * 100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert answer["msg"] == f"nothing was replaced: {large}: File too large"
    assert list(tmp_path.iterdir()) == [large]
    assert large.read_text() == "old\n"


def test_wrong_attributes_are_corrected_without_a_new_time_stamp(tmp_path):
    path = tmp_path / "a"
    path.write_text("new\n")
    path.chmod(0o666)
    before = path.stat().st_mtime_ns
    assert place(entry(path, action="attributes"))["changed"]
    assert mode(path) == 0o640
    assert path.stat().st_mtime_ns == before


def test_a_replacement_is_a_new_file_under_the_old_name(tmp_path):
    path = tmp_path / "a"
    path.write_text("old\n")
    with path.open() as reader:
        place(entry(path))
        assert reader.read() == "old\n"
    assert path.read_text() == "new\n"


def test_what_is_declared_absent_goes_once(tmp_path):
    path = tmp_path / "a"
    path.write_text("old\n")
    assert place(entry(path, None, "delete"))["changed"]
    assert not path.exists()
    assert not place(entry(path, None, "delete"))["changed"]


def test_bytes_arrive_as_they_are(tmp_path):
    path = tmp_path / "a"
    text = "{{ not_jinja }} ${x} 'ä' \\ % # \"\t\r\n"
    place(entry(path, text, "create"))
    assert path.read_bytes() == text.encode()


def test_check_mode_says_what_would_change_and_touches_nothing(tmp_path):
    path, gone = tmp_path / "a", tmp_path / "gone"
    path.write_text("old\n")
    gone.write_text("old\n")
    answer = place(
        entry(path, diff="-old\n+new\n"), entry(gone, None, "delete"), entry(tmp_path / "d" / "x"), check=True
    )
    assert answer["changed"]
    assert len(answer["placed"]) == 3
    assert path.read_text() == "old\n"
    assert gone.exists()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "gone"]


def test_the_diff_is_the_masked_one_and_the_content_appears_nowhere(tmp_path):
    secret = "cookie-of-the-cluster"
    arguments = {"files": [entry(tmp_path / "a", secret, diff="-********\n+********\n")]}
    out, err = modules.start("mqctl_files", arguments).communicate(timeout=60)
    assert "+********" in out
    assert secret not in out + err
    assert base64.b64encode(secret.encode()).decode() not in out + err


def test_one_refusal_keeps_every_file_as_it_was(tmp_path):
    first, second, created, gone = (tmp_path / name for name in ("a", "b", "c", "gone"))
    for path in (first, second, gone):
        path.write_text("old\n")
    answer = place(
        entry(created, action="create"),
        entry(first),
        entry(second, validate=REFUSES),
        entry(gone, None, "delete"),
    )
    assert answer["failed"]
    assert answer["msg"] == f"nothing was replaced: {second}: refused by sh: line 3 is wrong"
    assert first.read_text() == second.read_text() == gone.read_text() == "old\n"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a", "b", "gone"]


def test_every_refusal_is_told(tmp_path):
    answer = place(entry(tmp_path / "a", validate=REFUSES), entry(tmp_path / "b", validate=REFUSES))
    assert answer["msg"].count("line 3 is wrong") == 2


def test_a_check_sees_the_candidate_with_its_mode_and_the_new_files_before_it(tmp_path):
    script, config = tmp_path / "check", tmp_path / "config"
    config.write_text("old\n")
    needs = ["sh", "-c", f'test -x {script} && grep -q new "$0" && test "$(stat -c %a "$0")" = 640', "%s"]
    answer = place(entry(script, "#!/bin/sh\n", "create", "0755"), entry(config, validate=needs))
    assert "failed" not in answer, answer
    assert config.read_text() == "new\n"


@pytest.mark.parametrize(
    ("validate", "message"),
    [
        (["no-such-program", "%s"], "no-such-program, which checks it, is not installed"),
        (["false"], "refused by false: exit code 1"),
    ],
)
def test_a_check_that_cannot_agree_refuses(tmp_path, validate, message):
    answer = place(entry(tmp_path / "a", validate=validate))
    assert answer["failed"]
    assert message in answer["msg"]
    assert not (tmp_path / "a").exists()


def test_the_candidates_name_is_not_shown_to_the_user(tmp_path):
    answer = place(entry(tmp_path / "a", validate=["sh", "-c", 'echo "$0:7: no" >&2; exit 1', "%s"]))
    assert f"{tmp_path}/a:7: no" in answer["msg"]


def test_links_directories_and_relative_paths_are_refused(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old\n")
    link.symlink_to(target)
    (tmp_path / "d").mkdir()
    assert "is a symbolic link" in place(entry(link))["msg"]
    assert "not a regular file" in place(entry(tmp_path / "d"))["msg"]
    assert "not an absolute path" in place(entry("etc/hosts"))["msg"]
    assert "its directory is a file" in place(entry(target / "x"))["msg"]
    assert target.read_text() == "old\n"
    assert link.is_symlink()


def test_unknown_owners_are_refused_before_anything_is_written(tmp_path):
    first = tmp_path / "a"
    answer = place(entry(first), {**entry(tmp_path / "b"), "owner": "nobody-of-that-name"})
    assert "there is no user nobody-of-that-name" in answer["msg"]
    assert not first.exists()
    answer = place({**entry(tmp_path / "b"), "group": "no-such-group"})
    assert "there is no group no-such-group" in answer["msg"]


def test_a_module_killed_while_it_checks_leaves_the_old_file_and_the_next_run_tidies(tmp_path):
    path, reached = tmp_path / "a", tmp_path / "reached"
    path.write_text("old\n")
    slow = ["sh", "-c", f"echo $$ > {reached}; exec sleep 60", "%s"]
    module = modules.start("mqctl_files", {"files": [entry(path, validate=slow)]})
    try:
        deadline = time.monotonic() + 30
        while not (reached.exists() and reached.read_text().strip()):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        module.send_signal(signal.SIGKILL)
        module.communicate(timeout=30)
    finally:
        os.kill(int(reached.read_text()), signal.SIGTERM)
    assert path.read_text() == "old\n"
    assert len(list(tmp_path.glob(".a.mqctl-*"))) == 1
    assert place(entry(path))["changed"]
    assert path.read_text() == "new\n"
    assert list(tmp_path.glob(".a.mqctl-*")) == []


def test_readers_never_see_half_a_file(tmp_path):
    path = tmp_path / "a"
    texts = {"x" * 200_000, "y" * 200_000}
    path.write_text(min(texts))
    for round_ in range(4):
        module = modules.start("mqctl_files", {"files": [entry(path, sorted(texts)[(round_ + 1) % 2])]})
        while module.poll() is None:
            assert path.read_text() in texts
        module.communicate()
    assert path.read_text() == min(texts)


@pytest.fixture
def systemd(tmp_path):
    """A systemctl that notes its calls and refuses those with "wrong", and where it notes them."""
    programs, calls = tmp_path / "programs", tmp_path / "calls"
    programs.mkdir()
    systemctl = programs / "systemctl"
    systemctl.write_text(
        f'#!/bin/sh\necho "$*" >>{calls}\ncase "$*" in *wrong*) echo no such unit >&2; exit 1;; esac\n'
    )
    systemctl.chmod(0o755)
    calls.touch()
    return programs, calls


def test_systemd_hears_of_units_once_their_files_are_there(tmp_path, systemd):
    programs, calls = systemd
    asked = {"files": [entry(tmp_path / "a")], "daemon_reload": True, "enable": ["a.service", "b.service"]}
    answer = modules.run("mqctl_files", asked, path=programs)
    assert answer["changed"]
    assert answer["note"] == "enabled a.service, b.service"
    assert calls.read_text() == "daemon-reload\nenable --quiet a.service b.service\n"


def test_systemd_hears_nothing_of_files_that_are_refused_or_only_looked_at(tmp_path, systemd):
    programs, calls = systemd
    units = {"daemon_reload": True, "enable": ["a.service"]}
    refused = {"files": [entry(tmp_path / "a", validate=REFUSES)], **units}
    assert modules.run("mqctl_files", refused, path=programs)["failed"]
    looked_at = modules.run("mqctl_files", {"files": [], **units}, check=True, path=programs)
    assert looked_at["changed"]
    assert calls.read_text() == ""


def test_a_unit_that_cannot_be_enabled_fails_in_systemds_words(tmp_path, systemd):
    programs, _ = systemd
    asked = {"files": [entry(tmp_path / "a")], "enable": ["wrong.service"]}
    answer = modules.run("mqctl_files", asked, path=programs)
    assert answer["failed"]
    assert answer["msg"] == "systemctl enable --quiet wrong.service: no such unit"
