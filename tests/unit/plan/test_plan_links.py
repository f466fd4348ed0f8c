"""Links in a plan: made last, compared whole, removed when ours, and never shown with a password."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.links import Parameter
from mqctl.model.objects import Objects, Queue
from mqctl.plan.objects import ObjectPlan, plan_objects
from tests.unit.plan.simulator import FRESH as GUESTED
from tests.unit.plan.simulator import apply

FRESH = {**GUESTED, "users": [], "permissions": []}

PASSWORD = "s3cr%2Fet"
URI = f"amqp://app:{PASSWORD}@192.0.2.9:5672/%2F"


def upstream(uri: str = URI, **value: Any) -> Parameter:
    return Parameter(
        component="federation-upstream", vhost="/", name="west", value=value, uris={"uri": (SecretStr(uri),)}
    )


def shovel(**more: Any) -> Parameter:
    uris = {"src-uri": (SecretStr("amqp:///%2F"),), "dest-uri": (SecretStr(URI),)}
    return Parameter(
        component="shovel",
        vhost="/",
        name="s",
        value={"src-queue": "q", "dest-queue": "q"},
        uris=uris,
        **more,
    )


SET = Parameter(component="federation-upstream-set", vhost="/", name="all2", value=({"upstream": "west"},))


def objects(*parameters: Parameter) -> Objects:
    return Objects(queues=(Queue(name="q"),), parameters=parameters)


def plan(wanted: Objects, document: dict[str, Any]) -> ObjectPlan:
    return plan_objects(wanted, document, (), "cluster")


def settled(*parameters: Parameter) -> dict[str, Any]:
    return apply(FRESH, plan(objects(*parameters), FRESH).requests)


def did(outcome: ObjectPlan) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in outcome.changes]


def test_links_are_made_after_what_they_lead_to_and_then_nothing_is_left() -> None:
    first = plan(objects(shovel(), SET, upstream()), FRESH)
    puts = [request.path for request in first.requests if request.method == "PUT"]
    assert puts[-3:] == [
        "parameters/federation-upstream/%2F/west",
        "parameters/federation-upstream-set/%2F/all2",
        "parameters/shovel/%2F/s",
    ]
    assert plan(objects(shovel(), SET, upstream()), apply(FRESH, first.requests)).requests == ()


def test_one_uri_equals_a_list_of_it_and_pairs_equal_an_object() -> None:
    document = settled(upstream(**{"max-hops": 1}))
    (one,) = document["parameters"]
    one["value"] = [["max-hops", 1], ["uri", URI]]
    assert plan(objects(upstream(**{"max-hops": 1})), document).changes == ()


@pytest.mark.parametrize(
    ("changed", "before", "after"),
    [
        (upstream(**{"max-hops": 2}), {"max-hops": 1}, {"max-hops": 2}),
        (upstream(), {"max-hops": 1}, {"max-hops": None}),
        (
            upstream(URI.replace("s3cr", "new"), **{"max-hops": 1}),
            {"password": "********"},
            {"password": "********"},
        ),
        (
            upstream(URI.replace("192.0.2.9", "192.0.2.8"), **{"max-hops": 1}),
            {"uri": ["amqp://app:********@192.0.2.9:5672/%2F"]},
            {"uri": ["amqp://app:********@192.0.2.8:5672/%2F"]},
        ),
    ],
)
def test_a_change_shows_what_differs_and_no_password(
    changed: Parameter, before: dict[str, Any], after: dict[str, Any]
) -> None:
    outcome = plan(objects(changed), settled(upstream(**{"max-hops": 1})))
    (change,) = outcome.changes
    assert (change.action, change.before, change.after) == ("update", before, after)
    (request,) = change.requests
    assert request.body is not None
    assert json.loads(reveal(request.body))["value"]["uri"][0].startswith("amqp://app:")


def test_no_plan_shows_a_password() -> None:
    document = settled(upstream(), shovel())
    for outcome in (plan(objects(upstream(), shovel()), FRESH), plan(objects(), document)):
        told = repr(outcome) + "".join(change.model_dump_json() for change in outcome.changes)
        assert outcome.changes
        assert PASSWORD not in told


def test_what_mqctl_made_goes_and_what_others_made_stays() -> None:
    document = settled(upstream(), SET, shovel())
    others = {"component": "shovel", "vhost": "/", "name": "theirs", "value": {"src-uri": "amqp://"}}
    limits = {"component": "vhost-limits", "vhost": "/", "name": "limits", "value": {"max-queues": 5}}
    document["parameters"] += [others, limits]
    outcome = plan(objects(), document)
    assert did(outcome) == [
        ("delete", "shovel", "s"),
        ("delete", "federation-upstream-set", "all2"),
        ("delete", "federation-upstream", "west"),
    ]
    left = apply(document, outcome.requests)
    assert left["parameters"] == [others, limits]
    assert plan(objects(), left).requests == ()


def test_a_shovel_that_ended_by_itself_is_not_made_again() -> None:
    document = settled(shovel(passing=True))
    document["parameters"] = []
    assert plan(objects(shovel(passing=True)), document).requests == ()
    assert did(plan(objects(shovel()), document)) == [("create", "shovel", "s")]


def test_a_shovel_whose_making_was_cut_short_is_made() -> None:
    requests = plan(objects(shovel(passing=True)), FRESH).requests
    cut = next(number for number, one in enumerate(requests) if one.path.startswith("parameters/"))
    document = apply(FRESH, requests[:cut])
    assert did(plan(objects(shovel(passing=True)), document)) == [("create", "shovel", "s")]
