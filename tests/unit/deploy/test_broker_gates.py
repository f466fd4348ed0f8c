"""When a broker may be stopped, judged from what it says of itself."""

import importlib
import subprocess
import sys

import ansible.module_utils
import pytest

from . import modules


@pytest.fixture(scope="module")
def broker():
    ansible.module_utils.__path__.append(str(modules.PLAYBOOKS / "module_utils"))
    sys.path.insert(0, str(modules.PLAYBOOKS / "library"))
    yield importlib.import_module("mqctl_broker")
    sys.path.remove(str(modules.PLAYBOOKS / "library"))
    ansible.module_utils.__path__.pop()


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
    node, gate_timeout = "a", 0.5

    def is_up(self):
        return False


def rabbitmqctl(monkeypatch, broker, codes):
    """What was called; each call ends with the next code, and the last one again and again."""
    calls = []

    def run(argv):
        calls.append(argv)
        return subprocess.CompletedProcess(argv, codes.pop(0) if len(codes) > 1 else codes[0])

    monkeypatch.setattr(broker, "run", run)
    return calls


def test_a_founder_of_an_older_line_enables_its_flags_until_it_succeeds(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.10.8")
    calls, founder = rabbitmqctl(monkeypatch, broker, [69, 0]), Founder()
    assert broker.found(founder) == "founded the cluster"
    assert calls == [["rabbitmqctl", "--quiet", "-n", "a", "enable_feature_flag", "all"]] * 2
    rabbitmqctl(monkeypatch, broker, [69])
    with pytest.raises(broker.NotDoneError, match="a founded the cluster, and cannot enable its feature"):
        broker.found(founder)


def test_the_3_8_line_names_each_flag(broker, monkeypatch, tmp_path):
    installed(broker, monkeypatch, tmp_path, "3.8.9")
    calls = rabbitmqctl(monkeypatch, broker, [0])
    broker.found(Founder())
    assert [argv[-1] for argv in calls] == [
        "quorum_queue",
        "implicit_default_bindings",
        "virtual_host_metadata",
    ]


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
