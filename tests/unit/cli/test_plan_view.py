"""What `mqctl plan` prints, line by line, and its JSON."""

from __future__ import annotations

import json

from mqctl.cli.plan_view import as_document, lines, summary
from mqctl.model.changes import Plan
from mqctl.model.status import ClusterStatus
from mqctl.plan import make
from tests.topologies import SECRETS, mirrored_3node
from tests.unit.plan.hosts import bundles_of, converged, fresh, with_file, with_service
from tests.unit.plan.simulator import FRESH, apply

TOPOLOGY = mirrored_3node()
HOSTS = [host.name for host in TOPOLOGY.hosts]


def plan(status: ClusterStatus) -> Plan:
    return make(TOPOLOGY, bundles_of(TOPOLOGY), status)


FIRST = plan(fresh(TOPOLOGY))
DONE = converged(TOPOLOGY, apply(FRESH, FIRST.requests))
CONF = "/etc/rabbitmq/rabbitmq.conf"


def printed(what: Plan, diff: bool = True) -> list[str]:
    return [text for text, _ in lines(what, HOSTS, diff)]


def test_no_change_is_one_line() -> None:
    assert printed(plan(DONE)) == ["no changes: everything is as the inventory wants it"]


def test_a_changed_file_with_its_diff() -> None:
    changed = plan(with_file(DONE, "mq2", CONF, sha256="x", content=None))
    assert printed(changed) == [
        "mq2",
        "  ~ /etc/rabbitmq/rabbitmq.conf: update",
        "      --- /etc/rabbitmq/rabbitmq.conf",
        "      +++ /etc/rabbitmq/rabbitmq.conf",
        "      @@ -0,0 +1 @@",
        "      +heartbeat = 30",
        "  ~ restart rabbitmq-server.service: /etc/rabbitmq/rabbitmq.conf changes",
        "",
        "2 changes on 1 host",
    ]


def test_diffs_can_be_left_out() -> None:
    changed = plan(with_file(DONE, "mq2", CONF, sha256="x", content=None))
    assert "      +heartbeat = 30" not in printed(changed, diff=False)


def test_a_first_plan_tells_everything_and_no_secret() -> None:
    text = "\n".join(printed(FIRST))
    for line in (
        "  + package rabbitmq-server 3.10.8-1.1",
        "  + /var/lib/rabbitmq/.erlang.cookie: create (secret)",
        "  ~ broker rabbit@mq1: founds the cluster",
        "  ~ broker rabbit@mq3: joins rabbit@mq1",
        "  + policy ha-all in vhost /",
        '      definition: {"ha-mode": "all", "ha-sync-mode": "automatic"}',
        "  - user guest",
    ):
        assert line in text.splitlines()
    assert not [secret for secret in SECRETS if secret in text]


def test_the_summary_counts_hosts_and_cluster() -> None:
    assert summary(FIRST).endswith(f"on 5 hosts, {len(FIRST.objects)} in the cluster")
    assert summary(plan(converged(TOPOLOGY, FRESH))).endswith("changes in the cluster")
    assert summary(plan(with_service(DONE, "lb1", "haproxy.service", enabled=False))) == "1 change on 1 host"


def test_json_carries_the_changes_and_no_secret() -> None:
    document = as_document(FIRST)
    text = json.dumps(document)
    assert not [secret for secret in SECRETS if secret in text]
    assert document["hosts"] == sorted(HOSTS)
    assert document["changes"]["in_cluster"] == len(FIRST.objects)
    assert {"host", "path", "action", "diff"} == set(document["files"][0])
    assert "requests" not in document["objects"][0]
