"""Each gate says no, and says unknown, in exactly these words; a healthy cluster passes all."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.gates import haproxy, keepalived, names, objects, queues, rabbitmq, services
from mqctl.gates.cluster import judge
from mqctl.model.gate import GateResult, overall
from mqctl.model.objects import User
from mqctl.model.password import hash_password
from mqctl.model.status import ClusterStatus, HaproxyStatus, KeepalivedStatus
from mqctl.model.topology import Topology
from tests.topologies import with_site

from . import healthy as h
from .healthy import Change, bad, defined, every_broker, on, part, queue, silent

ALL = "rabbit@mq1, rabbit@mq2, rabbit@mq3"
SILENT = "the host did not answer: 10.93.17.9 port 22 refused the connection"
STOPPED: dict[str, Any] = {"running": False, "error": None, "node": "", "members": (), "queues": ()}
PAUSED = "the node is up, its rabbit application is not"
HUNG = "the unit runs, the node does not answer: no answer in 8 s"
Row = tuple[str, str, str, str, str]


def judged(module: Any, change: Change, topology: Topology | None = None) -> list[Row]:
    wanted = topology or h.topology()
    status = change(h.healthy(wanted))
    return bad(module.judge(wanted, status))


def test_healthy_passes_every_gate() -> None:
    topology = h.topology()
    results = judge(topology, h.healthy(topology))
    assert bad(results) == []
    assert overall(results) == "pass"
    assert {result.gate for result in results} == {
        "service",
        "configuration loaded",
        "names",
        "broker running",
        "membership",
        "running members",
        "one version",
        "version",
        "erlang",
        "node type",
        "cluster name",
        "partitions",
        "alarms",
        "plugins",
        "feature flags",
        "maintenance",
        "vhosts",
        "users",
        "permissions",
        "policies",
        "exchanges",
        "queues",
        "bindings",
        "guest",
        "queue leaders",
        "policies applied",
        "mirrors",
        "mirrors in sync",
        "haproxy answers",
        "haproxy server (AMQP)",
        "haproxy server (management)",
        "VIP holder",
        "VRRP state",
    }


def test_no_answer_at_all_passes_nothing() -> None:
    topology = h.topology()
    status = ClusterStatus(at=h.WHEN, hosts=())
    results = judge(topology, status)
    assert {result.outcome for result in results} == {"unknown"}
    assert overall(results) == "unknown"


def test_no_gate_is_no_pass() -> None:
    assert overall([]) == "unknown"


@pytest.mark.parametrize("name", ["mq1", "mq2", "mq3", "lb1", "lb2"])
def test_a_silent_host_is_unknown_and_never_a_pass(name: str) -> None:
    topology = h.topology()
    results = judge(topology, silent(name)(h.healthy(topology)))
    assert overall(results) == "unknown"
    about = [
        r for r in results if r.subject in (name, f"rabbit@{name}") or r.subject.endswith(f" behind {name}")
    ]
    assert about
    assert {result.outcome for result in about} == {"unknown"}


# Brokers.


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (
            part("mq2", "broker", **STOPPED),
            ("broker running", "rabbit@mq2", "fail", "running", "the broker does not run"),
        ),
        (
            part("mq2", "broker", running=False, error=PAUSED),
            ("broker running", "rabbit@mq2", "fail", "running", PAUSED),
        ),
        (
            part("mq2", "broker", **{**STOPPED, "error": HUNG}),
            ("broker running", "rabbit@mq2", "unknown", "running", HUNG),
        ),
        (
            on("mq2", broker=None),
            ("broker running", "rabbit@mq2", "unknown", "running", "the host was not asked for a broker"),
        ),
        (silent("mq2"), ("broker running", "rabbit@mq2", "unknown", "running", SILENT)),
        (
            part("mq3", "broker", members=("rabbit@mq3",)),
            ("membership", "rabbit@mq3", "fail", ALL, "rabbit@mq3"),
        ),
        (
            part("mq3", "broker", members=(*h.NODES, "rabbit@mq9")),
            ("membership", "rabbit@mq3", "fail", ALL, f"{ALL}, rabbit@mq9"),
        ),
        (part("mq3", "broker", members=()), ("membership", "rabbit@mq3", "fail", ALL, "none")),
        (
            part("mq1", "broker", **STOPPED),
            ("membership", "rabbit@mq1", "unknown", ALL, "the broker does not run"),
        ),
        (
            part("mq1", "broker", running_members=h.NODES[:2]),
            ("running members", "rabbit@mq1", "fail", ALL, "rabbit@mq1, rabbit@mq2"),
        ),
        (
            part("mq1", "broker", version="3.10.9"),
            (
                "one version",
                "mirrored-3node",
                "fail",
                "the same version on every broker",
                "3.10.8 on 2, 3.10.9 on 1",
            ),
        ),
        (
            part("mq1", "broker", version=None),
            (
                "one version",
                "mirrored-3node",
                "unknown",
                "the same version on every broker",
                "3.10.8 on 2, the other brokers are not known",
            ),
        ),
        (
            every_broker(version=None),
            (
                "one version",
                "mirrored-3node",
                "unknown",
                "the same version on every broker",
                "no version, the other brokers are not known",
            ),
        ),
        (part("mq1", "broker", version="3.8.9"), ("version", "rabbit@mq1", "fail", "3.10.x", "3.8.9")),
        (part("mq1", "broker", version="3.100.1"), ("version", "rabbit@mq1", "fail", "3.10.x", "3.100.1")),
        (
            part("mq1", "broker", version=None),
            ("version", "rabbit@mq1", "unknown", "3.10.x", "the broker does not tell its version"),
        ),
        (
            part("mq1", "broker", disc_members=h.NODES[1:], ram_members=h.NODES[:1]),
            ("node type", "rabbit@mq1", "fail", "disc", "ram"),
        ),
        (part("mq1", "broker", disc_members=()), ("node type", "rabbit@mq1", "fail", "disc", "no member")),
        (silent("mq1"), ("node type", "rabbit@mq1", "unknown", "disc", SILENT)),
        (
            part("mq1", "broker", cluster_name="rabbit@mq1"),
            ("cluster name", "rabbit@mq1", "fail", "mirrored-3node", "rabbit@mq1"),
        ),
        (
            part("mq1", "broker", cluster_name=None),
            ("cluster name", "rabbit@mq1", "fail", "mirrored-3node", "none"),
        ),
        (
            part("mq1", "broker", partitions={"rabbit@mq1": ("rabbit@mq3",)}),
            ("partitions", "rabbit@mq1", "fail", "none", "rabbit@mq3"),
        ),
        (silent("mq1"), ("partitions", "rabbit@mq1", "unknown", "none", SILENT)),
        (
            part("mq1", "broker", alarms=("memory on rabbit@mq2", "disk on rabbit@mq1")),
            ("alarms", "rabbit@mq1", "fail", "none", "disk on rabbit@mq1, memory on rabbit@mq2"),
        ),
        (silent("mq1"), ("alarms", "rabbit@mq1", "unknown", "none", SILENT)),
        (
            part("mq1", "broker", enabled_plugins=("rabbitmq_web_dispatch",)),
            ("plugins", "rabbit@mq1", "fail", "rabbitmq_management", "none"),
        ),
        (silent("mq1"), ("plugins", "rabbit@mq1", "unknown", "rabbitmq_management", SILENT)),
        (
            part("mq1", "broker", disabled_flags=("stream_queue", "classic_mirrored_queue_version")),
            (
                "feature flags",
                "rabbit@mq1",
                "fail",
                "every stable one enabled",
                "disabled: classic_mirrored_queue_version, stream_queue"
                " (`rabbitmqctl enable_feature_flag NAME` enables one)",
            ),
        ),
        (silent("mq1"), ("feature flags", "rabbit@mq1", "unknown", "every stable one enabled", SILENT)),
        (
            part("mq1", "broker", maintenance=True),
            ("maintenance", "rabbit@mq1", "fail", "in service", "under maintenance"),
        ),
    ],
)
def test_brokers(change: Change, row: Row) -> None:
    assert row in judged(rabbitmq, change)


def test_a_line_that_the_inventory_does_not_name_is_not_judged() -> None:
    assert "version" not in {
        row[0] for row in judged(rabbitmq, every_broker(version="9.9.9"), h.topology(version=None))
    }


# Objects.


def without(kind: str) -> Change:
    return defined(**{kind: []})


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (without("vhosts"), [("vhosts", "/", "fail", "exists", "does not exist")]),
        (
            without("users"),
            [
                ("users", "admin", "fail", "exists", "does not exist"),
                ("users", "app", "fail", "exists", "does not exist"),
            ],
        ),
        (
            defined(users=[{"name": "admin", "tags": ""}, {"name": "app", "tags": "monitoring,policymaker"}]),
            [
                ("users", "admin", "fail", 'tags: ["administrator"]', "tags: []"),
                ("users", "app", "fail", "tags: []", 'tags: ["monitoring", "policymaker"]'),
            ],
        ),
        (
            defined(users=[*h.definitions()["users"], {"name": "guest", "tags": []}]),
            [("guest", "mirrored-3node", "fail", "no user guest", "user guest exists")],
        ),
        (
            defined(permissions=[{**p, "write": "^a"} for p in h.definitions()["permissions"][1:]]),
            [
                ("permissions", "admin in /", "fail", "exists", "does not exist"),
                ("permissions", "app in /", "fail", 'write: ".*"', 'write: "^a"'),
            ],
        ),
        (without("policies"), [("policies", "ha-all", "fail", "exists", "does not exist")]),
        (
            defined(policies=[{**h.definitions()["policies"][0], "priority": 1, "pattern": "^x"}]),
            [("policies", "ha-all", "fail", 'pattern: "^", priority: 0', 'pattern: "^x", priority: 1')],
        ),
        (
            defined(policies=[{**h.definitions()["policies"][0], "vhost": "other"}]),
            [("policies", "ha-all", "fail", "exists", "does not exist")],
        ),
        (
            defined(exchanges=[{**h.definitions()["exchanges"][0], "type": "direct"}]),
            [("exchanges", "orders", "fail", 'type: "topic"', 'type: "direct"')],
        ),
        (without("queues"), [("queues", "orders", "fail", "exists", "does not exist")]),
        (
            defined(queues=[{**h.definitions()["queues"][0], "arguments": {}}]),
            [("queues", "orders", "fail", 'arguments: {"x-message-ttl": 60000}', "arguments: {}")],
        ),
        (
            defined(queues=[{**h.definitions()["queues"][0], "durable": False}]),
            [("queues", "orders", "fail", "durable: true", "durable: false")],
        ),
        (
            without("bindings"),
            [("bindings", "orders -> orders (#)", "fail", "exists", "does not exist")],
        ),
        (
            defined(bindings=[{**h.definitions()["bindings"][0], "routing_key": "a"}]),
            [("bindings", "orders -> orders (#)", "fail", "exists", "does not exist")],
        ),
        (
            defined(queues=None),
            [("queues", "mirrored-3node", "unknown", "as declared", "the live queues cannot be read")],
        ),
    ],
)
def test_objects(change: Change, rows: list[Row]) -> None:
    assert judged(objects, change) == rows


def test_an_internal_exchange_and_a_quorum_queue_are_other_objects() -> None:
    hidden = {**h.definitions()["exchanges"][0], "internal": True}
    assert judged(objects, defined(exchanges=[hidden])) == [
        ("exchanges", "orders", "fail", "internal: false", "internal: true")
    ]
    quorum = {**h.definitions()["queues"][0], "type": "quorum"}
    assert judged(objects, defined(queues=[quorum])) == [
        ("queues", "orders", "fail", 'type: "classic"', 'type: "quorum"')
    ]


def test_the_type_that_newer_brokers_add_is_no_difference() -> None:
    live = h.definitions()["queues"][0]
    typed = {**live, "arguments": {**live["arguments"], "x-queue-type": "classic"}}
    assert judged(objects, defined(queues=[typed])) == []


def test_without_definitions_nothing_is_known_of_objects() -> None:
    rows = judged(objects, every_broker(definitions=None))
    assert len(rows) == 8
    assert {row[2:] for row in rows} == {("unknown", "as declared", "no broker gave its definitions")}


def test_definitions_that_make_no_sense_are_no_evidence() -> None:
    rows = judged(objects, defined(users=[{}]))
    assert len(rows) == 8
    assert {row[2:] for row in rows} == {("unknown", "as declared", "the live definitions cannot be read")}


def test_another_password_is_a_failure_that_shows_none() -> None:
    def row(word: str) -> list[Row]:
        live = {"name": "admin", "tags": ["administrator"], "password_hash": hash_password(word, b"salt")}
        declared = h.topology()
        admin = User(name="admin", tags=("administrator",), password=SecretStr("right"))
        changed = declared.objects.model_copy(update={"users": (admin,)})
        topology = with_site(declared, objects=changed)
        return judged(objects, defined(users=[live]), topology)

    assert row("right") == []
    assert row("wrong") == [("users", "admin", "fail", "the declared password", "another password")]


def test_objects_of_others_are_not_judged() -> None:
    more = [*h.definitions()["queues"], {**h.definitions()["queues"][0], "name": "theirs"}]
    assert judged(objects, defined(queues=more)) == []


def test_no_password_hash_is_shown() -> None:
    assert "HASH" not in str(
        judged(objects, defined(users=[{"name": "admin", "tags": [], "password_hash": "HASH"}]))
    )


# Queues.


def policies(*found: Any) -> Change:
    return defined(policies=[policy.model_dump(by_alias=True) for policy in found])


def test_a_queue_is_compared_with_its_own_policy_and_those_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not each of thousands of queues with each of thousands of policies."""
    many = [h.policy(f"p{number}", f"^q{number}$", 1) for number in range(200)]
    found = [queue(name=f"q{number}", policy=f"p{number}") for number in range(200)]
    compared = []
    matches = queues._matches

    def counted(policy: Any, one: Any) -> bool:
        compared.append(policy["name"])
        return matches(policy, one)

    monkeypatch.setattr(queues, "_matches", counted)
    change = both(policies(h.policy("ha-all", "^"), *many, h.policy("top", "^x", 9)), h.queues(*found))
    wanted = h.topology()
    results = queues.judge(wanted, change(h.healthy(wanted)))
    assert [result.outcome for result in results if result.gate == "policies applied"] == ["pass"]
    assert len(compared) == 2 * len(found)


def both(*changes: Change) -> Change:
    def change(status: ClusterStatus) -> ClusterStatus:
        for each in changes:
            status = each(status)
        return status

    return change


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (
            h.queues(queue(leader=None)),
            [
                ("queue leaders", "orders", "fail", "a leader that runs", "no leader"),
                ("mirrors", "orders", "fail", "nodes: 3", "nodes: 2"),
            ],
        ),
        (
            h.queues(queue(state="crashed")),
            [("queue leaders", "orders", "fail", "a leader that runs", "crashed on rabbit@mq1")],
        ),
        (
            h.queues(queue(policy=None)),
            [("policies applied", "orders", "fail", "ha-all", "none")],
        ),
        (
            both(policies(h.policy("ha-all", "^"), h.policy("two", "^or", 5)), h.queues(queue())),
            [("policies applied", "orders", "fail", "two", "ha-all")],
        ),
        (
            both(policies(h.policy("x", "^x")), h.queues(queue())),
            [("policies applied", "orders", "fail", "none", "ha-all")],
        ),
        (
            both(policies(h.policy("a", "^"), h.policy("b", "^")), h.queues(queue(policy="c"))),
            [("policies applied", "orders", "fail", "a or b", "c")],
        ),
        (
            policies(h.policy("broken", "(")),
            [
                (
                    "policies applied",
                    "orders",
                    "unknown",
                    "the matching policy of highest priority",
                    "the live policies cannot be read",
                )
            ],
        ),
        (
            h.queues(queue(mirrors=("rabbit@mq2",), synchronised=("rabbit@mq2",))),
            [("mirrors", "orders", "fail", "nodes: 3", "nodes: 2")],
        ),
        (
            h.queues(queue(effective_definition={"ha-mode": "exactly", "ha-params": 2})),
            [("mirrors", "orders", "fail", "nodes: 2", "nodes: 3")],
        ),
        (
            h.queues(
                queue(
                    effective_definition={"ha-mode": "nodes", "ha-params": ["rabbit@mq1", "rabbit@mq3"]},
                    mirrors=(),
                    synchronised=(),
                )
            ),
            [
                ("mirrors", "orders", "fail", "on rabbit@mq1, rabbit@mq3", "on rabbit@mq1"),
                ("mirrors in sync", "mirrored-3node", "skipped", "every queue", "no such queue"),
            ],
        ),
        (
            h.queues(queue(effective_definition={"ha-mode": "exactly"})),
            [("mirrors", "orders", "unknown", "a known ha-mode", "ha-mode is exactly")],
        ),
        (
            h.queues(queue(synchronised=("rabbit@mq3",))),
            [("mirrors in sync", "orders", "fail", "rabbit@mq2, rabbit@mq3", "rabbit@mq3")],
        ),
        (
            h.queues(queue(synchronised=())),
            [("mirrors in sync", "orders", "fail", "rabbit@mq2, rabbit@mq3", "none")],
        ),
        (
            both(*(part(f"mq{i}", "broker", **STOPPED) for i in (1, 2, 3))),
            [
                (gate, "mirrored-3node", "unknown", "every queue", "no broker told its queues")
                for gate in ("queue leaders", "policies applied", "mirrors", "mirrors in sync")
            ],
        ),
        (
            h.queues(),
            [
                (gate, "mirrored-3node", "skipped", "every queue", "no such queue")
                for gate in ("queue leaders", "policies applied", "mirrors", "mirrors in sync")
            ],
        ),
    ],
)
def test_queues(change: Change, rows: list[Row]) -> None:
    assert judged(queues, change) == rows


@pytest.mark.parametrize(
    "change",
    [
        h.queues(queue(effective_definition={"ha-mode": "exactly", "ha-params": 9})),
        h.queues(queue(effective_definition={"ha-mode": "exactly", "ha-params": 3})),
        h.queues(
            queue(effective_definition={"ha-mode": "nodes", "ha-params": ["rabbit@mq2", "rabbit@gone"]})
        ),
        h.queues(queue(), queue(name="temporary", exclusive=True, mirrors=(), policy=None)),
        both(policies(h.policy("ha-all", "^"), h.policy("b", "^")), h.queues(queue())),
    ],
)
def test_queues_that_are_as_they_should_be(change: Change) -> None:
    assert judged(queues, change) == []


def test_the_leaders_own_word_counts() -> None:
    """A peer that lags behind says otherwise; the leader's broker knows."""
    stale = queue(mirrors=(), synchronised=())
    assert judged(queues, part("mq3", "broker", queues=(stale,))) == []
    assert judged(queues, part("mq1", "broker", queues=(stale,))) == [
        ("mirrors", "orders", "fail", "nodes: 3", "nodes: 1"),
        ("mirrors in sync", "mirrored-3node", "skipped", "every queue", "no such queue"),
    ]


# Load balancers.

SERVERS = h.servers(h.topology())


def server(**changes: Any) -> Change:
    changed = (SERVERS[0].model_copy(update=changes), *SERVERS[1:])
    return part("lb1", "haproxy", servers=changed)


@pytest.mark.parametrize(
    ("change", "row"),
    [
        (
            on("lb1", haproxy=HaproxyStatus(answered=False, error="timed out")),
            ("haproxy answers", "lb1", "fail", "answers on its runtime socket", "timed out"),
        ),
        (
            on("lb1", haproxy=HaproxyStatus(answered=False, error="timed out")),
            ("haproxy server (AMQP)", "mq1 behind lb1", "unknown", "UP", "timed out"),
        ),
        (
            on("lb1", haproxy=None),
            (
                "haproxy answers",
                "lb1",
                "unknown",
                "answers on its runtime socket",
                "the host was not asked for HAProxy",
            ),
        ),
        (silent("lb1"), ("haproxy answers", "lb1", "unknown", "answers on its runtime socket", SILENT)),
        (silent("lb1"), ("haproxy server (management)", "mq3 behind lb1", "unknown", "UP", SILENT)),
        (
            server(status="DOWN", check="L4CON"),
            ("haproxy server (AMQP)", "mq1 behind lb1", "fail", "UP", "DOWN (L4CON)"),
        ),
        (
            server(status="DOWN 1/2", check="L7OK"),
            ("haproxy server (AMQP)", "mq1 behind lb1", "fail", "UP", "DOWN 1/2 (L7OK)"),
        ),
        (
            server(status="MAINT", check=""),
            ("haproxy server (AMQP)", "mq1 behind lb1", "fail", "UP", "MAINT"),
        ),
        (
            server(status="no check", check=""),
            ("haproxy server (AMQP)", "mq1 behind lb1", "fail", "UP", "no check"),
        ),
        (
            server(address="10.93.17.99:5672"),
            (
                "haproxy server (AMQP)",
                "mq1 behind lb1",
                "fail",
                "UP",
                "no server with address 10.93.17.11:5672",
            ),
        ),
        (
            part("lb1", "haproxy", servers=SERVERS[:3]),
            (
                "haproxy server (management)",
                "mq2 behind lb1",
                "fail",
                "UP",
                "no server with address 10.93.17.12:15672",
            ),
        ),
    ],
)
def test_haproxy(change: Change, row: Row) -> None:
    assert row in judged(haproxy, change)


def test_a_server_that_fails_its_first_check_is_still_up() -> None:
    assert judged(haproxy, server(status="UP 1/3")) == []


def test_without_the_management_plugin_only_amqp_is_judged() -> None:
    wanted = h.topology(plugins=["rabbitmq_shovel"])
    results = haproxy.judge(wanted, h.healthy(wanted))
    assert {result.gate for result in results} == {"haproxy answers", "haproxy server (AMQP)"}


# The virtual IP.


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (
            on("lb1", keepalived=KeepalivedStatus(state="BACKUP", holds_address=False)),
            [("VIP holder", "10.93.17.100", "fail", "exactly 1 holder", "0 holders")],
        ),
        (
            on("lb2", keepalived=KeepalivedStatus(state="MASTER", holds_address=True)),
            [("VIP holder", "10.93.17.100", "fail", "exactly 1 holder", "2 holders (lb1, lb2)")],
        ),
        (
            silent("lb2"),
            [
                (
                    "VIP holder",
                    "10.93.17.100",
                    "unknown",
                    "exactly 1 holder",
                    "1 holder (lb1), no answer from lb2",
                ),
                ("VRRP state", "lb2", "unknown", "MASTER or BACKUP", SILENT),
            ],
        ),
        (
            silent("lb1"),
            [
                (
                    "VIP holder",
                    "10.93.17.100",
                    "unknown",
                    "exactly 1 holder",
                    "0 holders, no answer from lb1",
                ),
                ("VRRP state", "lb1", "unknown", "MASTER or BACKUP", SILENT),
            ],
        ),
        (
            on("lb2", keepalived=None),
            [
                (
                    "VIP holder",
                    "10.93.17.100",
                    "unknown",
                    "exactly 1 holder",
                    "1 holder (lb1), no answer from lb2",
                ),
                (
                    "VRRP state",
                    "lb2",
                    "unknown",
                    "MASTER or BACKUP",
                    "the host was not asked for Keepalived",
                ),
            ],
        ),
        (
            part("lb1", "keepalived", state="BACKUP"),
            [("VRRP state", "lb1", "fail", "MASTER with the address", "BACKUP with the address")],
        ),
        (
            part("lb2", "keepalived", state="FAULT"),
            [("VRRP state", "lb2", "fail", "BACKUP without the address", "FAULT without the address")],
        ),
        (
            part("lb2", "keepalived", state="MASTER"),
            [("VRRP state", "lb2", "fail", "BACKUP without the address", "MASTER without the address")],
        ),
        (
            part("lb2", "keepalived", state="unknown"),
            [("VRRP state", "lb2", "unknown", "BACKUP without the address", "unknown without the address")],
        ),
    ],
)
def test_keepalived(change: Change, rows: list[Row]) -> None:
    assert judged(keepalived, change) == rows


# Names and services.


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (
            on("mq1", resolves={"mq1": ("127.0.1.1",), "mq2": ("10.93.17.12",), "mq3": ("10.93.17.13",)}),
            [("names", "mq1 on mq1", "fail", "10.93.17.11", "127.0.1.1")],
        ),
        (
            on("lb1", resolves={"mq1": ("10.93.17.11", "::1"), "mq2": ("10.93.17.12",), "mq3": ()}),
            [
                ("names", "mq1 on lb1", "fail", "10.93.17.11", "10.93.17.11, ::1"),
                ("names", "mq3 on lb1", "fail", "10.93.17.13", "none"),
            ],
        ),
        (
            on("mq1", resolves={}),
            [("names", "mq1", "unknown", "3 names to their one address", "no name was resolved")],
        ),
        (on("lb1", resolves={}), []),
        (silent("mq2"), [("names", "mq2", "unknown", "3 names to their one address", SILENT)]),
    ],
)
def test_names(change: Change, rows: list[Row]) -> None:
    assert judged(names, change) == rows


def unit(**changes: Any) -> Change:
    name = "rabbitmq-server.service"
    return on("mq1", services={name: h.service(name).model_copy(update=changes)})


MQ1 = "rabbitmq-server.service on mq1"


@pytest.mark.parametrize(
    ("change", "rows"),
    [
        (unit(enabled=False), [("service", MQ1, "fail", "active and enabled", "active and not enabled")]),
        (
            unit(active=False, state="failed/failed"),
            [
                ("service", MQ1, "fail", "active and enabled", "failed/failed and enabled"),
                ("configuration loaded", MQ1, "unknown", "the newest files", "the service does not run"),
            ],
        ),
        (
            unit(exists=False, active=False),
            [
                ("service", MQ1, "fail", "active and enabled", "not installed"),
                ("configuration loaded", MQ1, "unknown", "the newest files", "the service does not run"),
            ],
        ),
        (
            unit(stale=True),
            [("configuration loaded", MQ1, "fail", "the newest files", "older files than there are now")],
        ),
        (
            on("mq1", services={}),
            [("service", "mq1", "unknown", "active and enabled", "no unit was asked for")],
        ),
        (silent("mq1"), [("service", "mq1", "unknown", "active and enabled", SILENT)]),
    ],
)
def test_services(change: Change, rows: list[Row]) -> None:
    assert judged(services, change) == rows


def test_a_failure_weighs_more_than_an_unknown() -> None:
    topology = h.topology()
    status = both(silent("mq1"), unit(stale=True), part("lb2", "keepalived", state="FAULT"))(
        h.healthy(topology)
    )
    results: list[GateResult] = judge(topology, status)
    assert overall(results) == "fail"


def test_a_broker_without_clients_is_behind_haproxy_for_its_management_alone() -> None:
    topology = h.topology(haproxy_server=False)
    results = judge(topology, h.healthy(topology))
    gates = {result.gate for result in results if result.subject.endswith("behind lb1")}
    assert gates == {"haproxy server (management)"}


@pytest.mark.parametrize(
    ("declared", "applied", "expected"),
    [
        ([h.policy("ha-all", "^")], None, None),
        ([h.policy("ha-all", "^")], "ha-all", "none"),
        (
            [h.policy("lazy", "^", 5, **{"queue-mode": "lazy"}), h.policy("ttl", "^", expires=9000)],
            "ttl",
            None,
        ),
        (
            [h.policy("lazy", "^", 5, **{"queue-mode": "lazy"}), h.policy("ttl", "^", expires=9000)],
            None,
            "ttl",
        ),
    ],
)
def test_a_policy_that_only_classic_queues_support_applies_to_no_quorum_queue(
    declared: list[Any], applied: str | None, expected: str | None
) -> None:
    """So a mirrored cluster with a quorum queue in it is healthy."""
    asked = queue(type="quorum", policy=applied, effective_definition={})
    rows = judged(queues, both(policies(*declared), h.queues(asked)))
    found = [row for row in rows if row[0] == "policies applied"]
    wanted = ("policies applied", "orders", "fail", expected, applied or "none")
    assert found == ([wanted] if expected else [])
