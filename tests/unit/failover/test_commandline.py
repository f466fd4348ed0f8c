"""What each option of the command becomes, the endpoints that it takes, and what `mqctl heal` says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mqctl.errors import UsageError
from mqctl.faults.scenarios import Choice
from mqctl.inventory import VaultOptions
from mqctl.model.topology import Topology
from mqctl.model.workload import Endpoint, WorkloadSettings
from mqctl.workflows import failover_test as workflow
from tests.topologies import mirrored_3node, standalone
from tests.unit.failover.commandline import Call, CommandLine

MQ1, MQ2 = Endpoint(host="10.93.17.11", port=5672), Endpoint(host="10.93.17.12", port=5673)


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> CommandLine:
    return CommandLine.of(mirrored_3node(), monkeypatch)


def test_without_options_everything_is_as_the_settings_say(line: CommandLine) -> None:
    assert line.call([]) == Call(WorkloadSettings(), Choice(), None, VaultOptions(), "")
    assert line.loaded == [(None, None, False)]


def test_the_queue_type_is_the_inventorys_when_nobody_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    site = standalone().site
    plain = site.model_copy(update={"objects": site.objects.model_copy(update={"policies": ()})})
    line = CommandLine.of(standalone().model_copy(update={"parts": (plain,)}), monkeypatch)
    assert line.call([]).settings.queue_type == "plain"
    assert line.call(["--queue-type", "quorum"]).settings.queue_type == "quorum"


@pytest.mark.parametrize(
    ("words", "field", "value"),
    [
        ("--publishers 5", "publishers", 5),
        ("--queues 3", "queues", 3),
        ("--queue-type quorum", "queue_type", "quorum"),
        ("--queue-type plain", "queue_type", "plain"),
        ("--exchange fanout", "exchange_type", "fanout"),
        ("--exchange topic", "exchange_type", "topic"),
        ("--rate 1234.5", "rate", 1234.5),
        ("--rate 0", "rate", None),
        ("--size 4096", "size", 4096),
        ("--duration 60", "duration", 60.0),
        ("--prefetch 17", "prefetch", 17),
        ("--endpoints mq1,mq2:5673", "endpoints", (MQ1, MQ2)),
    ],
)
def test_an_option_changes_its_setting_and_no_other(
    line: CommandLine, words: str, field: str, value: object
) -> None:
    assert line.call(words.split()).settings == WorkloadSettings().model_copy(update={field: value})


@pytest.mark.parametrize(
    ("words", "changed"),
    [
        ("-s kill-mirror --scenario split-vip", {"choice": Choice(("kill-mirror", "split-vip"))}),
        ("--all", {"choice": Choice(breadth="with-all")}),
        ("--scenarios some/dir", {"choice": Choice(directory=Path("some/dir"))}),
        ("--site east", {"site": "east"}),
        ("--keep-history some/dir", {"directory": Path("some/dir")}),
        ("--vault-password-file pass", {"vault": VaultOptions(Path("pass"))}),
    ],
)
def test_what_is_played_where_and_kept(line: CommandLine, words: str, changed: dict[str, Any]) -> None:
    as_usual: dict[str, Any] = {
        "settings": WorkloadSettings(),
        "choice": Choice(),
        "directory": None,
        "vault": VaultOptions(),
        "site": "",
    }
    assert line.call(words.split()) == Call(**(as_usual | changed))


def test_the_inventory_is_loaded_as_the_person_said(line: CommandLine) -> None:
    line.call(["prod", "--yes", "--vault-password-file", "pass"])
    assert line.loaded == [("prod", Path("pass"), True)]


@pytest.mark.parametrize(
    "words",
    ["--size 127", "--publishers 0", "--queues 65", "--prefetch 0", "--rate -1", "--duration 0",
     "--exchange headers", "--queue-type stream", "--all=2"],
)  # fmt: skip
def test_what_no_workload_can_be_is_refused(line: CommandLine, words: str) -> None:
    assert line.run("failover-test", *words.split()).exit_code == 2
    assert line.calls == []


V6 = "2001:db8::1"


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("mq1", "10.93.17.11", 5672),
        ("mq2:5673", "10.93.17.12", 5673),
        ("192.0.2.7", "192.0.2.7", 5672),
        ("192.0.2.7:5673", "192.0.2.7", 5673),
        (f"[{V6}]:5673", V6, 5673),
        (f"[{V6}]", V6, 5672),
        (V6, V6, 5672),
        ("::1", "::1", 5672),
        (" mq1 ", "10.93.17.11", 5672),
    ],
)
def test_an_endpoint_is_an_address_and_a_port(text: str, host: str, port: int) -> None:
    assert workflow.endpoints(mirrored_3node(), text) == (Endpoint(host=host, port=port),)


@pytest.mark.parametrize(
    "text",
    ["mq9", "mq1:", "mq1:x", "mq1:0", "mq1:65536", "mq1:-1", "mq1:5672:1", ":5672", "[mq1]:5672",
     "[192.0.2.7]:5672", f"[{V6}", f"{V6}]:5672", f"[{V6}]5672", f"[{V6}]:", f"[[{V6}]]", "[]",
     "192.0.2.256"],
)  # fmt: skip
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        workflow.endpoints(mirrored_3node(), f"mq1,{text}")
    assert caught.value.message == f"no endpoint {text}"
    assert caught.value.hint.startswith("give hosts (mq1, mq2, mq3, lb1, lb2) or addresses")


def test_a_hosts_endpoint_has_its_brokers_own_port() -> None:
    topology = mirrored_3node(rabbitmq={"port": 5680})
    mine, theirs = workflow.endpoints(topology, f"mq1, {V6},")
    assert (str(mine), str(theirs)) == ("10.93.17.11:5680", f"[{V6}]:5672")
    assert workflow.endpoints(topology, f"{mine},{theirs}") == (mine, theirs)


@pytest.mark.parametrize(
    ("healed", "said"),
    [
        (("power-off of mq1", "cut-vrrp of lb1"), "healed power-off of mq1\nhealed cut-vrrp of lb1\n"),
        ((), "nothing is broken by a failover test\n"),
    ],
)
def test_heal_says_what_it_did(
    line: CommandLine, monkeypatch: pytest.MonkeyPatch, healed: tuple[str, ...], said: str
) -> None:
    asked: list[tuple[Topology, VaultOptions]] = []

    def heal_all(topology: Topology, vault: VaultOptions) -> tuple[str, ...]:
        asked.append((topology, vault))
        return healed

    monkeypatch.setattr(workflow, "heal_all", heal_all)
    done = line.run("heal", "prod", "--vault-password-file", "pass")
    assert (done.exit_code, done.stdout) == (0, said)
    assert asked == [(line.topology, VaultOptions(Path("pass")))]
    # of real hosts too: healing breaks nothing, and nobody has to say --yes
    assert line.loaded == [("prod", Path("pass"), True)]
