"""What of a plan was done, by what Ansible told."""

from __future__ import annotations

import yaml
from pydantic import SecretStr

from mqctl import share
from mqctl.ansible.events import EndEvent, HostEvent, Record
from mqctl.model.bundle import FileSpec
from mqctl.model.changes import (
    ClusterChanges,
    FileChange,
    MembershipChange,
    ObjectChange,
    PackageChange,
    Plan,
    ServiceChange,
)
from mqctl.workflows.done import account, changed, elsewhere, not_done, steps

SPEC = FileSpec(path="/etc/a", component="rabbitmq", content=SecretStr("s3cret"))
PLAN = Plan(
    topology="t",
    packages=(PackageChange(host="mq1", package="rabbitmq-server", candidate=None),),
    files=tuple(
        FileChange(host=host, path=path, action="create", spec=SPEC)
        for host, path in (("mq1", "/etc/a"), ("mq1", "/etc/b"), ("mq2", "/etc/a"), ("lb1", "/etc/c"))
    ),
    services=(
        ServiceChange(host="mq1", unit="rabbitmq-server.service", action="enable", reason=""),
        ServiceChange(host="lb1", unit="haproxy.service", action="reload", reason=""),
        ServiceChange(host="lb1", unit="keepalived.service", action="start", reason=""),
        ServiceChange(host="mq2", unit="rabbitmq-server.service", action="restart", reason=""),
    ),
    membership=(MembershipChange(host="mq1", node="rabbit@mq1", action="join", peer="rabbit@mq2"),),
    clusters=(
        ClusterChanges(
            cluster="c",
            hosts=("mq1", "mq2"),
            objects=(ObjectChange(kind="policy", vhost="/", name="ha", action="create", requests=()),),
        ),
    ),
)
TODO = steps(PLAN, {"objects": {"mq2": {"links": ["a"]}}})

INSTALL, AGAIN = (
    "Install the packages, nothing of them started",
    "Install the packages after reading the package lists again",
)
FILES, BROKER = "Place the files", "Bring the broker up"
HAPROXY, KEEPALIVED = "Start or reload HAProxy", "Start or reload Keepalived"
OBJECTS, LINKS = "Create, change and remove objects", "Link the sites"
ALL = [
    *(("mq1", task) for task in (INSTALL, FILES, BROKER)),
    *(("mq2", task) for task in (FILES, BROKER, OBJECTS, LINKS)),
    *(("lb1", task) for task in (FILES, HAPROXY, KEEPALIVED)),
]


def record(*events: tuple[str, str, str]) -> Record:
    """(host, task, state)"""
    found = Record()
    for host, task, state in events:
        found.note(HostEvent(host, task, "running", ""))
        found.note(HostEvent(host, task, state, ""))  # type: ignore[arg-type]
    return found


def test_nothing_was_done_when_ansible_said_nothing() -> None:
    nothing = Record()
    assert not changed(TODO, nothing)
    assert account(TODO, nothing) == [
        "lb1: not done: 1 file, reload haproxy.service, start keepalived.service",
        "mq1: not done: 1 package, 2 files, enable rabbitmq-server.service, join rabbit@mq1",
        "mq2: not done: 1 file, restart rabbitmq-server.service, 1 object",
    ]


def test_everything_was_done() -> None:
    whole = record(*((*one, "changed") for one in ALL))
    assert not not_done(TODO, whole)
    done = changed(TODO, whole)
    assert done.files == {"lb1": ("/etc/c",), "mq1": ("/etc/a", "/etc/b"), "mq2": ("/etc/a",)}
    assert done.services["lb1"] == ("reload haproxy.service", "start keepalived.service")
    assert done.objects == ("create policy ha in /",)
    assert "s3cret" not in done.model_dump_json()


def test_the_half_of_it_host_by_host() -> None:
    half = record(
        *((host, FILES, "changed") for host in ("mq1", "lb1")),
        ("mq1", INSTALL, "failed"),
        ("mq1", AGAIN, "ok"),
        ("mq2", FILES, "unreachable"),
        ("lb1", HAPROXY, "changed"),
    )
    half.note(HostEvent("lb1", KEEPALIVED, "running", ""))
    half.note(EndEvent(("mq2",)))
    assert account(TODO, half) == [
        "lb1: done: 1 file, reload haproxy.service; cut off: start keepalived.service",
        "mq1: done: 1 package, 2 files, enable rabbitmq-server.service; not done: join rabbit@mq1",
        "mq2: failed: 1 file; not done: restart rabbitmq-server.service, 1 object",
    ]


def test_objects_are_not_done_before_the_links_are() -> None:
    assert not changed(TODO, record(("mq2", OBJECTS, "changed"))).objects
    assert changed(TODO, record(("mq2", OBJECTS, "changed"), ("mq2", LINKS, "ok"))).objects
    without = steps(PLAN, {"objects": {"mq2": {"links": []}}})
    assert changed(without, record(("mq2", OBJECTS, "changed"))).objects


WORK = {
    "hosts": {name: {"work": name} for name in ("mq1", "mq2", "lb1")},
    "groups": {
        "mqctl_packages": ["mq1"],
        "mqctl_files": ["mq1", "mq2", "lb1"],
        "mqctl_brokers_restart": ["mq2"],
        "mqctl_standby": ["lb1"],
    },
    "objects": {"mq1": {}},
}


def test_after_a_death_only_packages_and_files_of_the_others_are_left_to_do() -> None:
    half = record(("mq1", INSTALL, "changed"), ("mq2", FILES, "unreachable"), ("lb1", FILES, "changed"))
    assert elsewhere(WORK, half) == {
        "hosts": {"mq1": {"work": "mq1"}},
        "groups": {
            "mqctl_packages": ["mq1"],
            "mqctl_files": ["mq1"],
            "mqctl_brokers_restart": [],
            "mqctl_standby": [],
        },
        "objects": {},
    }


def test_nothing_is_left_to_do_when_the_death_came_later() -> None:
    late = record(
        *((host, FILES, "ok") for host in ("mq1", "mq2", "lb1")),
        ("mq1", INSTALL, "ok"),
        ("mq2", BROKER, "unreachable"),
    )
    assert elsewhere(WORK, late) is None


def test_after_any_other_failure_nothing_more_is_changed() -> None:
    assert elsewhere(WORK, record(("mq2", FILES, "failed"))) is None
    assert elsewhere(WORK, record(("mq2", FILES, "failed"), ("lb1", FILES, "unreachable"))) is None
    assert elsewhere(WORK, Record()) is None


def test_a_packet_filter_is_loaded_by_a_task_of_its_own() -> None:
    change = ServiceChange(host="lb1", unit="mqctl-firewall.service", action="start", reason="")
    todo = steps(Plan(topology="t", services=(change,)), {"objects": {}})
    assert account(todo, record()) == ["lb1: not done: start mqctl-firewall.service"]
    loaded = record(("lb1", "Load or remove the firewall", "changed"))
    assert account(todo, loaded) == ["lb1: done: start mqctl-firewall.service"]


def test_the_tasks_are_called_as_in_the_roles() -> None:
    """A task of another name would count as not done for ever."""
    files = (share.root() / "roles").glob("*/tasks/*.yml")
    tasks = [task for file in files for task in yaml.safe_load(file.read_text())]
    inner = [task for outer in tasks for part in ("block", "rescue") for task in outer.get(part, ())]
    names = {task["name"] for task in [*tasks, *inner]}
    known = {task for _, task in ALL} | {"Load or remove the firewall", AGAIN}
    assert known <= names
