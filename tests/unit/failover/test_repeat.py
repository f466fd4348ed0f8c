"""The command that a report gives asks for the same test again, and the report knows what was not played."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mqctl.faults import scenarios
from mqctl.faults.scenarios import Choice
from mqctl.inventory import VaultOptions, ensure
from mqctl.model import history as h
from mqctl.model.report import Report
from mqctl.model.topology import Topology
from mqctl.model.workload import WorkloadSettings
from mqctl.verdict.junit import junit
from mqctl.workflows import failover_report
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.clients import Clients
from mqctl.workflows.scenario import Live
from mqctl.workflows.stage import Stage
from mqctl.workload import journal
from mqctl.workload.watch import Watch
from tests.topologies import SECRETS, mirrored_3node
from tests.unit.failover.commandline import Call, CommandLine
from tests.unit.failover.histories import clean
from tests.unit.failover.reports import renamed, report, saved
from tests.unit.inventory.test_sites import inventory

PLUGINS = ["rabbitmq_management", "rabbitmq_federation"]
WORKLOAD = [
    "--publishers", "4", "--queues", "3", "--queue-type", "quorum", "--exchange", "topic", "--rate", "0",
    "--size", "4096", "--duration", "20.5", "--prefetch", "10",
    "--endpoints", "west-mq1:5673,[2001:db8::1]:5672",
]  # fmt: skip
PLAY = workflow.failover_test
"""The real one."""
MINE = "{title: t, fault: kill-broker, target: queue-leader}"


class Playing(workflow.Run):
    """Its history is a hand-written one with the beginning that a real run gives it."""

    def play(self) -> Path:
        watch = Watch(self._journal)
        self._begin(watch)
        watch.stop()
        self._close()
        (started,) = journal.read(self.path).events
        assert isinstance(started, h.Started)
        self.path.unlink()
        fields = {"asked": started.asked, "scenario": started.scenario, "topology": started.topology}
        saved(self.path, renamed(clean(), **fields))
        return self.path

    def _until(self, *_: Any) -> None:
        """There are no clients to wait for."""


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenarios begin without hosts."""
    monkeypatch.setattr(workflow, "Run", Playing)
    monkeypatch.setattr(workflow, "everywhere", lambda *_: nullcontext())
    monkeypatch.setattr(workflow, "heal", lambda _: ())
    for look in ("_require_health", "clean"):
        monkeypatch.setattr(workflow, look, lambda _: None)
    monkeypatch.setattr(Stage, "versions", {})
    monkeypatch.setattr(Stage, "watch", lambda *_: None)
    monkeypatch.setattr(Clients, "publish", lambda _: None)
    monkeypatch.setattr(Clients, "consume", lambda _: None)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    """East is fed from west."""
    east: dict[str, Any] = {
        "rabbitmq_plugins": PLUGINS,
        "rabbitmq_upstreams": [{"name": "from-west", "site": "west"}],
    }
    return ensure(inventory(tmp_path_factory.mktemp("sites") / "two", east=east))


def quiet(_: Live) -> None:
    """Nobody looks."""


def played(topology: Topology, call: Call, path: Path) -> workflow.FailoverReport:
    """The chosen scenarios as the workflow plays them."""
    here = topology.model_copy(update={"state_dir": path})
    return PLAY(here, call.settings, call.choice, call.directory, quiet, call.vault, call.site)


def names(done: workflow.FailoverReport) -> list[str]:
    """Of its histories, without the run."""
    return [path.name.removeprefix(done.run) for path in done.histories]


def asking(*names: str) -> Call:
    return Call(WorkloadSettings(), Choice(names), None, VaultOptions(), "")


def words(command: str) -> Sequence[str]:
    program, name, *rest = shlex.split(command)
    assert (program, name) == ("mqctl", "failover-test")
    return rest


def untested(made: Report) -> set[str]:
    return {scenario.name for scenario in made.untested}


@pytest.mark.parametrize("workload", [[], WORKLOAD, WORKLOAD[6:8]], ids=["default", "all", "one"])
@pytest.mark.parametrize(
    "chosen",
    [
        ["-s", "kill-queue-leader", "-s", "cut-link"],
        ["-s", "kill-queue-leader", "--site", "west"],
        ["-s", "lose-upstream", "--site", "east"],
        ["-s", "mine", "-s", "kill-mirror", "--scenarios", "{own}"],
        ["--scenarios", "{own}"],
    ],
    ids=" ".join,
)
def test_the_printed_command_asks_for_the_same_test(
    begun: None,
    two: Topology,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    chosen: list[str],
    workload: list[str],
) -> None:
    own = tmp_path / "scenarios of mine"
    own.mkdir()
    (own / "mine.yaml").write_text(MINE)
    line = CommandLine.of(two, monkeypatch)
    first = line.call([word.format(own=own) for word in chosen] + workload)
    done = played(two, first, tmp_path / "first")
    again, judged = failover_report.document(done.histories).commands

    second = line.call(words(again))
    assert line.loaded[-1] == (two.name, None, False)
    assert (second.settings, second.site) == (first.settings, first.site)
    chosen_again = sorted(scenarios.choose(second.choice), key=str)
    assert chosen_again == sorted(scenarios.choose(first.choice), key=str)
    assert names(played(two, second, tmp_path / "second")) == names(done)

    files = [str(path.name) for path in done.histories]
    assert words(judged) == [word for file in files for word in ("--replay", file)] + ["--report", "DIR"]


def test_an_ordinary_test_has_an_ordinary_command(begun: None, tmp_path: Path) -> None:
    done = played(mirrored_3node(), asking("kill-mirror"), tmp_path / "h")
    again, _ = failover_report.document(done.histories).commands
    assert again == "mqctl failover-test mirrored-3node --scenario kill-mirror"


def test_no_secret_is_asked_for_again(begun: None, two: Topology, tmp_path: Path) -> None:
    done = played(mirrored_3node(), asking("kill-mirror"), tmp_path / "1")
    linked = played(two, asking("kill-mirror", "cut-link"), tmp_path / "2")
    passwords = {
        user.password.get_secret_value() for site in two.sites for user in site.objects.users if user.password
    } | {site.erlang_cookie.get_secret_value() for site in two.sites}
    assert len(passwords) > 2
    for path in (*done.histories, *linked.histories):
        text = path.read_text() + "".join(failover_report.document([path]).commands)
        assert not [secret for secret in (*SECRETS, *passwords) if secret in text]


ASKED = h.Asked(inventory="two", scenario="kill-queue-leader", site="east")
EAST = {"scenario": "east-kill-queue-leader", "topology": "two east", "asked": ASKED}


def test_what_a_site_played_was_tested(tmp_path: Path) -> None:
    made = report(tmp_path / "h.ndjson", renamed(clean(), **EAST))
    assert "kill-queue-leader" not in untested(made)
    assert "kill-mirror" in untested(made)
    assert made.topology == workflow.replay([tmp_path / "h.ndjson"]).topology == "two"
    assert made.scenarios[0].name == "east-kill-queue-leader"
    assert made.commands[0] == "mqctl failover-test two --scenario kill-queue-leader --site east"
    cases = ElementTree.fromstring(junit(made)).iter("testcase")
    skipped = [case.get("name") for case in cases if case.find("skipped") is not None]
    assert "kill-queue-leader" not in skipped
    assert "kill-mirror" in skipped


def test_a_scenario_that_two_sites_played_is_asked_for_once(tmp_path: Path) -> None:
    west = {**EAST, "scenario": "west-kill-queue-leader", "asked": ASKED.model_copy(update={"site": "west"})}
    paths = [saved(tmp_path / "1", renamed(clean(), **EAST)), saved(tmp_path / "2", renamed(clean(), **west))]
    made = failover_report.document(paths)
    assert made.commands[0] == "mqctl failover-test two --scenario kill-queue-leader"


def test_tests_with_different_workloads_are_different_commands(tmp_path: Path) -> None:
    fast = {**EAST, "asked": ASKED.model_copy(update={"options": ("--rate", "0")})}
    paths = [saved(tmp_path / "1", renamed(clean(), **EAST)), saved(tmp_path / "2", renamed(clean(), **fast))]
    first, second, _ = failover_report.document(paths).commands
    assert "--rate" not in first
    assert words(second)[-2:] == ["--rate", "0"]


def test_what_an_aborted_test_of_several_sites_did_not_come_to_is_listed_once(tmp_path: Path) -> None:
    left, own = ("west-kill-mirror", "mine"), {"west-kill-mirror": "kill-mirror"}
    end = h.Aborted(t=99, w=0, reason="interrupted", left=left, own=own)
    made = report(tmp_path / "h.ndjson", [*renamed(clean(), **EAST), end])
    titles = {scenario.name: scenario.title for scenario in scenarios.bundled()}
    first, second = (one for one in made.untested if one.aborted)
    assert (first.name, first.title, second.name) == ("west-kill-mirror", titles["kill-mirror"], "mine")
    assert not untested(made) & {"kill-mirror", "kill-queue-leader"}


def test_an_aborted_test_writes_down_what_was_left(
    begun: None, two: Topology, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def play(run: Playing) -> Path:
        if "-west-" in run.path.name:
            run._close()
            raise KeyboardInterrupt
        return whole(run)

    whole = Playing.play
    monkeypatch.setattr(Playing, "play", play)
    done = played(two, asking("kill-mirror", "lose-haproxy"), tmp_path / "h")
    end = journal.read(done.histories[-1]).events[-1]
    assert isinstance(end, h.Aborted)
    assert (end.left, end.own) == (("west-lose-haproxy",), {"west-lose-haproxy": "lose-haproxy"})
    assert not untested(failover_report.document(done.histories)) & {"kill-mirror", "lose-haproxy"}


def test_older_histories_are_read_as_they_were(tmp_path: Path) -> None:
    """They do not say what was asked for; of one's own scenarios the directory is left open."""
    path = saved(tmp_path / "h.ndjson", renamed(clean(), scenario="mine", topology="t"))
    assert '"asked"' not in path.read_text()
    made = failover_report.document([path])
    assert made.outcome == "pass"
    assert made.commands[0] == "mqctl failover-test t --scenarios DIR --scenario mine"


def test_a_history_that_does_not_begin_cannot_be_asked_for_again(tmp_path: Path) -> None:
    (judged,) = report(tmp_path / "h.ndjson", []).commands
    assert judged == "mqctl failover-test --replay h.ndjson --report DIR"
