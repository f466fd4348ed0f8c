"""Objects: created, changed in place, replaced, removed when ours, and never touched when not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from mqctl.model.base import reveal
from mqctl.model.changes import Request
from mqctl.model.objects import Binding, Exchange, Objects, Permission, Policy, Queue, User, Vhost
from mqctl.model.password import SHA256, hash_password, verify
from mqctl.model.status import QueueStatus
from mqctl.plan.objects import ObjectPlan, plan_objects
from mqctl.plan.objects.bulk import BULK_AT_MOST, BULK_FROM
from mqctl.plan.objects.ledger import read_ledger
from mqctl.plan.objects.requests import path
from tests.unit.plan.refused import Told, told
from tests.unit.plan.simulator import FRESH, apply

GUESTLESS = {**FRESH, "users": [], "permissions": []}


def policy(name: str = "p", **fields: Any) -> Policy:
    return Policy.model_validate({"name": name, "pattern": "^", "definition": {"max-length": 5}, **fields})


FULL = Objects(
    vhosts=(Vhost(name="/"), Vhost(name="a/b %ü", description="with all", tags=("t", "s"))),
    users=(
        User(name="admin", tags=("administrator",), password=SecretStr("pw1")),
        User(
            name="app",
            password_hash=SecretStr(hash_password("pw2", b"salt")),
            permissions=(Permission(vhost="a/b %ü", configure="", write="^x", read=".*"),),
        ),
    ),
    policies=(policy(), policy("q", vhost="a/b %ü", **{"apply-to": "queues"}, priority=3)),
    exchanges=(
        Exchange(name="e1", type="topic", arguments={"alternate-exchange": "amq.fanout"}),
        Exchange(name="e2", type="headers", internal=True),
    ),
    queues=(Queue(name="q1", arguments={"x-max-length": 5}), Queue(name="q/2 ü", vhost="a/b %ü")),
    bindings=(
        Binding(source="e1", destination="q1", routing_key="k.#"),
        Binding(source="e1", destination="e2", destination_type="exchange", routing_key="x"),
        Binding(source="amq.headers", destination="q1", arguments={"x-match": "all", "n": 1}),
    ),
)


def plan(
    objects: Objects, document: Mapping[str, Any] = GUESTLESS, queues: tuple[QueueStatus, ...] = ()
) -> ObjectPlan:
    return plan_objects(objects, document, queues, "cluster")


def settle(objects: Objects, document: Mapping[str, Any] = GUESTLESS) -> dict[str, Any]:
    return apply(document, plan(objects, document).requests)


def did(outcome: ObjectPlan) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in outcome.changes]


def counted(name: str, vhost: str = "/", **fields: Any) -> QueueStatus:
    return QueueStatus(
        vhost=vhost, name=name, type="classic", durable=True, **{"messages": 0, "consumers": 0, **fields}
    )


def without(objects: Objects, **fields: Any) -> Objects:
    return objects.model_copy(update=fields)


def test_everything_is_made_once_in_an_order_that_a_broker_accepts() -> None:
    first = plan(FULL, FRESH)
    assert {change.kind for change in first.changes} == {
        "vhost",
        "user",
        "permission",
        "policy",
        "exchange",
        "queue",
        "binding",
    }
    again = plan(FULL, apply(FRESH, first.requests))
    assert did(again) == []
    assert again.requests == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (
            {"vhosts": (Vhost(name="/"), Vhost(name="a/b %ü", description="other"))},
            ("update", "vhost", "a/b %ü"),
        ),
        (
            {"users": (FULL.users[0].model_copy(update={"password": SecretStr("new")}), FULL.users[1])},
            ("update", "user", "admin"),
        ),
        (
            {"users": (FULL.users[0].model_copy(update={"tags": ("monitoring",)}), FULL.users[1])},
            ("update", "user", "admin"),
        ),
        (
            {
                "users": (
                    FULL.users[0],
                    FULL.users[1].model_copy(update={"password_hash": SecretStr("b3RoZXI=")}),
                )
            },
            ("update", "user", "app"),
        ),
        (
            {
                "users": (
                    FULL.users[0].model_copy(update={"permissions": (Permission(read=""),)}),
                    FULL.users[1],
                )
            },
            ("update", "permission", "admin"),
        ),
        ({"policies": (policy(priority=9), FULL.policies[1])}, ("update", "policy", "p")),
        ({"policies": (policy(pattern="^x"), FULL.policies[1])}, ("update", "policy", "p")),
        ({"policies": (policy(**{"apply-to": "exchanges"}), FULL.policies[1])}, ("update", "policy", "p")),
        ({"policies": (policy(definition={"max-length": 6}), FULL.policies[1])}, ("update", "policy", "p")),
        (
            {"exchanges": (Exchange(name="e1", type="direct"), FULL.exchanges[1])},
            ("replace", "exchange", "e1"),
        ),
        ({"queues": (Queue(name="q1"), FULL.queues[1])}, ("replace", "queue", "q1")),
        (
            {
                "queues": (
                    Queue(name="q1", arguments={"x-max-length": 5, "x-queue-type": "quorum"}),
                    FULL.queues[1],
                )
            },
            ("replace", "queue", "q1"),
        ),
        ({"policies": FULL.policies[:1]}, ("delete", "policy", "q")),
        ({"bindings": FULL.bindings[1:]}, ("delete", "binding", "e1 -> q1 (k.#)")),
        (
            {"bindings": FULL.bindings[:2]},
            ("delete", "binding", 'amq.headers -> q1 () {"n":1,"x-match":"all"}'),
        ),
        ({"queues": FULL.queues[:1]}, ("delete", "queue", "q/2 ü")),
    ],
)
def test_one_difference_is_one_change_and_then_none(
    changed: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    wanted, document = without(FULL, **changed), settle(FULL)
    outcome = plan(wanted, document, (counted("q1"), counted("q/2 ü", "a/b %ü")))
    assert outcome.refusals == ()
    assert did(outcome) == [expected]
    assert did(plan(wanted, apply(document, outcome.requests))) == []


def test_guest_goes_always_with_its_permissions() -> None:
    outcome = plan(Objects(), FRESH)
    assert did(outcome) == [("delete", "user", "guest")]
    assert apply(FRESH, outcome.requests)["permissions"] == []


def test_a_declared_guest_stays() -> None:
    assert ("delete", "user", "guest") not in did(plan(Objects(users=(User(name="guest"),)), FRESH))


FOREIGN: dict[str, Any] = {
    **GUESTLESS,
    "vhosts": [{"name": "/"}, {"name": "theirs"}],
    "users": [{"name": "their", "password_hash": "x", "tags": []}],
    "permissions": [{"user": "their", "vhost": "theirs", "configure": "", "write": "", "read": ""}],
    "policies": [{"vhost": "/", "name": "their", "pattern": "", "definition": {"expires": 1}, "priority": 0}],
    "exchanges": [{"vhost": "/", "name": "their", "type": "fanout", "durable": True, "arguments": {}}],
    "queues": [{"vhost": "/", "name": "their", "durable": True, "arguments": {}}],
    "bindings": [
        {
            "vhost": "/",
            "source": "their",
            "destination": "their",
            "destination_type": "queue",
            "routing_key": "",
            "arguments": {},
        }
    ],
}


def test_what_others_made_is_never_touched() -> None:
    assert did(plan(Objects(), FOREIGN)) == []
    document = settle(FULL, FOREIGN)
    for collection in ("users", "permissions", "policies", "exchanges", "queues", "bindings"):
        assert [entry for entry in FOREIGN[collection] if entry not in document[collection]] == []


def test_an_adopted_object_stays_when_the_inventory_drops_it() -> None:
    adopted = Objects(queues=(Queue(name="their"),))
    document = settle(adopted, FOREIGN)
    assert did(plan(Objects(), document)) == []


def test_what_mqctl_made_goes_when_the_inventory_drops_it() -> None:
    document = settle(FULL)
    outcome = plan(Objects(), document, (counted("q1"), counted("q/2 ü", "a/b %ü")))
    assert outcome.refusals == ()
    left = apply(document, outcome.requests)
    for collection in ("users", "permissions", "policies", "exchanges", "queues", "bindings"):
        assert left[collection] == []
    assert [vhost["name"] for vhost in left["vhosts"]] == ["/"]
    assert read_ledger(left) == frozenset()


def test_an_object_that_somebody_else_removed_leaves_the_ledger() -> None:
    document = {**settle(Objects(policies=(policy(),))), "policies": []}
    outcome = plan(Objects(), document)
    assert did(outcome) == []
    assert read_ledger(apply(document, outcome.requests)) == frozenset()


def test_the_ledger_is_written_before_anything_is_made_and_after_anything_is_removed() -> None:
    document = settle(Objects(policies=(policy("old"),)))
    paths = [request.path for request in plan(Objects(policies=(policy("new"),)), document).requests]
    assert paths == [
        "global-parameters/mqctl",
        "policies/%2F/new",
        "policies/%2F/old",
        "global-parameters/mqctl",
    ]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "text",
        [],
        [1, 2],
        {"objects": [["queue"]]},
        {"objects": [["nonsense", "/", "q"]]},
        {"objects": [["queue", "/", 5]]},
        {"objects": ["queue"]},
    ],
)
def test_a_ledger_that_makes_no_sense_removes_nothing(value: Any) -> None:
    document = {**FOREIGN, "global_parameters": [{"name": "mqctl", "value": value}]}
    assert did(plan(Objects(), document)) == []


def test_both_exports_of_the_ledger_read_the_same() -> None:
    as_pairs = [{"name": "mqctl", "value": [["objects", [["queue", "/", "q"]]]]}]
    as_object = [{"name": "mqctl", "value": {"objects": [["queue", "/", "q"]]}}]
    expected = frozenset({("queue", "/", "q")})
    assert read_ledger({"global_parameters": as_pairs}) == expected
    assert read_ledger({"global_parameters": as_object}) == expected


EMPTY_IT = (
    "let consumers empty it or purge it, stop its consumers, or put it back into the inventory as it was"
)
REPLACED = without(FULL, queues=(Queue(name="q1"), FULL.queues[1]))
REMOVED = without(FULL, queues=FULL.queues[1:], bindings=FULL.bindings[1:2])


@pytest.mark.parametrize(
    ("wanted", "queues", "message"),
    [
        (
            REPLACED,
            (counted("q1", messages=1),),
            "queue q1 in vhost / cannot be replaced: it holds 1 message",
        ),
        (REMOVED, (counted("q1", messages=7),), "queue q1 in vhost / cannot be removed: it holds 7 messages"),
        (REMOVED, (counted("q1", consumers=1),), "queue q1 in vhost / cannot be removed: it has 1 consumer"),
    ],
)
def test_a_queue_in_use_is_refused(wanted: Objects, queues: tuple[QueueStatus, ...], message: str) -> None:
    assert told(plan(wanted, settle(FULL), queues).refusals) == [(message, EMPTY_IT)]


def test_counts_come_from_whichever_broker_leads() -> None:
    views = (counted("q1", messages=None, consumers=None), counted("q1", messages=3))
    message = "queue q1 in vhost / cannot be removed: it holds 3 messages"
    assert told(plan(REMOVED, settle(FULL), views).refusals) == [(message, EMPTY_IT)]


def test_a_quorum_queue_whose_messages_nobody_counted_is_refused() -> None:
    quorum = Objects(queues=(Queue(name="q", arguments={"x-queue-type": "quorum"}),))
    document = settle(quorum)
    message = "queue q in vhost / cannot be removed: how many messages it holds is not known"
    assert told(plan(Objects(), document).refusals) == [(message, EMPTY_IT)]
    outcome = plan(Objects(), document, (counted("q"),))
    assert outcome.refusals == ()
    (change,) = outcome.changes
    assert change.requests[0].path == "queues/%2F/q"


def test_a_classic_queue_is_removed_only_when_the_broker_agrees_that_it_is_empty() -> None:
    document = settle(Objects(queues=(Queue(name="q"),)))
    (change,) = plan(Objects(), document).changes
    assert change.requests[0].path == "queues/%2F/q?if-empty=true&if-unused=true"


INSIDE = Objects(vhosts=(Vhost(name="/"), Vhost(name="v")), queues=(Queue(name="q", vhost="v"),))


FULL_VHOST = ("vhost v cannot be removed: its queues hold messages, or could not be asked: q", EMPTY_IT)


@pytest.mark.parametrize(
    ("queues", "refusals"),
    [
        ((), [FULL_VHOST]),
        ((counted("q", "v", messages=2),), [FULL_VHOST]),
        ((counted("q", "v"),), []),
        ((counted("q"),), [FULL_VHOST]),
    ],
)
def test_a_vhost_goes_only_when_all_its_queues_are_known_to_be_empty(
    queues: tuple[QueueStatus, ...], refusals: list[Told]
) -> None:
    outcome = plan(Objects(), settle(INSIDE), queues)
    assert told(outcome.refusals) == refusals
    assert did(outcome) == [("delete", "vhost", "v")]


def bound_by_others(document: Mapping[str, Any]) -> dict[str, Any]:
    foreign = {**FOREIGN["bindings"][0], "source": "e1", "destination": "q1", "routing_key": "theirs"}
    return {**document, "bindings": [*document["bindings"], foreign]}


@pytest.mark.parametrize(
    ("wanted", "what"),
    [
        (REPLACED, "queue q1 in vhost / cannot be replaced"),
        (REMOVED, "queue q1 in vhost / cannot be removed"),
        (
            without(FULL, exchanges=(Exchange(name="e1", type="direct"), FULL.exchanges[1])),
            "exchange e1 in vhost / cannot be replaced",
        ),
        (
            without(FULL, exchanges=FULL.exchanges[1:], bindings=FULL.bindings[2:]),
            "exchange e1 in vhost / cannot be removed",
        ),
    ],
)
def test_others_bindings_are_not_destroyed_with_what_they_hang_on(wanted: Objects, what: str) -> None:
    message = f"{what}: bindings that mqctl did not make would go with it: e1 -> q1 (theirs)"
    hint = "declare these bindings in the inventory, or remove them"
    outcome = plan(wanted, bound_by_others(settle(FULL)), (counted("q1"),))
    assert told(outcome.refusals) == [(message, hint)]


BUILT_IN = (
    "exchange amq.topic in vhost / cannot be replaced: it belongs to the broker",
    "declare it as it is",
)


@pytest.mark.parametrize(
    ("exchange", "refusals"),
    [
        (Exchange(name="amq.topic", type="topic"), []),
        (Exchange(name="amq.topic", type="direct"), [BUILT_IN]),
        (Exchange(name="amq.topic", type="topic", durable=False), [BUILT_IN]),
    ],
)
def test_built_in_exchanges_are_what_they_are(exchange: Exchange, refusals: list[Told]) -> None:
    assert told(plan(Objects(exchanges=(exchange,))).refusals) == refusals


@pytest.mark.parametrize(
    "vhost",
    [
        {"name": "/"},
        {"name": "/", "metadata": {"description": "Default virtual host", "tags": []}},
        {"name": "/", "description": "Default virtual host", "tags": [], "default_queue_type": "undefined"},
    ],
)
def test_the_default_vhosts_own_description_is_no_difference(vhost: dict[str, Any]) -> None:
    assert did(plan(Objects(), {**GUESTLESS, "vhosts": [vhost]})) == []


def test_changing_a_tag_keeps_what_else_the_vhost_says() -> None:
    document = {**GUESTLESS, "vhosts": [{"name": "/", "metadata": {"description": "theirs", "tags": ["x"]}}]}
    left = apply(document, plan(Objects(vhosts=(Vhost(name="/", tags=("y",)),)), document).requests)
    assert left["vhosts"][0]["metadata"] == {"description": "theirs", "tags": ["y"]}


@pytest.mark.parametrize(("version", "changes"), [("3.8.9", 0), ("3.10.8", 1), ("4.0.5", 1), ("", 1)])
def test_lines_that_cannot_change_a_vhost_are_not_asked_to(version: str, changes: int) -> None:
    document = {**GUESTLESS, "rabbit_version": version}
    outcome = plan(Objects(vhosts=(Vhost(name="/", description="mine"),)), document)
    assert len(outcome.changes) == changes


def user_with(hashed: str, algorithm: str = "rabbit_password_hashing_sha256") -> dict[str, Any]:
    user = {"name": "app", "password_hash": hashed, "hashing_algorithm": algorithm, "tags": "b,a"}
    return {**GUESTLESS, "users": [user]}


APP = User(name="app", tags=("a", "b"), permissions=(), password=SecretStr("pw"))


@pytest.mark.parametrize(
    ("document", "changes"),
    [
        (user_with(hash_password("pw", b"any!")), 0),
        (user_with(hash_password("other", b"any!")), 1),
        (user_with(""), 1),
        (user_with(hash_password("pw", b"any!"), "rabbit_password_hashing_sha512"), 1),
    ],
)
def test_a_password_is_compared_by_the_live_salt(document: dict[str, Any], changes: int) -> None:
    outcome = plan(Objects(users=(APP,)), document)
    assert len(outcome.changes) == changes
    assert "pw" not in json.dumps([change.model_dump(mode="json") for change in outcome.changes]).replace(
        "password", ""
    )


def test_a_tag_update_never_wipes_the_password() -> None:
    hashed = hash_password("pw", b"any!")
    outcome = plan(Objects(users=(APP.model_copy(update={"tags": ("c",)}),)), user_with(hashed))
    assert apply({}, outcome.requests)["users"][-1]["password_hash"] == hashed


def test_a_user_without_password_keeps_the_live_one() -> None:
    assert did(plan(Objects(users=(APP.model_copy(update={"password": None}),)), user_with("abc"))) == []


def test_passwords_travel_as_salted_hashes_only() -> None:
    password = "never-to-be-sent"
    users = tuple(User(name=name, password=SecretStr(password)) for name in ("one", "two"))
    bodies = [reveal(r.body) for r in plan(Objects(users=users)).requests if r.path.startswith("users/")]
    hashes = [json.loads(body)["password_hash"] for body in bodies]
    assert len(set(hashes)) == 2
    assert all(verify(password, hashed, SHA256) for hashed in hashes)
    assert not [body for body in bodies if password in body or '"password"' in body]


def test_secrets_are_shown_as_asterisks() -> None:
    (change,) = plan(Objects(users=(APP,)), user_with("")).changes
    assert change.before == {"password": "********"}
    assert change.after == {"password": "********"}


def test_an_implied_queue_type_equals_a_spelled_one() -> None:
    live = {"vhost": "/", "name": "q", "durable": True, "auto_delete": False, "arguments": {}}
    spelled = Objects(queues=(Queue(name="q", arguments={"x-queue-type": "classic"}),))
    assert did(plan(spelled, {**GUESTLESS, "queues": [live]})) == []
    typed = {**live, "type": "quorum", "arguments": {"x-queue-type": "quorum"}}
    vhost = Vhost(name="/", default_queue_type="quorum")
    document = {
        **GUESTLESS,
        "queues": [typed],
        "vhosts": [{"name": "/", "metadata": {"default_queue_type": "quorum"}}],
    }
    assert did(plan(Objects(vhosts=(vhost,), queues=(Queue(name="q"),)), document)) == []
    assert did(plan(Objects(queues=(Queue(name="q"),)), document)) == [("replace", "queue", "q")]


def test_many_creations_are_one_import_with_the_same_outcome() -> None:
    queues = tuple(Queue(name=f"q{i}") for i in range(BULK_FROM + 1))
    bindings = tuple(Binding(source="amq.direct", destination=queue.name) for queue in queues)
    many = Objects(queues=queues, bindings=bindings)
    outcome = plan(many)
    assert [request.path for request in outcome.requests] == ["global-parameters/mqctl", "definitions"]
    assert did(plan(many, apply(GUESTLESS, outcome.requests))) == []


def test_no_import_is_so_long_that_its_connection_is_dropped() -> None:
    queues = tuple(Queue(name=f"q{i}") for i in range(BULK_AT_MOST))
    bindings = tuple(Binding(source="amq.direct", destination=queue.name) for queue in queues[:-1])
    policies = tuple(Policy(name=f"p{i}", pattern="^q", definition={"expires": 1000}) for i in range(2))
    many = Objects(queues=queues, bindings=bindings, policies=policies)
    outcome = plan(many)
    _, *imports = outcome.requests
    documents = [json.loads(request.body.get_secret_value()) for request in imports if request.body]
    assert [{kind: len(items) for kind, items in document.items()} for document in documents] == [
        {"policies": 2, "queues": BULK_AT_MOST - 2},
        {"queues": 2, "bindings": BULK_AT_MOST - 2},
        {"bindings": 1},
    ]
    assert did(plan(many, apply(GUESTLESS, outcome.requests))) == []


def test_few_creations_go_one_by_one() -> None:
    queues = tuple(Queue(name=f"q{i}") for i in range(BULK_FROM))
    assert len(plan(Objects(queues=queues)).requests) == BULK_FROM + 1


# Names as RabbitMQ keeps them: one line, not empty, and no step of a URL's path.
NAMES = st.text(st.characters(exclude_characters="\r\n\0", codec="utf-8"), min_size=1, max_size=20).filter(
    lambda name: not name.startswith("amq.") and name not in (".", "..")
)


@given(NAMES, NAMES)
def test_any_name_survives_its_path(vhost: str, name: str) -> None:
    whole = path("queues", vhost, name)
    assert [unquote(part) for part in whole.split("/")] == ["queues", vhost, name]
    assert whole.isascii()
    assert not set(whole) & set(" ?#\r\n")


@settings(max_examples=50)
@given(NAMES, NAMES, NAMES, st.text(max_size=20))
def test_any_names_are_made_once(vhost: str, queue: str, exchange: str, key: str) -> None:
    wanted = Objects(
        vhosts=(Vhost(name="/"), Vhost(name=vhost)),
        queues=(Queue(name=queue, vhost=vhost),),
        exchanges=(Exchange(name=exchange, vhost=vhost),),
        bindings=(Binding(source=exchange, destination=queue, vhost=vhost, routing_key=key),),
    )
    document = settle(wanted)
    assert did(plan(wanted, document)) == []
    removal = plan(Objects(), document, (counted(queue, vhost),))
    emptied = apply(document, removal.requests)
    assert [one["name"] for one in emptied["vhosts"]] == ["/"]
    assert emptied["queues"] == emptied["exchanges"] == emptied["bindings"] == []


def test_request_bodies_do_not_print() -> None:
    request = Request(method="PUT", path="users/x", body=SecretStr('{"password_hash": "abc"}'))
    assert "abc" not in repr(request)
    assert reveal(request.body or SecretStr("")) == '{"password_hash": "abc"}'
