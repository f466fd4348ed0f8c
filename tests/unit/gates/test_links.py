"""Links that run, do not, run twice, or are not told."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.gates import links
from mqctl.model.gate import GateResult
from mqctl.model.links import Parameter, StaticShovel
from mqctl.model.objects import Exchange, Objects, Policy, Queue
from mqctl.model.status import ClusterStatus, LinkStatus
from mqctl.model.topology import Topology
from tests.topologies import with_site
from tests.unit.gates.healthy import healthy, part, silent, topology


def parameter(component: str, name: str, value: Any = None, **more: Any) -> Parameter:
    return Parameter.model_validate(
        {"component": component, "vhost": "/", "name": name, "value": value or {}, **more}
    )


def policy(name: str, pattern: str, definition: dict[str, Any], **more: Any) -> Policy:
    return Policy.model_validate({"name": name, "pattern": pattern, "definition": definition, **more})


@pytest.fixture
def linked() -> Topology:
    found = topology()
    objects = Objects(
        policies=(
            policy("all", "^fed", {"federation-upstream-set": "all"}),
            policy(
                "near", "^fedq2", {"federation-upstream-set": "near"}, priority=1, **{"apply-to": "queues"}
            ),
        ),
        exchanges=(Exchange(name="fedx"), Exchange(name="other")),
        queues=(Queue(name="fedq2"),),
        parameters=(
            parameter("federation-upstream", "west"),
            parameter("federation-upstream", "north", uris={"uri": (SecretStr("amqp://u:p@h"),)}),
            parameter("federation-upstream-set", "near", ({"upstream": "north"},)),
            parameter("shovel", "stays"),
            parameter("shovel", "goes", passing=True),
        ),
    )
    return with_site(found, objects=objects)


RUNNING = (
    LinkStatus(kind="exchange", vhost="/", name="fedx", upstream="west", state="running"),
    LinkStatus(kind="exchange", vhost="/", name="fedx", upstream="north", state="running"),
    LinkStatus(kind="queue", vhost="/", name="fedq2", upstream="north", state="running"),
    LinkStatus(kind="shovel", vhost="/", name="stays", state="running"),
)


def status(linked: Topology, *found: LinkStatus) -> ClusterStatus:
    """All links on the second broker, none on the others."""
    answer = healthy(linked)
    for name in ("mq1", "mq3"):
        answer = part(name, "broker", links=())(answer)
    return part("mq2", "broker", links=found)(answer)


def said(results: list[GateResult]) -> list[tuple[str, str, str, str]]:
    return [(one.subject, one.outcome, one.expected, one.got) for one in results]


def test_all_links_run(linked: Topology) -> None:
    results = links.judge(linked, status(linked, *RUNNING))
    assert said(results) == [("mirrored-3node", "pass", "4 running", "4 running")]


def test_a_link_that_is_missing_or_in_error_fails(linked: Topology) -> None:
    error = RUNNING[0].model_copy(update={"state": "error", "error": "ACCESS_REFUSED"})
    assert said(links.judge(linked, status(linked, error, *RUNNING[2:]))) == [
        ("exchange fedx from west", "fail", "running", "error: ACCESS_REFUSED"),
        ("exchange fedx from north", "fail", "running", "no such link"),
    ]


def test_a_link_that_runs_twice_fails(linked: Topology) -> None:
    answer = part("mq1", "broker", links=RUNNING[3:])(status(linked, *RUNNING))
    assert said(links.judge(linked, answer)) == [
        ("shovel stays", "fail", "running", "running 2 times: every message arrives as often")
    ]


def test_what_nobody_tells_is_unknown(linked: Topology) -> None:
    answer = silent("mq1")(status(linked, *RUNNING[1:]))
    assert said(links.judge(linked, answer)) == [
        ("exchange fedx from west", "unknown", "running", "not told by rabbit@mq1")
    ]
    mute = part("mq2", "broker", links=None)(status(linked))
    assert {one.got for one in links.judge(linked, mute)} == {"not told by rabbit@mq2"}


def test_a_passing_shovel_may_be_gone_but_not_stuck(linked: Topology) -> None:
    stuck = LinkStatus(kind="shovel", vhost="/", name="goes", state="starting")
    assert said(links.judge(linked, status(linked, *RUNNING, stuck))) == [
        ("shovel goes", "fail", "running", "starting")
    ]


def test_static_shovels_count_and_nothing_declared_is_no_gate(linked: Topology) -> None:
    static = StaticShovel.model_validate({"name": "s", "src": {"queue": "a"}, "dest": {"queue": "b"}})
    found = with_site(linked, static_shovels=(static,))
    assert said(links.judge(found, status(linked, *RUNNING))) == [
        ("static shovel s", "fail", "running", "no such link")
    ]
    assert links.judge(topology(), healthy(topology())) == []


def test_upstreams_that_nothing_uses_are_skipped(linked: Topology) -> None:
    unused = with_site(linked, objects=Objects(parameters=(parameter("federation-upstream", "west"),)))
    (result,) = links.judge(unused, status(linked))
    assert (result.outcome, result.got) == (
        "skipped",
        "nothing that is declared is federated, no shovel stays",
    )
