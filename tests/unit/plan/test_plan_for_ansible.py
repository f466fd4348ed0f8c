"""The document for playbooks/apply.yml: who is visited for what, in which order, with what."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from pydantic import SecretStr

from mqctl.model.links import Parameter
from mqctl.model.objects import Queue
from mqctl.model.status import BrokerStatus, ClusterStatus, KeepalivedStatus
from mqctl.model.topology import Topology
from mqctl.plan import for_ansible, make
from tests.topologies import ADMIN_PASSWORD, COOKIE, mirrored_3node, standalone, with_site
from tests.unit.plan.hosts import bundles_of, converged, fresh, with_file, with_host, with_service
from tests.unit.plan.simulator import FRESH, apply

TOPOLOGY = mirrored_3node()
BUNDLES = bundles_of(TOPOLOGY)
FIRST = make(TOPOLOGY, BUNDLES, fresh(TOPOLOGY))
DONE = converged(TOPOLOGY, apply(FRESH, FIRST.requests))
CONF = "/etc/rabbitmq/rabbitmq.conf"
HAPROXY = "/etc/haproxy/haproxy.cfg"


def document(status: ClusterStatus) -> dict[str, Any]:
    result = for_ansible(make(TOPOLOGY, BUNDLES, status), TOPOLOGY, status)
    return json.loads(json.dumps(result))  # type: ignore[no-any-return]


def test_a_converged_cluster_visits_nobody() -> None:
    result = document(DONE)
    assert result["hosts"] == {}
    assert result["objects"] == {}
    assert all(hosts == [] for hosts in result["groups"].values())


def test_a_first_run_names_everybody_once_per_piece_of_work() -> None:
    groups = document(fresh(TOPOLOGY))["groups"]
    everybody = ["mq1", "mq2", "mq3", "lb1", "lb2"]
    assert groups == {
        "mqctl_firewall_stop": [],
        "mqctl_firewall": [],
        "mqctl_packages": everybody,
        "mqctl_files": everybody,
        "mqctl_brokers_start": [],
        "mqctl_brokers_join": ["mq1", "mq2", "mq3"],
        "mqctl_brokers_standby": [],
        "mqctl_brokers_retype": [],
        "mqctl_brokers_restart": [],
        "mqctl_objects": ["mq1"],
        "mqctl_standby": ["lb1", "lb2"],
        "mqctl_vip_holder": [],
    }


def test_a_brokers_entry() -> None:
    host = document(fresh(TOPOLOGY))["hosts"]["mq2"]
    assert host["packages"] == ["rabbitmq-server"]
    assert host["units"] == {"enable": ["rabbitmq-server.service"], "daemon_reload": True}
    assert host["broker"] == {
        "action": "join",
        "node": "rabbit@mq2",
        "node_type": "disc",
        "peers": ["rabbit@mq1", "rabbit@mq2", "rabbit@mq3"],
        "partners": [],
        "alone": False,
    }
    assert (host["haproxy"], host["keepalived"]) == (None, None)
    cookie = next(one for one in host["files"] if one["path"].endswith("cookie"))
    assert base64.b64decode(cookie["content"]).decode() == COOKIE
    assert (cookie["owner"], cookie["group"], cookie["mode"]) == ("rabbitmq", "rabbitmq", "0400")
    assert cookie["sensitive"] is True
    assert cookie["diff"] == ""


def test_a_validator_stays_an_argv() -> None:
    host = document(fresh(TOPOLOGY))["hosts"]["lb1"]
    haproxy = next(one for one in host["files"] if one["path"] == HAPROXY)
    assert haproxy["validate"] == ["haproxy", "-c", "-f", "%s"]


def test_objects_come_with_the_administrator() -> None:
    ((host, objects),) = document(fresh(TOPOLOGY))["objects"].items()
    assert (host, objects["port"]) == ("mq1", 15672)
    assert (objects["user"], objects["password"]) == ("admin", ADMIN_PASSWORD)
    assert objects["requests"][0]["path"] == "global-parameters/mqctl"
    assert list(json.loads(objects["requests"][0]["body"])) == ["name", "value"]
    assert objects["requests"][-1] == {
        "method": "DELETE",
        "path": "users/guest",
        "body": None,
        "binding": None,
        "absent": False,
    }
    assert objects["links"] == []


def test_links_come_in_a_step_of_their_own() -> None:
    """So that every site has its queues before any site's link looks for them."""
    upstream = Parameter(
        component="federation-upstream",
        vhost="/",
        name="west",
        value={},
        uris={"uri": (SecretStr("amqp://"),)},
    )
    topology = with_orders(upstream)
    plan = make(topology, bundles_of(topology), fresh(topology))
    ((_, told),) = for_ansible(plan, topology, fresh(topology))["objects"].items()
    assert "queues/%2F/orders" in [call["path"] for call in told["requests"]]
    assert [call["path"] for call in told["requests"] if "federation" in call["path"]] == []
    assert told["links"][0]["path"] == "parameters/federation-upstream/%2F/west"
    assert [call["path"] for call in (*told["requests"], *told["links"])] == [
        request.path for request in plan.requests
    ]


def test_only_a_queue_that_the_plan_did_not_see_may_give_way() -> None:
    topology = with_orders()
    first = make(topology, bundles_of(topology), fresh(topology)).requests
    assert [one.absent for one in first if one.path == "queues/%2F/orders"] == [True]
    (policy,) = topology.objects.policies
    changed = with_site(
        topology,
        objects=topology.objects.model_copy(
            update={"policies": (policy.model_copy(update={"priority": 7}),)}
        ),
    )
    again = make(changed, bundles_of(changed), converged(changed, apply(FRESH, first))).requests
    assert [(one.path, one.absent) for one in again] == [("policies/%2F/ha-all", False)]


def with_orders(*parameters: Parameter) -> Topology:
    update = {"queues": (Queue(name="orders"),), "parameters": parameters}
    return with_site(TOPOLOGY, objects=TOPOLOGY.objects.model_copy(update=update))


def test_objects_alone_visit_one_broker() -> None:
    result = document(converged(TOPOLOGY, FRESH))
    assert list(result["hosts"]) == ["mq1"]
    assert result["hosts"]["mq1"]["files"] == []
    assert result["groups"]["mqctl_files"] == []
    assert result["groups"]["mqctl_objects"] == ["mq1"]


def test_objects_go_through_a_broker_that_stays_up() -> None:
    status = converged(TOPOLOGY, FRESH)
    status = with_host(status, "mq1", broker=BrokerStatus(running=False, blank=False))
    assert document(status)["groups"]["mqctl_objects"] == ["mq2"]


def test_restarts_keep_their_order() -> None:
    status = DONE
    for name in ("mq1", "mq2", "mq3"):
        status = with_file(status, name, CONF, sha256="x")
    result = document(status)
    assert result["groups"]["mqctl_brokers_restart"] == ["mq2", "mq3", "mq1"]
    assert result["groups"]["mqctl_brokers_start"] == []
    assert result["hosts"]["mq3"]["broker"]["action"] == "restart"


@pytest.mark.parametrize(
    ("holding", "standby", "holder"),
    [
        (("lb1",), ["lb2"], ["lb1"]),
        (("lb2",), ["lb1"], ["lb2"]),
        ((), ["lb1", "lb2"], []),
        (("lb1", "lb2"), ["lb2"], ["lb1"]),
    ],
)
def test_the_holder_of_the_address_comes_last(
    holding: tuple[str, ...], standby: list[str], holder: list[str]
) -> None:
    status = DONE
    for name in ("lb1", "lb2"):
        status = with_file(status, name, HAPROXY, sha256="x")
        status = with_host(status, name, keepalived=KeepalivedStatus(holds_address=name in holding))
    groups = document(status)["groups"]
    assert (groups["mqctl_standby"], groups["mqctl_vip_holder"]) == (standby, holder)


def test_a_file_change_on_the_standby_leaves_the_holder_alone() -> None:
    groups = document(with_file(DONE, "lb2", HAPROXY, sha256="x"))["groups"]
    assert (groups["mqctl_standby"], groups["mqctl_vip_holder"]) == (["lb2"], [])


def test_a_deleted_file_has_no_content() -> None:
    old = "/etc/rabbitmq/rabbitmq.config"
    host = document(with_file(DONE, "mq1", old, exists=True))["hosts"]["mq1"]
    (file,) = host["files"]
    assert (file["action"], file["content"]) == ("delete", None)


def test_stale_units_are_read_again() -> None:
    status = with_service(DONE, "lb1", "keepalived.service", stale=True)
    result = document(status)
    host = result["hosts"]["lb1"]
    assert result["groups"]["mqctl_files"] == ["lb1"]
    assert host["units"]["daemon_reload"] is True
    assert (host["haproxy"], host["keepalived"]) == (None, "reload")


def test_without_an_entrance_nobody_holds_an_address() -> None:
    alone = standalone()
    status = fresh(alone)
    groups = for_ansible(make(alone, bundles_of(alone), status), alone, status)["groups"]
    assert (groups["mqctl_standby"], groups["mqctl_vip_holder"]) == ([], [])
