"""A broker that does not boot with what it was given gets back what it ran with."""

import json
import stat
from pathlib import Path

import pytest


@pytest.fixture
def etc(tmp_path):
    """Where this host's broker has its files."""
    place = tmp_path / "etc"
    place.mkdir()
    return place


@pytest.fixture
def previous(imported, monkeypatch, tmp_path, etc):
    module = imported("ansible.module_utils.mqctl_previous")
    monkeypatch.setattr(module, "PLACE", str(tmp_path / "run" / "previous"))
    monkeypatch.setattr(module, "READ", (f"{etc}/",))
    monkeypatch.setattr(module, "control", lambda *words: told.append(words))
    told = module.told = []
    return module


@pytest.fixture
def conf(etc):
    file = etc / "rabbitmq.conf"
    file.write_text("heartbeat = 27\n")
    file.chmod(0o640)
    return file


def test_the_first_copy_since_the_broker_came_up_comes_back(previous, conf, etc):
    new = etc / "advanced.config"
    for text in ("heartbeat = 1\n", "heartbeat = 2\n"):
        previous.keep(str(conf))
        previous.keep(str(new))
        conf.write_text(text)
        conf.chmod(0o600)
        new.write_text(text)
    assert previous.put_back() == [str(new), str(conf)]
    assert (conf.read_text(), stat.S_IMODE(conf.stat().st_mode)) == ("heartbeat = 27\n", 0o640)
    assert sorted(path.name for path in etc.iterdir()) == ["rabbitmq.conf"]
    assert previous.told == [("daemon-reload",)]
    assert previous.put_back() == []


def test_a_file_that_is_gone_comes_back(previous, conf):
    previous.keep(str(conf))
    conf.unlink()
    previous.put_back()
    assert conf.read_text() == "heartbeat = 27\n"


def test_what_it_came_up_with_is_what_counts_from_then_on(previous, conf):
    previous.keep(str(conf))
    conf.write_text("heartbeat = 1\n")
    previous.forget()
    assert (previous.put_back(), previous.told) == ([], [])
    assert conf.read_text() == "heartbeat = 1\n"


def test_copies_are_root_s_alone_and_only_of_what_a_broker_reads(previous, conf, tmp_path):
    """The cookie and the links' passwords are among them."""
    other = tmp_path / "haproxy.cfg"
    other.write_text("global\n")
    for path in (conf, other):
        previous.keep(str(path))
    place = Path(previous.PLACE)
    (record,) = place.iterdir()
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert stat.S_IMODE(record.stat().st_mode) == 0o600
    assert json.loads(record.read_text())["path"] == str(conf)


def test_all_that_a_broker_reads_is_among_what_is_kept(previous, imported, monkeypatch):
    monkeypatch.undo()
    for path in (
        "/etc/rabbitmq/rabbitmq.conf",
        "/etc/rabbitmq/enabled_plugins",
        "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf",
        "/var/lib/rabbitmq/.erlang.cookie",
    ):
        assert path.startswith(previous.READ)


class Changed:
    """A broker with a changed configuration; its boots end as they are told to."""

    node, others, unit, alone = "rabbit@a", ["rabbit@b"], "rabbitmq-server.service", True

    def __init__(self, *ends):
        self.ends = list(ends)

    def boot(self):
        end = self.ends.pop(0)
        if end:
            raise end

    def gate(self, holds, what):
        raise AssertionError("a broker that did not come up is not asked")


@pytest.fixture
def broker(imported, previous, monkeypatch):
    module = imported("mqctl_broker")
    monkeypatch.setattr(module, "state", lambda unit: {"ActiveState": "active"})
    return module


def test_it_runs_with_the_one_before_and_the_roll_stops(broker, previous, conf):
    previous.keep(str(conf))
    conf.write_text("nonsense\n")
    with pytest.raises(broker.NotDoneError) as caught:
        broker.restart(Changed(broker.DoesNotBootError("rabbit@a does not boot"), None))
    assert str(caught.value) == (
        f"rabbit@a does not boot\nrabbit@a runs again, for {conf} was put back;"
        " rabbit@b may have the new files: correct the inventory and deploy again"
    )
    assert conf.read_text() == "heartbeat = 27\n"


def test_when_it_does_not_boot_with_the_one_before_either_both_reasons_are_told(broker, previous, conf):
    previous.keep(str(conf))
    conf.write_text("nonsense\n")
    ends = broker.DoesNotBootError("rabbit@a does not boot"), broker.NotDoneError("rabbit@a is not up")
    with pytest.raises(broker.NotDoneError) as caught:
        broker.restart(Changed(*ends))
    assert str(caught.value) == f"rabbit@a does not boot\n{conf} was put back, but rabbit@a is not up"


@pytest.mark.parametrize("kind", ["DoesNotBootError", "NotDoneError"])
def test_nothing_is_put_back_for_another_reason(broker, previous, conf, kind):
    """Nothing was changed; or it still waits for its peers, whatever its configuration is."""
    if kind == "NotDoneError":
        previous.keep(str(conf))
        conf.write_text("heartbeat = 1\n")
    changed = Changed(getattr(broker, kind)("rabbit@a is not up"))
    with pytest.raises(broker.NotDoneError, match=r"^rabbit@a is not up$"):
        broker.restart(changed)
    assert changed.ends == []
    assert conf.read_text() == ("heartbeat = 1\n" if kind == "NotDoneError" else "heartbeat = 27\n")
