"""What `mqctl status` and `mqctl verify` print, from hand-written statuses."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import typer
from pydantic import SecretStr
from rich.console import Console
from typer.testing import CliRunner

from mqctl.cli import status_view, verify_view
from mqctl.cli.status import status
from mqctl.errors import MqctlError
from mqctl.gates.cluster import judge
from mqctl.model.gate import GateResult
from mqctl.model.links import Parameter
from mqctl.model.objects import Objects
from mqctl.model.status import ClusterStatus, HaproxyStatus, LinkStatus
from mqctl.workflows import status as status_workflow
from mqctl.workflows import verify as verify_workflow
from mqctl.workflows.status import refuse_silence
from mqctl.workflows.verify import Verification, verify
from tests.topologies import with_site
from tests.unit.gates import healthy as h


def printed(what: Any, width: int = 160) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(what)
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_a_healthy_cluster_as_tables() -> None:
    topology = h.topology()
    text = printed(status_view.tables(topology, h.healthy(topology)))
    assert "Cluster mirrored-3node" in text
    assert "Entrance 10.93.17.100" in text
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "rabbit@mq1 10.93.17.11 3.10.8 disc running none 1 2 of 2" in rows
    assert "rabbit@mq2 10.93.17.12 3.10.8 disc running none 0 -" in rows
    assert "lb1 10.93.17.21 2.6.12 mq1 UP, mq2 UP, mq3 UP MASTER here" in rows
    assert "lb2 10.93.17.22 2.6.12 mq1 UP, mq2 UP, mq3 UP BACKUP" in rows
    assert "\x1b" not in text


@pytest.mark.parametrize(
    ("width", "row"),
    [
        (95, "rabbit@mq1 10.93.17.11 3.10.8 disc running none 1 2 of 2"),
        (80, "rabbit@mq1 10.93.17.11 3.10.8 running none 1 2 of 2"),
        (70, "rabbit@mq1 10.93.17.11 running none 1 2 of 2"),
        (60, "rabbit@mq1 running none 1 2 of 2"),
    ],
)
def test_a_narrow_terminal_costs_columns_before_words(width: int, row: str) -> None:
    topology = h.topology()
    text = printed(status_view.tables(topology, h.healthy(topology)), width)
    assert row in [" ".join(line.split()) for line in text.splitlines()]
    assert max(len(line) for line in text.splitlines()) <= width


@pytest.mark.parametrize(
    ("change", "row", "remark"),
    [
        (
            h.silent("mq2"),
            ("rabbit@mq2", "10.93.17.12", "", "", "no answer", "", "", ""),
            "mq2: 10.93.17.9 port 22 refused the connection",
        ),
        (
            h.part("mq2", "broker", running=False, error="paused"),
            ("rabbit@mq2", "10.93.17.12", "3.10.8", "", "error", "", "", ""),
            "mq2: paused",
        ),
        (
            h.part("mq2", "broker", running=False, version=None),
            ("rabbit@mq2", "10.93.17.12", "", "", "stopped", "", "", ""),
            None,
        ),
        (
            h.part("mq2", "broker", running=False, version=None, blank=True),
            ("rabbit@mq2", "10.93.17.12", "", "", "blank", "", "", ""),
            None,
        ),
        (
            h.part("mq2", "broker", maintenance=True, alarms=("memory on rabbit@mq2",)),
            ("rabbit@mq2", "10.93.17.12", "3.10.8", "disc", "maintenance", "memory on rabbit@mq2", "0", "-"),
            None,
        ),
        (
            h.part("mq2", "broker", partitions={"rabbit@mq2": ("rabbit@mq1",)}),
            (
                "rabbit@mq2",
                "10.93.17.12",
                "3.10.8",
                "disc",
                "running",
                "partitioned from rabbit@mq1",
                "0",
                "-",
            ),
            None,
        ),
    ],
)
def test_brokers_that_are_not_well(change: h.Change, row: tuple[str, ...], remark: str | None) -> None:
    topology = h.topology()
    status = change(h.healthy(topology))
    assert status_view.broker_rows(topology, status)[1] == row
    assert status_view.remarks(status) == ([remark] if remark else [])


def test_balancers_that_are_not_well() -> None:
    topology = h.topology()
    status = h.silent("lb2")(h.healthy(topology))
    servers = h.servers(topology)
    down = (servers[0].model_copy(update={"status": "DOWN"}), *servers[1:])
    status = h.part("lb1", "haproxy", servers=down)(status)
    assert status_view.entrance_rows(topology, status) == [
        ("lb1", "10.93.17.21", "2.6.12", "mq1 DOWN/UP, mq2 UP, mq3 UP", "MASTER", "here"),
        ("lb2", "10.93.17.22", "no answer", "", "", ""),
    ]
    hung = h.on("lb1", haproxy=HaproxyStatus(answered=False, error="timed out"))(status)
    assert status_view.entrance_rows(topology, hung)[0][2] == "no answer"
    assert "lb1: timed out" in status_view.remarks(hung)


def test_the_json_has_no_secrets() -> None:
    topology = h.topology()
    document = status_view.document(topology, h.healthy(topology))
    text = json.dumps(document)
    assert "HASH" not in text
    assert "definitions" not in text
    assert [site["holders"] for site in document["sites"]] == [["lb1"]]
    assert [queue["name"] for queue in document["queues"]] == ["orders"]
    assert [host["host"] for host in document["hosts"]] == ["mq1", "mq2", "mq3", "lb1", "lb2"]


def results(*changes: h.Change) -> list[GateResult]:
    topology = h.topology()
    status = h.healthy(topology)
    for change in changes:
        status = change(status)
    return judge(topology, status)


def test_gates_that_pass_are_one_row_each() -> None:
    folded = verify_view.folded(results())
    assert len(folded) == len({result.gate for result in folded}) == 33
    text = printed(verify_view.gates(folded, every=False))
    assert "alarms                        all 3" in text
    assert verify_view.summary(results()).endswith(" passed")


def test_what_does_not_pass_is_shown_whole() -> None:
    judged = results(h.part("mq2", "broker", alarms=("memory on rabbit@mq2",)), h.silent("lb2"))
    shown = [result for result in verify_view.folded(judged) if result.outcome != "pass"]
    assert sorted(shown, key=str) == sorted((r for r in judged if r.outcome != "pass"), key=str)
    text = printed(verify_view.gates(judged, every=False))
    assert "memory on rabbit@mq2" in text
    assert "rabbit@mq1   pass" not in text
    counted = verify_view.summary(judged)
    assert ", 1 failed, 11 unknown" in counted


def test_all_rows_on_demand() -> None:
    judged = results()
    text = printed(verify_view.gates(judged, every=True))
    assert len([line for line in text.splitlines() if " pass " in line]) == len(judged)


def test_verification_as_json() -> None:
    topology = h.topology()
    seen = Verification(topology, h.healthy(topology), tuple(results(h.silent("lb2"))))
    document = verify_view.document(seen)
    assert (document["topology"], document["outcome"]) == ("mirrored-3node", "unknown")
    assert json.loads(json.dumps(document)) == document


def test_silence_everywhere_cannot_be_judged() -> None:
    topology = h.topology()
    status = h.healthy(topology)
    for host in topology.hosts:
        status = h.silent(host.name)(status)
    with pytest.raises(MqctlError, match=r"^no host could be asked:\n  - mq1: 10\.93\.17\.9 ") as caught:
        refuse_silence(status)
    assert caught.value.exit_code == 4
    with pytest.raises(MqctlError, match=r"^no host could be asked: the inventory has none$"):
        refuse_silence(ClusterStatus(at=h.WHEN, hosts=()))


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_what_is_not_all_there_is_exits_unknown(form: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    topology = h.topology()
    app = typer.Typer()
    app.command()(status)
    monkeypatch.setattr(status_workflow, "topology", lambda *_: topology)
    for look, code in ((h.healthy(topology), 0), (h.silent("lb2")(h.healthy(topology)), 3)):
        monkeypatch.setattr(status_workflow, "Reader", Looks(look))
        result = CliRunner().invoke(app, ["here", *form])
        assert (result.exit_code, "lb2" in result.stdout) == (code, True)


class Looks:
    """Stands for the hosts: answers with one status after the other, the last one for ever."""

    def __init__(self, *statuses: ClusterStatus | MqctlError) -> None:
        self._statuses = list(statuses)
        self.asked = 0

    def __call__(self, topology: object) -> Looks:
        return self

    def __enter__(self) -> Looks:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self) -> ClusterStatus:
        self.asked += 1
        found = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        if isinstance(found, MqctlError):
            raise found
        return found


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Any:
    def install(*statuses: ClusterStatus | MqctlError) -> Looks:
        fake = Looks(*statuses)
        monkeypatch.setattr(verify_workflow, "Reader", fake)
        monkeypatch.setattr(verify_workflow, "measure_all", lambda topology: {})
        monkeypatch.setattr(verify_workflow, "INTERVAL", 0.01)
        return fake

    return install


GONE = MqctlError("no host could be asked (mq1: gone)")


def test_verify_looks_once(looks: Any) -> None:
    topology = h.topology()
    bad = h.silent("lb2")(h.healthy(topology))
    fake = looks(bad, h.healthy(topology))
    assert verify(topology).outcome == "unknown"
    assert fake.asked == 1


def test_verify_waits_until_all_pass_through_silence(looks: Any) -> None:
    topology = h.topology()
    bad = h.part("mq1", "broker", maintenance=True)(h.healthy(topology))
    fake = looks(GONE, bad, bad, h.healthy(topology))
    heard: list[str] = []
    assert verify(topology, 60, lambda seen: heard.append(seen.outcome)).outcome == "pass"
    assert fake.asked == 4
    assert heard == ["fail", "fail"]


def test_verify_gives_the_last_look_when_time_is_up(looks: Any) -> None:
    topology = h.topology()
    looks(h.part("mq1", "broker", maintenance=True)(h.healthy(topology)))
    assert verify(topology, 0.05).outcome == "fail"


def test_verify_cannot_run_when_nobody_ever_answers(looks: Any) -> None:
    looks(GONE)
    with pytest.raises(MqctlError, match="no host could be asked"):
        verify(h.topology(), 0.05)


def test_links_are_listed_with_their_broker_and_the_missing_ones_too() -> None:
    uris = {"dest-uri": (SecretStr("amqp://u:hidden@192.0.2.1"),)}
    shovels = tuple(
        Parameter(component="shovel", vhost="/", name=name, value={}, uris=uris) for name in ("stuck", "gone")
    )
    found = with_site(h.topology(), objects=Objects(parameters=shovels))
    stuck = LinkStatus(kind="shovel", vhost="/", name="stuck", state="terminated", error="no such user")
    status = h.every_broker(links=())(h.healthy(found))
    status = h.part("mq2", "broker", links=(stuck,))(status)
    text = printed(status_view.tables(found, status))
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "Links of mirrored-3node" in text
    assert "shovel stuck rabbit@mq2 terminated: no such user" in rows
    assert "shovel gone missing" in rows
    silent = h.part("mq3", "broker", links=None)(status)
    assert "shovel gone unknown" in " ".join(printed(status_view.tables(found, silent)).split())
    assert "hidden" not in text + json.dumps(status_view.document(found, status))
