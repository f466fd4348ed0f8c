"""Answers of real brokers and balancers, and hostile ones: never an exception, never a silent pass."""

from __future__ import annotations

import base64
import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqctl.model.status import BrokerStatus, HaproxyStatus, HostStatus, KeepalivedStatus, SharedStatus
from mqctl.probe.host import MARK
from mqctl.probe.parse import host_status
from mqctl.probe.parse_broker import broker_status, telling
from mqctl.probe.parse_entrance import haproxy_status, keepalived_status

from .recorded import answer, printed


def read(name: str) -> HostStatus:
    return host_status("mq1", printed(answer(name)))


def broker_of(name: str) -> BrokerStatus:
    found = read(name)
    assert found.error is None
    assert found.broker is not None
    return found.broker


@pytest.mark.parametrize(
    ("name", "version", "erlang", "os"),
    [
        ("broker-3.8.9", "3.8.9", "23.2.6", "debian bullseye"),
        ("broker-3.10.8", "3.10.8", "25.2.3", "debian bookworm"),
        ("broker-4.0.5", "4.0.5", "27.3.4.1", "debian trixie"),
    ],
)
def test_running_brokers(name: str, version: str, erlang: str, os: str) -> None:
    broker = broker_of(name)
    assert (broker.running, broker.blank, broker.error) == (True, False, None)
    assert (broker.version, broker.erlang, read(name).os) == (version, erlang, os)
    assert "rabbitmq_management" in broker.enabled_plugins
    assert broker.definitions is not None
    assert broker.node in broker.members


def test_a_member_of_three_with_mirrored_queues() -> None:
    broker = broker_of("broker-3.10.8")
    assert broker.members == ("rabbit@mq1", "rabbit@mq2", "rabbit@mq3")
    assert broker.disc_members == ("rabbit@mq1", "rabbit@mq2")
    assert broker.ram_members == ("rabbit@mq3",)
    queue = next(queue for queue in broker.queues if queue.name == "q1")
    assert (queue.leader, queue.mirrors) == ("rabbit@mq1", ("rabbit@mq2", "rabbit@mq3"))
    assert queue.synchronised == queue.mirrors
    assert (queue.policy, queue.effective_definition["ha-mode"]) == ("ha-all", "all")
    assert (queue.messages, queue.consumers, queue.state) == (0, 0, "running")


def test_disabled_feature_flags() -> None:
    assert broker_of("broker-3.8.9").disabled_flags == ("drop_unroutable_metric", "empty_basic_get_metric")
    assert broker_of("broker-3.10.8").disabled_flags == broker_of("stopped-3.10.8").disabled_flags == ()


def test_only_the_leaders_broker_counts_messages() -> None:
    queue = next(queue for queue in broker_of("mirror-3.10.8").queues if queue.name == "q1")
    assert (queue.leader, queue.messages, queue.consumers) == ("rabbit@mq1", None, None)


def test_quorum_queue_of_3_8() -> None:
    queue = next(queue for queue in broker_of("broker-3.8.9").queues if queue.name == "qq")
    assert (queue.type, queue.leader) == ("quorum", "rabbit@mq-bullseye")


def test_a_stopped_application_is_an_answer_and_not_running() -> None:
    broker = broker_of("stopped-3.10.8")
    assert (broker.running, broker.node, broker.blank) == (False, "rabbit@mq3", False)
    assert broker.error is not None
    assert broker.error.startswith("the node is up, its rabbit application is not")


def test_a_blank_broker() -> None:
    broker = broker_of("blank-3.8.9")
    assert (broker.running, broker.blank, broker.error, broker.members) == (False, True, None, ())


def test_files_services_and_names() -> None:
    host = read("broker-3.10.8")
    cookie = host.files["/var/lib/rabbitmq/.erlang.cookie"]
    assert (cookie.owner, cookie.group, cookie.mode, cookie.content) == ("rabbitmq", "rabbitmq", "0400", None)
    assert not host.files["/etc/rabbitmq/rabbitmq.conf"].exists
    hosts = host.files["/etc/hosts"].content
    assert hosts is not None
    assert hosts.get_secret_value() == "text\n"
    unit = host.services["rabbitmq-server.service"]
    assert (unit.exists, unit.active, unit.enabled, unit.state) == (True, True, False, "active/running")
    assert host.resolves["mq2"] == ("10.93.13.12",)
    assert host.packages["rabbitmq-server"] == "3.10.8-1.1+deb12u1"


def test_balancers() -> None:
    holder, standby = read("holder"), read("standby")
    assert holder.haproxy is not None
    assert holder.haproxy.version is not None
    assert holder.haproxy.version.startswith("2.6.12")
    assert [(s.proxy, s.server, s.status, s.address) for s in holder.haproxy.servers][:2] == [
        ("rabbitmq", "mq1", "UP", "10.93.13.11:5672"),
        ("rabbitmq", "mq2", "UP", "10.93.13.12:5672"),
    ]
    assert len(holder.haproxy.servers) == 6
    assert holder.keepalived == KeepalivedStatus(state="MASTER", holds_address=True)
    assert standby.keepalived == KeepalivedStatus(state="BACKUP", holds_address=False)
    assert holder.broker is None
    assert (holder.packages["nonexist"], holder.candidates) == (None, {"nonexist": None})


# What must be an error, in its place.


@pytest.mark.parametrize(
    ("stdout", "stderr", "error"),
    [
        ("", "", "no answer to the probe"),
        ("Welcome!\n", "Traceback\nMemoryError\n", "no answer to the probe: MemoryError"),
        (f"{MARK}{{", "", "the answer to the probe cannot be read (JSONDecodeError)"),
        (f"{MARK}[]", "", "the answer to the probe cannot be read (TypeError)"),
        (f"{MARK}null", "", "the answer to the probe cannot be read (TypeError)"),
        (f'{MARK}{{"at": "x", "sections": {{}}}}', "", "the answer to the probe cannot be read (ValueError)"),
        (f'{MARK}{{"at": 1e300, "sections": {{}}}}', "", "no packages in the answer to the probe"),
        (f'{MARK}{{"at": 1, "sections": {{}}}}', "", "no packages in the answer to the probe"),
        (f'{MARK}{{"at": 1, "sections": []}}', "", "the answer to the probe cannot be read (AttributeError)"),
    ],
)
def test_an_answer_that_is_none(stdout: str, stderr: str, error: str) -> None:
    assert host_status("mq1", stdout, stderr).error == error


def test_a_user_who_is_not_root() -> None:
    said = host_status("mq1", printed({"at": 1, "sections": {"denied": {"answer": "deploy"}}}))
    assert said.error == "user deploy is not root"
    assert said.hint == "set ansible_become: true, or ansible_user: root"


@pytest.mark.parametrize("section", ["packages", "release", "files", "units", "addresses", "resolves"])
@pytest.mark.parametrize("instead", [None, {}, [], "x", {"answer": 7}, {"error": "OSError: gone"}])
def test_a_section_that_planning_needs(section: str, instead: Any) -> None:
    said = answer("broker-3.10.8")
    said["sections"][section] = instead
    if section == "release" and instead == {"answer": 7}:
        return  # any text is a release
    status = host_status("mq1", printed(said))
    assert status.error is not None
    assert status.files == {}
    if instead == {"error": "OSError: gone"}:
        assert status.error == f"no {section} in the answer to the probe: OSError: gone"


@pytest.mark.parametrize(
    ("section", "error"),
    [
        (None, "no broker in the answer to the probe"),
        ({"error": "boom"}, "boom"),
        ({"answer": []}, "the broker's answer cannot be read (TypeError)"),
        ({"answer": {"blank": False}}, "the broker's answer cannot be read (KeyError)"),
        (
            {"answer": {"blank": False, "unit": "active", "answer": "***"}},
            "the broker's answer cannot be read (Error)",
        ),
        (
            {"answer": {"blank": False, "unit": "active", "error": "no answer in 8 s"}},
            "the unit runs, the node does not answer: no answer in 8 s",
        ),
        (
            {"answer": {"blank": False, "unit": "activating", "error": "x"}},
            "the unit is starting, the node does not answer yet: x",
        ),
    ],
)
def test_a_broker_that_gives_no_evidence(section: Any, error: str) -> None:
    broker = broker_status(section)
    assert broker is not None
    assert (broker.running, broker.node, broker.error) == (False, "", error)


@pytest.mark.parametrize("cut", [1, 40, 400, 1600])
def test_a_truncated_broker_answer(cut: int) -> None:
    whole = base64.b64encode(json.dumps(answer("broker-3.10.8")["sections"]["broker"]["answer"]).encode())
    section = {"answer": {"blank": False, "unit": "active", "answer": whole.decode()[:-cut]}}
    broker = broker_status(section)
    assert broker is not None
    assert not broker.running
    assert broker.error is not None


@pytest.mark.parametrize("key", sorted(answer("broker-3.10.8")["sections"]["broker"]["answer"]["answer"]))
@pytest.mark.parametrize("instead", [{"wrong": []}, None, 7])
def test_each_field_of_a_broker_that_is_wrong_or_missing(key: str, instead: Any) -> None:
    said = answer("broker-3.10.8")
    said["sections"]["broker"]["answer"]["answer"][key] = instead
    broker = host_status("mq1", printed(said)).broker
    assert broker is not None
    if key in ("definitions", "version", "erlang", "cluster_name") and instead is None:
        assert broker.running  # the gate that needs it says unknown or fail
    elif key == "definitions" and isinstance(instead, dict):
        assert broker.running  # any object is a definition: the gates read it with care
    elif key == "maintenance":
        assert not broker.maintenance
    else:
        assert not broker.running
        assert broker.error is not None


@pytest.mark.parametrize(
    ("section", "error"),
    [
        (None, "no haproxy in the answer to the probe"),
        (
            {"answer": {"error": "[Errno 2] No such file"}},
            "the runtime socket does not answer: [Errno 2] No such file",
        ),
        ({"answer": {"said": "Permission denied\n"}}, "the runtime socket's answer cannot be read"),
        (
            {"answer": {"said": "Version: 2\n\n# pxname,svname\na,b\n"}},
            "the runtime socket's answer cannot be read",
        ),
        ({"answer": []}, "the runtime socket does not answer: nothing"),
    ],
)
def test_haproxy_that_gives_no_evidence(section: Any, error: str) -> None:
    assert haproxy_status(section) == HaproxyStatus(answered=False, error=error)


@pytest.mark.parametrize("section", [None, {"error": "x"}, {"answer": "MASTER"}, {"answer": {"state": "??"}}])
def test_keepalived_that_gives_no_evidence(section: Any) -> None:
    assert keepalived_status(section) == KeepalivedStatus(state="unknown", holds_address=False)


@pytest.mark.parametrize(("said", "ipvs"), [(True, True), (False, False), (None, None), ("no", None)])
def test_whether_the_kernel_has_ipvs(said: Any, ipvs: bool | None) -> None:
    told = keepalived_status({"answer": {"state": "MASTER", "holds": True, "ipvs": said}})
    assert told == KeepalivedStatus(state="MASTER", holds_address=True, ipvs=ipvs)


def test_text_that_is_not_utf_8_is_no_text() -> None:
    said = answer("broker-3.10.8")
    said["sections"]["files"]["answer"][0]["content"] = base64.b64encode(b"\xff\n").decode()
    assert host_status("mq1", printed(said)).files["/etc/hosts"].content is None


def test_no_password_hash_in_an_error() -> None:
    said = answer("broker-3.10.8")
    said["sections"]["broker"]["answer"]["answer"]["queues"] = "wrong"
    assert "AAAAAAAA" not in str(host_status("mq1", printed(said)).broker)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data(), instead=JSON)
def test_anything_anywhere_never_raises(data: st.DataObject, instead: Any) -> None:
    said = answer(data.draw(st.sampled_from(["broker-3.10.8", "holder", "stopped-3.10.8"])))
    target: Any = said
    while True:
        keys = sorted(target) if isinstance(target, dict) else list(range(len(target)))
        key = data.draw(st.sampled_from(keys))
        if not target[key] or not isinstance(target[key], dict | list) or data.draw(st.booleans()):
            break
        target = target[key]
    target[key] = copy.deepcopy(instead)
    status = host_status("mq1", f"{MARK}{json.dumps(said)}" if "sections" not in said else _printed(said))
    assert status.host == "mq1"


def _printed(said: dict[str, Any]) -> str:
    return (
        printed(said)
        if isinstance(said["sections"], dict) and isinstance(said["sections"].get("broker", {}), dict)
        else f"{MARK}{json.dumps(said)}"
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("", "no answer"),
        ("Error:\n{:undef, []}\n", "{:undef, []}"),
        (
            "Error: unable to perform an operation on node 'rabbit@mq3'.\n\n * Target node is not running\n"
            "DIAGNOSTICS\n===========\n\nrabbit@mq3:\n  * connected to epmd (port 4369) on mq3\n"
            "  * epmd reports node 'rabbit' uses port 25672 for inter-node and CLI tool traffic \n"
            "  * TCP connection succeeded but Erlang distribution failed \n"
            "  * suggestion: check the Erlang cookie\n\nCurrent node details:\n"
            " * node name: 'rabbitmqcli-89'\n * Erlang cookie hash: n8xaZLGtdIoUfH3AzrzU+g==\n",
            "TCP connection succeeded but Erlang distribution failed (check the Erlang cookie)",
        ),
        (
            "DIAGNOSTICS\nrabbit@mq77:\n  * unable to connect to epmd (port 4369) on mq77: nxdomain\n",
            "unable to connect to epmd (port 4369) on mq77: nxdomain",
        ),
    ],
)
def test_the_telling_sentence(said: str, sentence: str) -> None:
    assert telling(said) == sentence


LINKS = [
    {
        "kind": "exchange",
        "vhost": "/",
        "name": "fedx",
        "upstream": "west",
        "state": "error",
        "error": '{auth_failure,"ACCESS_REFUSED - Login was refused"}',
    },
    {
        "kind": "shovel",
        "vhost": "/",
        "name": "s",
        "upstream": "",
        "state": "terminated",
        "error": "{connect,amqp://u:hidden@192.0.2.1,timeout}",
    },
    {"kind": "static shovel", "vhost": "", "name": "t", "upstream": "", "state": "running", "error": None},
]


@pytest.mark.parametrize("told", [True, False])
def test_links_are_told_without_passwords_or_not_at_all(told: bool) -> None:
    said = copy.deepcopy(answer("broker-3.10.8"))
    said["sections"]["broker"]["answer"]["answer"]["links"] = LINKS if told else None
    broker = host_status("mq1", printed(said)).broker
    assert broker is not None
    if not told:
        assert broker.running
        assert broker.links is None
        return
    assert broker.links is not None
    assert [(link.kind, link.name, link.state, link.error) for link in broker.links] == [
        ("exchange", "fedx", "error", "ACCESS_REFUSED - Login was refused"),
        ("shovel", "s", "terminated", "{connect,amqp://u:********@192.0.2.1,timeout}"),
        ("static shovel", "t", "running", ""),
    ]


def test_a_link_that_cannot_be_read_makes_the_answer_unreadable() -> None:
    said = copy.deepcopy(answer("broker-3.10.8"))
    said["sections"]["broker"]["answer"]["answer"]["links"] = [{"kind": "pigeon", "error": None}]
    broker = host_status("mq1", printed(said)).broker
    assert broker is not None
    assert (broker.running, broker.links) == (False, None)


DIRECTORY = {"exists": True, "mounted": True, "filesystem": "nfs4", "writable": None, "identity": "7 1700"}


@pytest.mark.parametrize(
    ("section", "seen"),
    [
        (
            {"answer": DIRECTORY},
            SharedStatus(exists=True, mounted=True, filesystem="nfs4", identity="7 1700"),
        ),
        ({"answer": {"exists": False}}, SharedStatus(exists=False)),
        ({"answer": None}, None),
        ({"error": "OSError: stale file handle"}, None),
        ({"answer": {"mounted": True}}, None),
        (None, None),
    ],
)
def test_a_shared_directory(section: Any, seen: SharedStatus | None) -> None:
    said = answer("broker-3.10.8")
    said["sections"]["shared"] = section
    assert host_status("mq1", printed(said)).shared == seen


def test_a_unit_that_waits_for_its_lock_is_a_standby() -> None:
    said = answer("stopped-3.10.8")
    (unit,) = said["sections"]["units"]["answer"]
    unit |= {"active": "activating", "sub": "start", "waits": True, "older": True}
    said["sections"]["broker"] = {"answer": {"blank": False, "unit": "activating"}}
    host = host_status("mq1", printed(said))
    assert host.waits
    assert host.services["rabbitmq-server.service"].stale
    assert host.broker == BrokerStatus(running=False, blank=False)
    unit |= {"waits": False}
    host = host_status("mq1", printed(said))
    assert (host.waits, host.services["rabbitmq-server.service"].stale) == (False, False)
