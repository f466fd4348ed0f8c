"""Objects declared in a deployed cluster's inventory: they work, they go, and what others made stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pika
import pytest

from mqctl.gates.wait import wait
from mqctl.model.base import reveal
from mqctl.model.password import hash_password
from mqctl.model.topology import Topology
from mqctl.ssh import Hosts, Output
from mqctl.workflows.deploy import DeployReport, Wish, deploy
from mqctl.workflows.phase import Silent

pytestmark = pytest.mark.lab

HASHED = "known to its owner only"
DECLARED = f"""
rabbitmq_vhosts: [{{name: /}}, {{name: shop}}]
rabbitmq_users:
  - name: billing
    tags: [monitoring]
    permissions: [{{vhost: shop, configure: ^$, write: ^orders, read: .*}}]
    password_hash: {hash_password(HASHED, b"salt")}
rabbitmq_policies:
  - name: pair
    vhost: shop
    pattern: ^orders
    apply-to: queues
    priority: 7
    definition:
      ha-mode: exactly
      ha-params: 2
      ha-sync-mode: automatic
      ha-sync-batch-size: 500
      ha-promote-on-shutdown: when-synced
      ha-promote-on-failure: when-synced
rabbitmq_exchanges:
  - {{name: orders.topic, vhost: shop, type: topic}}
  - {{name: orders.direct, vhost: shop, type: direct}}
  - {{name: orders.fanout, vhost: shop, type: fanout}}
  - {{name: orders.headers, vhost: shop, type: headers}}
rabbitmq_queues:
  - name: orders
    vhost: shop
    arguments: {{x-message-ttl: 300, x-max-length: 9, x-dead-letter-exchange: orders.fanout}}
  - {{name: late, vhost: shop}}
rabbitmq_bindings:
  - {{source: orders.topic, vhost: shop, destination: orders, routing_key: "order.#"}}
  - {{source: orders.direct, vhost: shop, destination: orders, routing_key: exactly}}
  - {{source: orders.headers, vhost: shop, destination: orders, arguments: {{x-match: all, kind: order}}}}
  - {{source: orders.fanout, vhost: shop, destination: late}}
"""
PUBLISHED = (
    ("orders.topic", "order.one.two", {}),
    ("orders.direct", "exactly", {}),
    ("orders.headers", "", {"kind": "order"}),
)
UNROUTABLE = (
    ("orders.topic", "other.one", {}),
    ("orders.direct", "", {}),
    ("orders.headers", "", {"kind": "x"}),
)


@dataclass
class Site:
    """The cluster, and what is declared for it."""

    topology: Topology
    hosts: Hosts

    def declare(self, text: str) -> DeployReport:
        (self.topology.inventory / "group_vars" / "rabbitmq.yml").write_text(text)
        report = deploy(Wish(str(self.topology.inventory)), Silent())
        assert report.outcome == "pass"
        return report

    def ctl(self, host: str, *arguments: str) -> Output:
        return self.hosts.run(host, ["rabbitmqctl", "-q", *arguments], timeout=60)

    def table(self, what: str, *columns: str, vhost: str = "shop") -> list[dict[str, Any]]:
        said = self.ctl("mq3", what, "-p", vhost, "--formatter", "json", *columns)
        assert said.ok, said.stderr
        found: list[dict[str, Any]] = json.loads(said.stdout)
        return found

    def connect(self, user: str, password: str, vhost: str) -> pika.BlockingConnection:
        login = pika.PlainCredentials(user, password)
        address = str(self.topology.virtual_address)
        return pika.BlockingConnection(
            pika.ConnectionParameters(address, 5672, vhost, login, blocked_connection_timeout=10)
        )


@pytest.fixture(scope="module")
def site(deployed: Topology) -> Iterator[Site]:
    """Everything declared beside what the topology has; afterwards it is as it was."""
    path = deployed.inventory / "group_vars" / "rabbitmq.yml"
    before = path.read_text()
    with Hosts.of(deployed) as hosts:
        found = Site(deployed, hosts)
        found.declare("rabbitmq_partition_handling: pause_minority\n" + DECLARED)
        yield found
        found.declare(before)


@pytest.mark.parametrize("host", ["mq1", "mq2", "mq3"])
def test_guest_is_gone(site: Site, host: str) -> None:
    users = json.loads(site.ctl(host, "list_users", "--formatter", "json").stdout)
    assert {user["user"] for user in users} == {"admin", "app", "billing"}
    assert not site.ctl(host, "authenticate_user", "guest", "guest").ok


def test_a_user_known_by_its_hash_alone(site: Site) -> None:
    with closing(site.connect("billing", HASHED, "shop")) as connection:
        channel = connection.channel()
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="ACCESS_REFUSED"):
            channel.queue_declare("orders.other")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        site.connect("billing", "something else", "shop")
    users = json.loads(site.ctl("mq2", "list_users", "--formatter", "json").stdout)
    assert next(user["tags"] for user in users if user["user"] == "billing") == ["monitoring"]


def test_exchanges_of_all_four_types_route_as_their_type_says(site: Site) -> None:
    """What is routed waits in `orders`, expires there, and goes through the fanout exchange to `late`."""
    types = {entry["name"]: entry["type"] for entry in site.table("list_exchanges", "name", "type")}
    assert {types[f"orders.{kind}"] for kind in ("topic", "direct", "fanout", "headers")} == {
        "topic",
        "direct",
        "fanout",
        "headers",
    }
    with closing(site.connect("billing", HASHED, "shop")) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        for exchange, key, headers in PUBLISHED:
            properties = pika.BasicProperties(headers=headers)
            channel.basic_publish(exchange, key, exchange.encode(), properties, mandatory=True)
        for exchange, key, headers in UNROUTABLE:
            properties = pika.BasicProperties(headers=headers)
            with pytest.raises(pika.exceptions.UnroutableError):
                channel.basic_publish(exchange, key, b"", properties, mandatory=True)
        arrived: set[str] = set()

        def all_expired() -> bool:
            _, _, body = channel.basic_get("late", auto_ack=True)
            arrived.update([body.decode()] if body else [])
            return len(arrived) == len(PUBLISHED)

        wait(all_expired, timeout=20, what="the expired messages")
    assert arrived == {exchange for exchange, _, _ in PUBLISHED}


def test_the_policy_applies_as_it_was_written(site: Site) -> None:
    (policy,) = site.table("list_policies")
    assert (policy["name"], policy["pattern"], policy["apply-to"], policy["priority"]) == (
        "pair",
        "^orders",
        "queues",
        7,
    )
    assert json.loads(policy["definition"]) == {
        "ha-mode": "exactly",
        "ha-params": 2,
        "ha-sync-mode": "automatic",
        "ha-sync-batch-size": 500,
        "ha-promote-on-shutdown": "when-synced",
        "ha-promote-on-failure": "when-synced",
    }
    queues = {q["name"]: q for q in site.table("list_queues", "name", "policy", "slave_pids", "arguments")}
    assert len(queues["orders"]["slave_pids"]) == 1
    assert not queues["late"]["slave_pids"]
    assert queues["orders"]["policy"] == "pair"


def test_what_is_no_longer_declared_goes_and_what_others_made_stays(site: Site) -> None:
    admin = next(user for user in site.topology.objects.users if user.name == "admin")
    assert admin.password is not None
    with closing(site.connect("admin", reveal(admin.password), "/")) as connection:
        channel = connection.channel()
        channel.exchange_declare("theirs", "topic", durable=True)
        channel.queue_declare("theirs", durable=True)
        channel.queue_bind("theirs", "theirs", "#")
    site.declare("rabbitmq_partition_handling: pause_minority\n")
    try:
        assert site.ctl("mq1", "list_vhosts", "--formatter", "json").stdout.count("name") == 1
        users = json.loads(site.ctl("mq1", "list_users", "--formatter", "json").stdout)
        assert {user["user"] for user in users} == {"admin", "app"}
        assert [q["name"] for q in site.table("list_queues", "name", vhost="/")] == ["theirs"]
        exchanges = [e["name"] for e in site.table("list_exchanges", "name", vhost="/")]
        assert [name for name in exchanges if name and not name.startswith("amq.")] == ["theirs"]
        assert site.table("list_policies", vhost="/") == []
    finally:
        with closing(site.connect("admin", reveal(admin.password), "/")) as connection:
            connection.channel().queue_delete("theirs")
            connection.channel().exchange_delete("theirs")
