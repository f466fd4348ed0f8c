"""When a broker may be stopped, judged from what it says of itself."""

import socket
import subprocess
import threading
from pathlib import Path

import pytest

from mqctl.probe import host


@pytest.fixture(scope="module")
def broker(imported):
    return imported("mqctl_broker")


def life(**changes):
    whole = {"members": ["a", "b", "c"], "up": ["c", "a", "b"], "apart": [], "alone": [], "behind": []}
    return {**whole, **changes}


def test_a_whole_cluster_may_lose_one(broker):
    assert broker.may_stop(life())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"up": ["a", "b"]}, "c not running"),
        ({"up": ["a", "b", "c", "d"]}, "it does not say why"),
        ({"apart": ["b"]}, "partitioned from b"),
        ({"alone": ["orders in /"]}, "no synchronised mirror of orders in /"),
        ({"alone": ["1", "2", "3", "4", "5"]}, "no synchronised mirror of 1, 2, 3 and 2 more"),
    ],
)
def test_what_forbids_to_stop_a_broker(broker, changes, reason):
    assert not broker.may_stop(life(**changes))
    assert broker.why_not(life(**changes)) == reason


def test_a_mirror_that_copies_forbids_nothing_by_itself_but_is_told(broker):
    assert broker.may_stop(life(behind=["q in /"]))
    assert broker.why_not(life(behind=["q in /"])) == "mirrors still copy q in /"


def test_the_polling_loop_gives_up_in_the_end(broker):
    calls = []
    with pytest.raises(broker.NotDoneError, match=r"nothing came \(waited 0.05 s\)"):
        broker.poll(lambda: calls.append(1), 0.05, lambda: "nothing came", interval=0.01)
    assert len(calls) > 1
    assert broker.poll(lambda: "yes", 0, lambda: "no") == "yes"


def test_without_an_error_in_its_log_a_broker_s_last_words_are_those_that_systemd_heard(
    broker, monkeypatch, tmp_path
):
    monkeypatch.setattr(broker, "journal", lambda unit: f"{unit}: bad flag +nonsense")
    failed = broker.Broker(dict.fromkeys(ARGUMENTS, "") | {"node": "rabbit@a", "unit": "r.service"})
    failed.log = str(tmp_path / "rabbit@a.log")
    assert failed.last_words(0) == "\nr.service: bad flag +nonsense"
    log = tmp_path / "rabbit@a.log"
    log.write_text("[error] <0.1.0> before\n[warning] <0.2.0> odd\n[warning] <0.3.0> odd\n")
    assert failed.last_words(24) == "\n[warning] odd\nr.service: bad flag +nonsense"
    log.write_text(f"{log.read_text()}[error] <0.4.0> cannot listen\n  on 5672\n")
    assert failed.last_words(24) == "\n[warning] odd\n[error] cannot listen"


ARGUMENTS = ("node_type", "peers", "partners", "alone", "boot_timeout", "gate_timeout")


class Joiner:
    """A blank broker whose boot is only noted."""

    node, others, unit, boot_timeout = "b", ["a", "c"], "rabbitmq-server.service", 0.5

    def __init__(self):
        self.booted = []

    def boot(self):
        self.booted.append(self.node)

    def waiting(self):
        return ": it goes on waiting for one of a, c"


def installed(broker, monkeypatch, tmp_path, *versions):
    for version in versions:
        (tmp_path / f"rabbitmq_server-{version}").mkdir()
    monkeypatch.setattr(broker.override, "LIBRARY", str(tmp_path))
    monkeypatch.setattr(broker.override, "booting_as", lambda *_: broker.nullcontext())


@pytest.mark.parametrize("version", ["3.13.7", "4.0.5", "4.3.6"])
def test_blank_brokers_of_newer_lines_boot_only_when_there_is_somebody_to_join(
    broker, monkeypatch, tmp_path, version
):
    """Two of them that see each other would found a second cluster."""
    installed(broker, monkeypatch, tmp_path, version)
    joiner, answers = Joiner(), [None, {"running": False}, None, {"running": True}]
    monkeypatch.setattr(broker, "ask", lambda node, what: answers.pop(0))
    broker.first_boot(joiner)
    assert (joiner.booted, answers) == (["b"], [])
    monkeypatch.setattr(broker, "ask", lambda node, what: None)
    lonely = Joiner()
    with pytest.raises(broker.NotDoneError, match=r"b was not started: it goes on waiting for one of a, c"):
        broker.first_boot(lonely)
    assert lonely.booted == []


@pytest.mark.parametrize("version", ["3.8.9", "3.10.8", "3.12.1"])
def test_those_of_older_lines_wait_while_they_boot(broker, monkeypatch, tmp_path, version):
    installed(broker, monkeypatch, tmp_path, version)
    joiner = Joiner()
    monkeypatch.setattr(broker, "ask", lambda node, what: pytest.fail("nobody needs to be asked"))
    broker.first_boot(joiner)
    assert joiner.booted == ["b"]
    assert broker.override.delays_first_boots() == (version == "3.8.9")


class Founder(Joiner):
    node, others, gate_timeout = "a", ["b"], 0.5

    def is_up(self):
        return False


@pytest.fixture
def lagging(broker, monkeypatch):
    """What node b answers, one after the other, when it is asked which flags it lacks."""
    answers = []

    def ask(node, what):
        assert node == "b"
        return answers.pop(0) if what == broker.LAGGING else {"running": bool(answers)}

    monkeypatch.setattr(broker, "ask", ask)
    return answers


class Member(Joiner):
    gate_timeout = 0.5

    def gate(self, holds, what):
        assert holds({"members": ["a", "b"]})
        return {"members": ["a", "b"]}


def test_who_joined_an_older_line_enables_what_its_peers_have(broker, monkeypatch, tmp_path, lagging):
    """It copied their flags before it was a member: one that was enabled meanwhile it does not have."""
    installed(broker, monkeypatch, tmp_path, "3.8.9")
    calls = rabbitmqctl(monkeypatch, broker, [0])
    lagging += [None, {"lagging": ["user_limits"]}, {"lagging": []}]
    assert broker.joined(Member()) == "joined a"
    assert (calls, lagging) == (
        [["rabbitmqctl", "--quiet", "-n", "b", "enable_feature_flag", "user_limits"]],
        [],
    )
    lagging += [{"lagging": ["user_limits"]}] * 1000
    with pytest.raises(broker.NotDoneError, match="cannot enable on b the feature flags that its peers have"):
        broker.joined(Member())


def test_who_joined_a_newer_line_asks_nobody(broker, monkeypatch, tmp_path, lagging):
    installed(broker, monkeypatch, tmp_path, "4.0.5")
    lagging += [{"lagging": ["user_limits"]}]
    assert broker.joined(Member()) == "joined a"
    assert len(lagging) == 1


def test_a_founder_looks_at_who_came_while_it_enabled_its_flags(broker, monkeypatch, tmp_path, lagging):
    installed(broker, monkeypatch, tmp_path, "3.8.9")
    calls = rabbitmqctl(monkeypatch, broker, [0], "name\tstate\n")
    lagging += [{"lagging": ["user_limits"]}, {"lagging": []}]
    assert broker.found(Founder()) == "founded the cluster"
    assert [argv[3:] for argv in calls[1:]] == [["b", "enable_feature_flag", "user_limits"]]
    assert lagging == []


def rabbitmqctl(monkeypatch, broker, codes, said=""):
    """What was called; each ends with the next code, the last one again and again, and prints this."""
    calls = []

    def run(argv):
        calls.append(argv)
        return subprocess.CompletedProcess(argv, codes.pop(0) if len(codes) > 1 else codes[0], said)

    monkeypatch.setattr(broker, "run", run)
    return calls


@pytest.mark.usefixtures("lagging")
def test_a_founder_of_an_older_line_enables_its_flags_until_it_succeeds(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.10.8")
    calls, founder = rabbitmqctl(monkeypatch, broker, [69, 0]), Founder()
    assert broker.found(founder) == "founded the cluster"
    assert calls == [["rabbitmqctl", "--quiet", "-n", "a", "enable_feature_flag", "all"]] * 2
    rabbitmqctl(monkeypatch, broker, [69])
    with pytest.raises(broker.NotDoneError, match="a founded the cluster, and cannot enable its feature"):
        broker.found(founder)


@pytest.mark.usefixtures("lagging")
def test_the_3_8_line_names_each_flag(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.8.9")
    said = "name\tstate\nempty_basic_get_metric\tdisabled\nquorum_queue\tenabled\nuser_limits\tdisabled\n"
    calls = rabbitmqctl(monkeypatch, broker, [0], said)
    broker.found(Founder())
    assert [argv[4:] for argv in calls] == [
        ["list_feature_flags", "name", "state"],
        ["enable_feature_flag", "empty_basic_get_metric"],
        ["enable_feature_flag", "user_limits"],
    ]
    calls = rabbitmqctl(monkeypatch, broker, [69, 64, 0], said)
    broker.found(Founder())
    assert [argv[4] for argv in calls[:3]] == [
        "list_feature_flags",
        "enable_feature_flag",
        "list_feature_flags",
    ]


def test_a_founder_leaves_the_flags_alone_that_the_inventory_chooses(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.10.8")
    environment = tmp_path / "rabbitmq-env.conf"
    environment.write_text("NODENAME='rabbit@a'\nFEATURE_FLAGS='quorum_queue'\n")
    monkeypatch.setattr(broker.override, "ENVIRONMENT", str(environment))
    calls, founder = rabbitmqctl(monkeypatch, broker, [69]), Founder()
    assert broker.found(founder) == "founded the cluster"
    assert (founder.booted, calls) == (["a"], [])


def test_one_of_a_newer_line_has_no_peers_yet(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "4.0.5")
    calls, founder = rabbitmqctl(monkeypatch, broker, [69]), Founder()
    assert broker.found(founder) == "founded the cluster"
    assert (founder.booted, calls) == (["a"], [])


def test_the_installed_line_is_the_newest_one(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.8.9", "3.10.8")
    assert broker.override.installed_line() == (3, 10)


class Node:
    """What the module knows of a broker that is to change its type."""

    def __init__(self, wanted):
        self.node, self.node_type = "b", wanted


@pytest.mark.parametrize(
    ("wanted", "discs", "keeps"),
    [
        ("ram", ["a", "b", "c"], True),
        ("ram", ["a", "c"], True),
        ("ram", ["a", "b"], False),
        ("disc", ["a"], True),
    ],
)
def test_two_disc_nodes_stay(broker, wanted, discs, keeps):
    assert broker.keeps_disc_nodes(life(discs=discs), Node(wanted)) is keeps


def test_why_a_node_keeps_its_type(broker):
    said = broker.why_not_retype(life(discs=["a", "b"]), Node("ram"))
    assert said == "the running disc nodes that would stay are a, and 2 must"
    said = broker.why_not_retype(life(discs=["a", "b", "c"], up=["a", "b"]), Node("ram"))
    assert said == "c not running"


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "b does not say what it holds, so it is not reset"),
        ({"only": ["orders in /"]}, "no other node has what b has of orders in /: it is not reset"),
    ],
)
def test_an_only_copy_is_not_erased(broker, monkeypatch, held, said):
    monkeypatch.setattr(broker, "ask", lambda node, expression: held)
    with pytest.raises(broker.NotDoneError) as caught:
        broker.refuse_only_copies(Node("ram"))
    assert str(caught.value) == said


class Sharer:
    """A broker whose data directory others share; what it does is only noted."""

    node, unit, boot_timeout, partners = "rabbit@warren", "rabbitmq-server.service", 0.5, [{}]

    def __init__(self, settles, waiting=False):
        self.looks, self.waiting, self.booted = list(settles), waiting, []

    def settles(self):
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def boot(self, ready):
        self.booted.append(ready)


@pytest.mark.parametrize(
    ("settles", "state", "booted", "said"),
    [
        ([True], "active", 0, None),
        ([False], "inactive", 1, "started"),
        ([False], "failed", 1, "started"),
        # it starts already: a restart would only give its place in the queue away
        ([False, False, True], "activating", 0, "started"),
    ],
)
def test_a_broker_is_started_beside_those_that_share_its_data(
    broker, monkeypatch, settles, state, booted, said
):
    monkeypatch.setattr(broker, "state", lambda unit: {"ActiveState": state})
    monkeypatch.setattr(broker, "waits", lambda unit: False)
    sharer = Sharer(settles)
    assert broker.stand_by(sharer) == said
    assert sharer.booted == [sharer.settles] * booted


def test_nobody_who_serves_is_told(broker, monkeypatch):
    monkeypatch.setattr(broker, "state", lambda unit: {"ActiveState": "activating"})
    with pytest.raises(broker.NotDoneError, match=r"nobody serves rabbit@warren \(waited 0.5 s\)"):
        broker.stand_by(Sharer([False]))


def test_a_restart_hands_the_data_over(broker, monkeypatch):
    monkeypatch.setattr(broker, "waits", lambda unit: True)
    sharer = Sharer([True])
    assert broker.hand_over(sharer) == "restarted, and waits for the data directory"
    assert sharer.booted == [sharer.settles]


PARTNERS = [{"address": "10.0.0.1", "port": 5672}, {"address": "10.0.0.2", "port": 5672}]


@pytest.mark.parametrize(
    ("waiting", "greeting", "running", "settled"),
    [
        (True, ["10.0.0.2"], False, True),
        (True, [], False, False),
        (False, [], True, True),
        (False, ["10.0.0.2"], False, False),
    ],
)
def test_it_serves_or_waits_while_another_one_serves(
    broker, monkeypatch, waiting, greeting, running, settled
):
    one = broker.Broker(
        {
            "node": "rabbit@warren",
            "node_type": "disc",
            "peers": ["rabbit@warren", "rabbit@warren"],
            "partners": PARTNERS,
            "alone": True,
            "unit": "u",
            "boot_timeout": 1,
            "gate_timeout": 1,
        }
    )
    monkeypatch.setattr(broker, "waits", lambda unit: waiting)
    monkeypatch.setattr(broker, "greets", lambda address, port: address in greeting)
    monkeypatch.setattr(broker, "state", lambda unit: {"ActiveState": "active"})
    monkeypatch.setattr(broker, "ask", lambda node, expression: {"running": running})
    assert bool(one.settles()) is settled
    assert one.others == []


@pytest.mark.parametrize(
    ("said", "greets"), [(b"\x01\x00\x00\x00", True), (b"AMQP\x00", False), (b"", False)]
)
def test_who_answers_as_a_broker_serves(broker, said, greets):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                assert connection.recv(8) == b"AMQP\x00\x00\x09\x01"
                connection.sendall(said)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert broker.greets(*server.getsockname()) is greets
        thread.join(10)
        where = server.getsockname()
    assert broker.greets(*where) is False


def test_whoever_waits_for_a_lock_is_flock_until_it_has_it(broker, monkeypatch, tmp_path):
    """A real flock(1): the unit's way of starting the broker."""
    lock = tmp_path / "lock"
    argv = ["flock", "--exclusive", "--no-fork", str(lock), "sleep", "60"]
    with subprocess.Popen(argv) as holder:
        broker.poll(lambda: comm(holder) == "sleep", 10, lambda: "no lock")
        with subprocess.Popen(argv) as second:
            broker.poll(lambda: comm(second) == "flock", 10, lambda: "no flock")
            systemd = broker.waits.__globals__
            shown = {"ActiveState": "activating", "MainPID": str(second.pid)}
            monkeypatch.setitem(systemd, "state", lambda unit: shown)
            assert broker.waits("u") is True
            assert host.waits("activating", str(second.pid)) is True
            assert host.waits("activating", str(holder.pid)) is False
            assert host.waits("active", str(second.pid)) is False
            assert host.waits("activating", "0") is False
            holder.kill()
            broker.poll(lambda: comm(second) == "sleep", 10, lambda: "the lock was not passed on")
            assert broker.waits("u") is False
            assert host.waits("activating", str(second.pid)) is False
            second.kill()


def comm(process):
    return Path(f"/proc/{process.pid}/comm").read_text().strip()
