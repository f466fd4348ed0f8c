"""Object plans against real brokers of each Debian release: probed, applied, planned again to nothing."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from pydantic import SecretStr

from mqctl import lab
from mqctl.gates.wait import wait
from mqctl.model.base import reveal
from mqctl.model.changes import Request
from mqctl.model.lab import LabSpec
from mqctl.model.objects import Binding, Exchange, Objects, Permission, Policy, Queue, User, Vhost
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Connection, Topology
from mqctl.plan.objects import ObjectPlan, plan_objects
from mqctl.probe.run import probe
from mqctl.process import run
from mqctl.render.bundle import render
from tests.lab.conftest import own_lab
from tests.topologies import standalone

pytestmark = pytest.mark.lab

HOST = "mq1"
ADMIN, PASSWORD = "admin", "pass word/%ü"
ODD = "a/b %25 ü~+?#"
ODD_PASSWORD = "q\"'\\ ü:"

SETUP = f"""set -e
printf '[rabbitmq_management].\\n' > /etc/rabbitmq/enabled_plugins
systemctl start rabbitmq-server
rabbitmqctl -q add_user {ADMIN} '{PASSWORD}'
rabbitmqctl -q set_user_tags {ADMIN} administrator
rabbitmqctl -q set_permissions {ADMIN} '.*' '.*' '.*'
"""


@dataclass(frozen=True)
class Broker:
    """A running broker: its management API, and what the probe says of it."""

    spec: LabSpec

    @property
    def address(self) -> str:
        return str(self.spec.hosts[0].address)

    def call(
        self, method: str, path: str, body: str | None = None, user: str = ADMIN, password: str = PASSWORD
    ) -> tuple[int, Any]:
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        headers = {"Authorization": f"Basic {token}", "Content-Type": "application/json"}
        connection = http.client.HTTPConnection(self.address, 15672, timeout=30)
        try:
            connection.request(method, f"/api/{path}", body.encode() if body else None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
            return answer.status, json.loads(text) if text else None
        finally:
            connection.close()

    def must(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.call(method, path, None if body is None else json.dumps(body))
        assert status < 300, (method, path, status, answer)
        return answer

    def apply(self, requests: Iterable[Request]) -> None:
        for request in requests:
            path = request.path if request.binding is None else self._binding(request)
            status, answer = self.call(request.method, path, reveal(request.body) if request.body else None)
            assert status < 300, (request.method, path, status, answer)

    def _binding(self, request: Request) -> str:
        wanted = request.binding or {}
        found = [entry for entry in self.must("GET", request.path) if wanted.items() <= dict(entry).items()]
        assert len(found) == 1
        return f"{request.path}/{quote(found[0]['properties_key'], safe='')}"

    def status(self) -> ClusterStatus:
        topology = self.topology()
        return probe(topology, render(topology))

    def topology(self) -> Topology:
        connection = Connection(
            host=self.address,
            user="root",
            private_key=self.spec.state_dir / "id_ed25519",
            ssh_options={"userknownhostsfile": str(self.spec.state_dir / "known_hosts")},
        )
        whole = standalone(version=None)
        return whole.model_copy(
            update={
                "hosts": tuple(host.model_copy(update={"connection": connection}) for host in whole.hosts)
            }
        )

    def plan(self, objects: Objects) -> ObjectPlan:
        (host,) = self.status().hosts
        assert host.error is None
        assert host.broker is not None
        assert host.broker.definitions is not None
        return plan_objects(objects, host.broker.definitions, host.broker.queues, "cluster")


@pytest.fixture(scope="module", params=["bookworm", "bullseye", "trixie"])
def broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    place = tmp_path_factory.mktemp("test-objects")
    with own_lab("objects", place, {HOST: 11}, request.param) as spec:
        started = run([*lab.ssh_argv(spec.state_dir, spec.hosts[0].address), SETUP], timeout=120)
        assert started.ok, started.stderr
        found = Broker(spec)
        wait(lambda: answers(found), timeout=60, what="the management API")
        yield found


def answers(broker: Broker) -> bool:
    try:
        return broker.call("GET", "whoami")[0] == 200
    except OSError:
        return False


@pytest.fixture(autouse=True)
def _emptied(broker: Broker) -> Iterator[None]:
    """Every test leaves the broker as it found it, so that none depends on another."""
    yield
    for vhost in broker.must("GET", "vhosts"):
        if vhost["name"] != "/":
            broker.must("DELETE", f"vhosts/{quote(vhost['name'], safe='')}")
    for user in broker.must("GET", "users"):
        if user["name"] != ADMIN:
            broker.must("DELETE", f"users/{quote(user['name'], safe='')}")
    for kind in ("policies", "queues"):
        for entry in broker.must("GET", f"{kind}/%2F"):
            broker.must("DELETE", f"{kind}/%2F/{quote(entry['name'], safe='')}")
    for entry in broker.must("GET", "exchanges/%2F"):
        if entry["name"] and not entry["name"].startswith("amq."):
            broker.must("DELETE", f"exchanges/%2F/{quote(entry['name'], safe='')}")
    broker.call("DELETE", "global-parameters/mqctl")


def objects(**changes: Any) -> Objects:
    everything = {
        "vhosts": (Vhost(name="/"), Vhost(name=ODD, description="odd ü", tags=("t", "s"))),
        "users": (
            User(
                name=ADMIN,
                tags=("administrator",),
                password=SecretStr(PASSWORD),
                permissions=(Permission(), Permission(vhost=ODD)),
            ),
            User(
                name=ODD,
                tags=("management",),
                password=SecretStr(ODD_PASSWORD),
                permissions=(Permission(vhost=ODD, write="^x"),),
            ),
        ),
        "policies": (
            Policy.model_validate({"name": ODD, "pattern": "^", "definition": {"max-length": 5}}),
            Policy.model_validate(
                {"name": "p", "vhost": ODD, "pattern": "^x", "priority": 2, "definition": {"expires": 9999}}
            ),
        ),
        "exchanges": (
            Exchange(name=ODD, type="topic", arguments={"alternate-exchange": "amq.fanout"}),
            Exchange(name="inner", type="headers", internal=True),
            Exchange(name="fan", type="fanout", durable=False, vhost=ODD),
            Exchange(name="straight", auto_delete=True, vhost=ODD),
        ),
        "queues": (
            Queue(name=ODD, arguments={"x-max-length": 7, "x-dead-letter-exchange": ""}),
            Queue(name="spelled", arguments={"x-queue-type": "classic"}),
            Queue(name="quorum", arguments={"x-queue-type": "quorum"}),
            Queue(name="plain", vhost=ODD),
        ),
        "bindings": (
            Binding(source=ODD, destination=ODD, routing_key="a.#/ü ~%+"),
            Binding(source=ODD, destination=ODD),
            Binding(source="amq.headers", destination=ODD, arguments={"x-match": "all", "n": 1, "t": True}),
            Binding(source="amq.headers", destination=ODD, arguments={"x-match": "any", "l": [1, "x"]}),
            Binding(source=ODD, destination="inner", destination_type="exchange", routing_key="k"),
            Binding(source="fan", destination="plain", vhost=ODD),
        ),
    }
    return Objects.model_validate({**everything, **changes})


def did(plan: ObjectPlan) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in plan.changes]


def settle(broker: Broker, wanted: Objects) -> None:
    plan = broker.plan(wanted)
    assert plan.refusals == ()
    broker.apply(plan.requests)
    again = broker.plan(wanted)
    assert did(again) == []
    assert again.requests == ()


def test_a_fresh_broker_gets_everything_once_and_loses_guest(broker: Broker) -> None:
    settle(broker, objects())
    assert "guest" not in [user["name"] for user in broker.must("GET", "users")]


def test_the_password_that_was_set_is_the_one_that_logs_in(broker: Broker) -> None:
    settle(broker, objects())
    assert broker.call("GET", "whoami", user=ODD, password=ODD_PASSWORD)[0] == 200
    assert broker.call("GET", "whoami", user=ODD, password="another")[0] == 401


def test_changes_in_place(broker: Broker) -> None:
    settle(broker, objects())
    settle(
        broker,
        objects(
            vhosts=(Vhost(name="/"), Vhost(name=ODD, description="new", tags=("t",))),
            policies=(Policy.model_validate({"name": ODD, "pattern": "x", "definition": {"max-length": 6}}),),
        ),
    )


def test_immutable_objects_are_replaced_with_their_bindings(broker: Broker) -> None:
    settle(broker, objects())
    queues = (Queue(name=ODD, arguments={"x-max-length": 8}), *objects().queues[1:])
    exchanges = (Exchange(name=ODD, type="direct"), *objects().exchanges[1:])
    wanted = objects(queues=queues, exchanges=exchanges)
    assert [action for action, _, _ in did(broker.plan(wanted))] == ["replace", "replace"]
    settle(broker, wanted)


def test_what_is_no_longer_declared_goes_and_what_others_made_stays(broker: Broker) -> None:
    settle(broker, objects())
    broker.must("PUT", "queues/%2F/theirs", {"durable": True, "auto_delete": False, "arguments": {}})
    broker.must("PUT", "exchanges/%2F/theirs", {"type": "fanout", "durable": True})
    broker.must("POST", "bindings/%2F/e/theirs/q/theirs", {"routing_key": "k", "arguments": {"a": 1}})
    broker.must("PUT", "policies/%2F/theirs", {"pattern": "^theirs", "definition": {"max-length": 3}})
    broker.must("PUT", "vhosts/theirs", {})
    broker.must("PUT", "users/theirs", {"password_hash": "", "tags": ""})
    settle(broker, Objects(users=(objects().users[0].model_copy(update={"permissions": (Permission(),)}),)))
    left = broker.must("GET", "definitions")
    named = {kind: {entry["name"] for entry in left[kind]} for kind in ("queues", "exchanges", "policies")}
    assert named == {"queues": {"theirs"}, "exchanges": {"theirs"}, "policies": {"theirs"}}
    assert {vhost["name"] for vhost in left["vhosts"]} == {"/", ODD, "theirs"} - {ODD}
    assert {user["name"] for user in left["users"]} == {ADMIN, "theirs"}
    assert [binding["source"] for binding in left["bindings"]] == ["theirs"]


def test_a_queue_with_messages_is_refused_by_plan_and_broker(broker: Broker) -> None:
    wanted = Objects(users=objects().users[:1], vhosts=objects().vhosts, queues=(Queue(name="full"),))
    settle(broker, wanted)
    empty = broker.plan(wanted.model_copy(update={"queues": ()}))
    message = {"routing_key": "full", "payload": "x", "payload_encoding": "string", "properties": {}}
    broker.must("POST", "exchanges/%2F/amq.default/publish", message)
    wait(
        lambda: bool(broker.plan(wanted.model_copy(update={"queues": ()})).refusals),
        timeout=30,
        what="the refusal",
    )
    (removal,) = (change for change in empty.changes if change.kind == "queue")
    assert broker.call("DELETE", removal.requests[0].path)[0] == 400


def test_many_objects_are_one_import(broker: Broker) -> None:
    queues = tuple(Queue(name=f"q{number}") for number in range(60))
    bindings = tuple(Binding(source="amq.direct", destination=queue.name) for queue in queues)
    wanted = objects(queues=objects().queues + queues, bindings=objects().bindings + bindings)
    assert "definitions" in [request.path for request in broker.plan(wanted).requests]
    settle(broker, wanted)
