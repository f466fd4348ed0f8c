"""Shovels as links: which ones lead from site to site, and what a run makes of them and removes again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, cast
from urllib.parse import unquote

import pytest
from pydantic import SecretStr

from mqctl.errors import MqctlError
from mqctl.faults.scenarios import Choice
from mqctl.faults.site_links import SiteLink, site_links
from mqctl.inventory import ensure
from mqctl.model.base import reveal
from mqctl.model.status import BrokerStatus, ClusterStatus, HostStatus, QueueStatus
from mqctl.model.topology import Topology
from mqctl.model.workload import Account, Endpoint, WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.workflows import stage as stage_module
from mqctl.workflows.clients import Clients
from mqctl.workflows.failover_test import arranged, clean
from mqctl.workflows.link_stage import LinkStage, link_stage
from mqctl.workflows.stage import Stage
from mqctl.workload import queues
from mqctl.workload.api import Api
from mqctl.workload.shovel import clear_shovel, set_shovel
from tests.unit.inventory.test_sites import inventory

PLUGINS = ["rabbitmq_management", "rabbitmq_federation", "rabbitmq_shovel"]
PUSH: dict[str, Any] = {
    "name": "push",
    "src": {"queue": "q", "prefetch-count": 9},
    "dest": {"site": "west", "queue": "q", "add-forward-headers": True},
    "ack-mode": "on-publish",
    "reconnect-delay": 2,
}
FETCH: dict[str, Any] = {"name": "fetch", "src": {"site": "west", "queue": "q"}, "dest": {"queue": "q"}}
FROM_EXCHANGE: dict[str, Any] = {"name": "copy", "src": {"exchange": "x"}, "dest": {"site": "west"}}
UPSTREAM = {"name": "up", "site": "west"}


def of_uri(name: str, uri: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "src": {"queue": "q"}, "dest": {"uri": [uri], "queue": "q"}, **more}


BY_URI = {
    "entrance": "amqp://u:p@192.0.2.29:5672/%2F",
    "balancer": "amqp://u:p@192.0.2.25:5672/%2f",
    "broker": "amqp://u:p@192.0.2.22",
    "query": "amqp://u:p@192.0.2.22:5672/%2F?heartbeat=5",
}
NO_LINKS = [
    of_uri("other vhost there", "amqp://u:p@192.0.2.22:5672/other"),
    of_uri("vhost that begins alike", "amqp://u:p@192.0.2.22:5672/%2Fother"),
    of_uri("other port", "amqp://u:p@192.0.2.22:5673/%2F"),
    of_uri("port of TLS", "amqps://u:p@192.0.2.22/%2F"),
    of_uri("address that begins alike", "amqp://u:p@192.0.2.220:5672/%2F"),
    of_uri("outside the inventory", "amqp://u:p@198.51.100.7:5672/%2F"),
    of_uri("own site", "amqp://u:p@192.0.2.12:5672/%2F"),
    of_uri("cluster itself", "amqp:///%2F", src={"queue": "other"}),
    of_uri("other vhost here", "amqp://u:p@192.0.2.22", vhost="v"),
    {**PUSH, "name": "ends by itself", "src": {"queue": "q", "delete-after": "queue-length"}},
]


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Topology:
    """East declares all of them: loading an inventory takes its time."""
    by_uri = [of_uri(name, uri) for name, uri in BY_URI.items()]
    east = {
        "rabbitmq_plugins": PLUGINS,
        "rabbitmq_vhosts": [{"name": "/"}, {"name": "v"}],
        "rabbitmq_shovels": [PUSH, FETCH, FROM_EXCHANGE, *by_uri, *NO_LINKS],
        "rabbitmq_static_shovels": [
            {**one, "name": f"static_{one['name']}"} for one in (PUSH, FETCH, FROM_EXCHANGE)
        ],
        "rabbitmq_upstreams": [UPSTREAM],
    }
    return ensure(inventory(tmp_path_factory.mktemp("sites") / "two", east=east))


def only(topology: Topology, *names: str, **changes: Any) -> Topology:
    """The same with these links alone, in this order; `changes` are of the other site."""
    east, west = topology.parts
    parameters = {one.name: one for one in east.objects.parameters}
    static = {one.name: one for one in east.static_shovels}
    objects = east.objects.model_copy(
        update={"parameters": tuple(parameters[name] for name in names if name in parameters)}
    )
    kept = {"objects": objects, "static_shovels": tuple(static[name] for name in names if name in static)}
    parts = (east.model_copy(update=kept), west.model_copy(update=changes))
    return topology.model_copy(update={"parts": parts})


def told(link: SiteLink) -> tuple[str, str, str, str]:
    return link.upstream.site.name, link.downstream.site.name, link.declared.site.name, link.name


@pytest.mark.parametrize("kind", ["", "static_"])
@pytest.mark.parametrize(
    ("name", "leads"), [("push", ("east", "west")), ("fetch", ("west", "east")), ("copy", ("east", "west"))]
)
def test_a_shovel_leads_from_where_it_consumes(
    every: Topology, kind: str, name: str, leads: tuple[str, ...]
) -> None:
    (link,) = site_links(only(every, kind + name))
    assert told(link) == (*leads, "east", kind + name)
    assert link.shovel is not None


@pytest.mark.parametrize("name", BY_URI)
def test_a_uri_leads_to_the_site_whose_entrance_or_broker_it_names(every: Topology, name: str) -> None:
    (link,) = site_links(only(every, name))
    assert told(link) == ("east", "west", "east", name)


@pytest.mark.parametrize("name", [one["name"] for one in NO_LINKS])
def test_what_is_no_link(every: Topology, name: str) -> None:
    assert site_links(only(every, name)) == []


def test_no_link_ends_at_brokers_that_stay_apart(every: Topology) -> None:
    assert site_links(only(every, "push")) != []
    assert site_links(only(every, "push", clustered=False)) == []


@pytest.mark.parametrize(
    ("there", "back"), [("push", "up"), ("push", "fetch"), ("static_copy", "static_fetch")]
)
def test_one_link_for_a_pair_and_a_direction(every: Topology, there: str, back: str) -> None:
    """An upstream before a dynamic shovel before a static one; of the same kind the first."""
    rest = {"up": ("up", "copy", "fetch"), "fetch": ("copy", "fetch"), "static_fetch": ()}[back]
    declared = only(every, "static_copy", "static_fetch", "static_push", *((there, *rest) if rest else ()))
    assert [told(link) for link in site_links(declared)] == [
        *([("west", "east", "east", back)] if back == "up" else []),
        ("east", "west", "east", there),
        *([("west", "east", "east", back)] if back != "up" else []),
    ]


def test_scenarios_of_a_link_play_over_a_shovel(every: Topology) -> None:
    acts, skipped = arranged(only(every, "push"), Choice(("cut-link", "lose-upstream")))
    assert [(act.scenario.name, act.site.site.name) for act in acts] == [
        ("west-from-east-cut-link", "west"),
        ("west-from-east-lose-upstream", "west"),
    ]
    assert skipped == []


class Broker:
    """The part of the management API that keeps shovels; what it took and in which order."""

    def __init__(self) -> None:
        self.shovels: dict[str, Any] = {}
        self.log: list[str] = []
        self.refuses = False
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))

    @property
    def api(self) -> Api:
        endpoint = Endpoint(host="127.0.0.1", port=self.server.server_address[1])
        return Api([endpoint], "admin", SecretStr("a"))

    def answer(self, method: str, path: str, body: str) -> tuple[int, str]:
        kind, name = path.removeprefix("/api/").partition("/%2F")[::2]
        if kind == "policies":
            return 200, "[]"
        assert kind == "parameters/shovel"
        name = unquote(name).removeprefix("/")
        if method == "GET":
            return 200, json.dumps([{"name": one, "value": self.shovels[one]} for one in self.shovels])
        self.log.append(f"{method} {name}")
        if self.refuses or (method == "DELETE" and name not in self.shovels):
            return 400, "{}"
        if method == "PUT":
            self.shovels[name] = json.loads(body)["value"]
        else:
            del self.shovels[name]
        return 204, ""


def _handler(broker: Broker) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            status, text = broker.answer(self.command, self.path, body)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on the terminal."""

    for method in ("GET", "PUT", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._any)
    return Handler


@pytest.fixture
def broker() -> Iterator[Broker]:
    made = Broker()
    thread = Thread(target=made.server.serve_forever, daemon=True)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.mark.parametrize("name", ["push", "static_push"])
def test_the_runs_shovel_is_as_the_declared_one(every: Topology, broker: Broker, name: str) -> None:
    (link,) = site_links(only(every, name))
    assert link.shovel is not None
    set_shovel(broker.api, "mqctl.failover.r.s.1", link.shovel)
    password = next(user.password for user in every.sites[1].objects.users if user.name == "app")
    assert password is not None
    secret = reveal(password)
    assert broker.shovels == {
        "mqctl.failover.r.s.1": {
            "ack-mode": "on-publish",
            "src-prefetch-count": 9,
            "reconnect-delay": 2,
            "src-uri": ["amqp:///%2F"],
            "src-queue": "mqctl.failover.r.s.1",
            "dest-uri": [f"amqp://app:{secret}@192.0.2.29:5672/%2F"],
            "dest-queue": "mqctl.failover.r.s.1",
        }
    }
    assert secret not in f"{link} {link!r} {link.shovel.model_dump_json()}"


def test_what_the_declared_one_leaves_to_the_broker_stays_there(every: Topology, broker: Broker) -> None:
    (link,) = site_links(only(every, "static_copy"))
    assert link.shovel is not None
    set_shovel(broker.api, "n", link.shovel)
    assert broker.shovels["n"].keys() == {"src-uri", "src-queue", "dest-uri", "dest-queue"}


def test_a_shovel_that_no_broker_takes_ends_the_run(every: Topology, broker: Broker) -> None:
    (link,) = site_links(only(every, "push"))
    assert link.shovel is not None
    broker.refuses = True
    with pytest.raises(MqctlError) as caught:
        set_shovel(broker.api, "n", link.shovel)
    assert caught.value.message == "no broker took the test's shovel"
    clear_shovel(broker.api, "not there")


@pytest.fixture
def whole(every: Topology, tmp_path: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """Both sites share one broker, and AMQP is only written down: what matters is which calls come when."""
    for name in ("declare", "remove"):
        monkeypatch.setattr(queues, name, _noted(broker, name))
    monkeypatch.setattr(stage_module, "management", lambda cluster: broker.api)
    seen = ClusterStatus(at=datetime.now(UTC), hosts=())
    monkeypatch.setattr(stage_module, "probe", lambda *args, **more: seen)
    nobody = cast("Hosts", None)
    return Stage(only(every, "push"), "r", tmp_path, nobody, nobody)


def _noted(broker: Broker, what: str) -> Any:
    def note(account: Account, exchange: str, *more: Any) -> None:
        broker.log.append(f"{what} at {account.endpoints[0].host}")

    return note


def test_a_run_makes_its_shovels_last_and_removes_them_first(
    whole: Stage, broker: Broker, tmp_path: Path
) -> None:
    (link,) = site_links(whole.topology)
    stage = link_stage(whole, link, "across-a-link")
    assert isinstance(stage, LinkStage)
    assert stage.policies == {}
    assert stage.account.endpoints[0].host == "192.0.2.19"
    assert stage.reader.endpoints[0].host == "192.0.2.29"
    settings = WorkloadSettings(queues=2)
    clients = Clients(stage, settings, "mqctl.failover.r.s", tmp_path / "history")
    clients.declare()
    assert broker.log == [
        "declare at 192.0.2.19",
        "declare at 192.0.2.29",
        "PUT mqctl.failover.r.s.1",
        "PUT mqctl.failover.r.s.2",
    ]
    broker.log.clear()
    clients.remove()
    assert broker.log == [
        "DELETE mqctl.failover.r.s.1",
        "DELETE mqctl.failover.r.s.2",
        "remove at 192.0.2.19",
        "remove at 192.0.2.29",
    ]
    assert broker.shovels == {}


def test_what_a_crash_left_is_removed_and_nothing_of_anybody_else(whole: Stage, broker: Broker) -> None:
    broker.shovels = {"mqctl.failover.old.s.1": {}, "push": {}, "of-somebody": {}}
    east = whole.topology.sites[0]
    Stage(east, "r", whole.histories, whole.hosts, whole.hosts).clean()
    assert broker.shovels.keys() == {"push", "of-somebody"}


def test_shovels_of_all_sites_go_before_a_queue_of_any(
    whole: Stage, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker.shovels = {"mqctl.failover.old.s.1": {}}
    monkeypatch.setattr(stage_module, "probe", lambda *args, **more: _with_queue("mqctl.failover.old.s.1"))
    clean(whole)
    assert broker.log == [
        "DELETE mqctl.failover.old.s.1",
        "remove at 192.0.2.19",
        "remove at 192.0.2.29",
    ]


def _with_queue(name: str) -> ClusterStatus:
    queue = QueueStatus(vhost="/", name=name, type="classic", durable=True, state="running")
    answer = HostStatus(host="any", broker=BrokerStatus(running=True, queues=(queue,)))
    return ClusterStatus(at=datetime.now(UTC), hosts=(answer,))


def test_a_stage_without_a_link_has_no_shovels(whole: Stage) -> None:
    assert whole.shovels == {}
