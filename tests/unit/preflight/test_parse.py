"""Recorded answers of a deployed cluster's hosts, whole and damaged: never raises, never guesses."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import pytest

from mqctl.model.preflight import Advert, Clock, HostExam
from mqctl.probe import parse_preflight
from mqctl.ssh import Kind, SshError
from mqctl.ssh.session import Output
from tests.unit.probe import recorded

ANSWERS = Path(__file__).with_name("answers")
PARTS = ("machine", "listeners", "resources", "links", "claimed_by", "vrrp", "upgrades")


def said(name: str, usual: str) -> dict[str, Any]:
    """A host's answer: its recorded usual sections, and those of the check."""
    extra: dict[str, Any] = json.loads((ANSWERS / f"{name}.json").read_text())
    usually = recorded.answer(usual)
    return {**extra, "sections": {**usually["sections"], **extra["sections"]}}


def router() -> dict[str, Any]:
    return said("router", "standby")


def exam(document: dict[str, Any], sent: float = 0, received: float = 0) -> HostExam:
    return parse_preflight.exam("lb2", Output(0, recorded.printed(document), ""), sent, received)


def test_a_router() -> None:
    found = exam(router())
    assert (found.stopped_at, found.facts.failed) == ("", {})
    assert found.status is not None
    assert found.status.answered
    facts = found.facts
    assert facts.machine is not None
    assert (facts.machine.python, facts.machine.apt, facts.machine.systemd) == ((3, 11, 2), True, True)
    assert facts.machine.name_order == ("files", "dns")
    assert facts.listeners is not None
    assert {(one.port, one.unit) for one in facts.listeners if one.unit == "haproxy.service"} == {
        (5672, "haproxy.service"),
        (8100, "haproxy.service"),
        (15672, "haproxy.service"),
    }
    assert IPv4Address("127.0.0.11") in {one.address for one in facts.listeners}
    assert facts.resources is not None
    assert (facts.resources.files, facts.resources.disk_free) == (20000, None)
    assert facts.links is not None
    assert [str(network) for network in facts.links[1].networks] == ["10.93.77.22/24"]
    assert facts.claimed_by == ("02:42:0a:5d:4d:15",)
    assert facts.vrrp is not None
    assert facts.vrrp.adverts == (
        Advert(source=IPv4Address("10.93.77.21"), router_id=100, priority=250, version=2, multicast=False),
    )


def test_a_broker_was_not_asked_for_the_wire() -> None:
    found = exam(said("broker", "broker-3.10.8"))
    assert found.facts.failed == {}
    assert (found.facts.claimed_by, found.facts.vrrp) == (None, None)
    assert found.facts.resources is not None
    assert found.facts.resources.disk_free is not None


def test_the_clock() -> None:
    document = {**router(), "began": 1000.2, "at": 1003.8}
    found = exam(document, 995.0, 999.0).clock
    assert isinstance(found, Clock)
    assert (found.ahead, found.uncertainty) == (pytest.approx(5.0), pytest.approx(0.2))
    document = {**router(), "began": 1000, "at": 1004}
    backwards = exam(document, 1000, 1001).clock
    assert backwards is not None
    assert backwards.uncertainty == 0
    for damage in ({"began": None}, {"at": "x"}):
        assert exam({**router(), **damage}).clock is None


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(
    ("section", "why"),
    [
        ({"error": "OSError: no"}, "OSError: no"),
        (None, "the host did not tell"),
        ("x", "the host did not tell"),
        ({"answer": 7}, "the answer cannot be read ("),
        ({"answer": {"nonsense": 1}}, "the answer cannot be read ("),
        ({"answer": [{"nonsense": 1}]}, "the answer cannot be read ("),
    ],
)
def test_a_damaged_part_is_missing_with_its_reason(part: str, section: Any, why: str) -> None:
    document = router()
    document["sections"][part] = section
    found = exam(document).facts
    assert getattr(found, part) is None
    assert found.failed[part].startswith(why)
    assert set(found.failed) == {part}


@pytest.mark.parametrize(
    "text", ["", "hello", "mqctl-probe:", "mqctl-probe:{", "mqctl-probe:[1]", "mqctl-probe:7"]
)
def test_no_answer(text: str) -> None:
    found = parse_preflight.exam("mq1", Output(1, text, "Killed"), 0, 0)
    assert found.stopped_at == ""
    assert found.status is not None
    assert found.status.error
    assert set(found.facts.failed) == set(PARTS)
    assert found.clock is None


def test_an_old_python() -> None:
    found = parse_preflight.exam("mq1", Output(0, 'mqctl-probe:{"python": [3, 7, 3]}\n', ""), 0, 0)
    assert (found.stopped_at, found.reason) == ("python", "Python 3.7.3")
    assert found.hint.startswith("install Python 3.9")


def test_nobody_but_root() -> None:
    found = exam({"at": 1, "sections": {"denied": {"answer": "ops"}}})
    assert (found.stopped_at, found.reason) == ("sudo", "user ops is not root")
    assert found.hint == "set ansible_become: true, or ansible_user: root"


@pytest.mark.parametrize(
    ("kind", "step"),
    [
        ("refused", "ssh"),
        ("timeout", "ssh"),
        ("host key changed", "ssh"),
        ("authentication", "ssh"),
        ("lost", "ssh"),
        ("sudo", "sudo"),
        ("python", "python"),
    ],
)
def test_where_the_way_ended(kind: Kind, step: str) -> None:
    found = parse_preflight.unreached(SshError("mq1", kind, "no", "look"), "look")
    assert (found.host, found.stopped_at, found.reason, found.hint) == ("mq1", step, "no", "look")
