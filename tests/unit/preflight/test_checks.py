"""Each check says no, or that it cannot tell, in exactly these words; fresh and deployed hosts pass all."""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_interface
from typing import Any

import pytest

from mqctl.model.preflight import Resources, Upgrades, Vrrp, overall
from mqctl.model.status import QueueStatus
from mqctl.model.topology import Topology
from tests.topologies import mirrored_3node, warren

from . import found as f
from .found import Change, broker, exam, facts, inside, judged, link, listens, missing, rows, status

FRESH, DEPLOYED = f.fresh, f.deployed
STRANGER = "02:42:0a:5d:11:63"
OSERROR = "OSError: no"
DROP_IN = "/etc/systemd/system/rabbitmq-server.service.d/mqctl.conf"


@pytest.mark.parametrize("state", [FRESH, DEPLOYED])
def test_good_hosts_pass_every_check(state: Any) -> None:
    results = judged(state(mirrored_3node()))
    assert rows(results) == []
    assert overall(results) == "pass"
    assert {one.check for one in results} >= {
        "SSH",
        "root",
        "Python",
        "release",
        "systemd",
        "packages",
        "RabbitMQ",
        "Erlang",
        "one RabbitMQ line",
        "disk",
        "memory",
        "open files",
        "ports",
        "names",
        "cluster",
        "interface",
        "virtual IP's subnet",
        "virtual IP unanswered",
        "virtual_router_id",
        "network",
        "unattended-upgrades",
        "clocks",
    }


def test_what_passes_says_what_was_found() -> None:
    fresh, deployed = (judged(state(mirrored_3node())) for state in (FRESH, DEPLOYED))
    assert rows(fresh, "names")[0][3] == "3 of 3 not yet resolved: a deploy writes them into /etc/hosts"
    assert rows(deployed, "names")[0][3] == "3 to their one address"
    assert rows(fresh, "ports")[0][3] == "4369, 5672, 15672, 25672 free"
    told = "4369 held by epmd.service; 5672, 15672, 25672 held by rabbitmq-server.service"
    assert rows(deployed, "ports")[0][3] == told
    assert rows(fresh, "virtual IP unanswered")[1][3] == "nobody answers"
    assert rows(deployed, "virtual IP unanswered")[1][3] == "held by lb1"
    assert rows(deployed, "virtual IP's holder")[0][3] == "lb1 has 10.93.17.100 by Keepalived"
    assert rows(fresh, "cluster")[0][3] == "no broker has run here"
    assert rows(deployed, "cluster")[0][3] == "a member of mirrored-3node"
    assert rows(fresh, "clocks")[0][3] == "at most 0.2 s apart"


def test_nothing_at_all_is_no_pass() -> None:
    assert overall([]) == "unknown"


Case = tuple[Any, Change, tuple[str, str, str, str]]
CASES: dict[str, Case] = {
    "unreachable": (
        FRESH,
        exam("mq2", stopped_at="ssh", reason="no route to 10.93.17.12 port 22", status=None, clock=None),
        ("mq2", "SSH", "fail", "no route to 10.93.17.12 port 22"),
    ),
    "no sudo": (
        FRESH,
        exam("mq2", stopped_at="sudo", reason="user ops is not root", status=None, clock=None),
        ("mq2", "root", "fail", "user ops is not root"),
    ),
    "old python": (
        FRESH,
        exam("mq2", stopped_at="python", reason="Python 3.7.3", status=None, clock=None),
        ("mq2", "Python", "fail", "expected 3.9 or later, got 3.7.3"),
    ),
    "no python": (
        FRESH,
        exam("mq2", stopped_at="python", reason="there is no /usr/bin/python3", status=None, clock=None),
        ("mq2", "Python", "fail", "there is no /usr/bin/python3"),
    ),
    "half an answer": (
        FRESH,
        status("mq2", error="no units in the answer to the probe"),
        ("mq2", "answer", "unknown", "no units in the answer to the probe"),
    ),
    "another system": (
        FRESH,
        status("mq2", os="ubuntu noble"),
        ("mq2", "release", "warn", "expected debian bullseye, bookworm, trixie, sid, got ubuntu noble"),
    ),
    "an older debian": (
        FRESH,
        status("mq2", os="debian buster"),
        ("mq2", "release", "warn", "expected debian bullseye, bookworm, trixie, sid, got debian buster"),
    ),
    "no apt": (
        FRESH,
        f.both(status("mq2", os="fedora"), inside("mq2", "machine", apt=False)),
        (
            "mq2",
            "release",
            "fail",
            "expected debian bullseye, bookworm, trixie, sid, got fedora, without apt",
        ),
    ),
    "no systemd": (
        FRESH,
        inside("mq2", "machine", systemd=False),
        ("mq2", "systemd", "fail", "expected process 1 to be systemd, got another program"),
    ),
    "a package that nobody offers": (
        FRESH,
        status("lb1", candidates={"keepalived": None}),
        ("lb1", "packages", "fail", "expected a candidate of keepalived, got none"),
    ),
    "no package lists": (
        FRESH,
        lambda survey: exam(
            "lb1",
            status=survey.host("lb1").status.model_copy(update={"candidates": {}}),  # type: ignore[union-attr]
        )(survey),
        (
            "lb1",
            "packages",
            "unknown",
            "no package lists: nobody knows whether haproxy, keepalived is offered",
        ),
    ),
    "another line than the inventory's": (
        FRESH,
        status("mq2", candidates={"rabbitmq-server": "4.0.5-1"}),
        ("mq2", "RabbitMQ", "fail", "expected 3.10.x of rabbitmq_version, got 4.0.5"),
    ),
    "an erlang that does not fit": (
        FRESH,
        status("mq2", candidates={"erlang-base": "1:27.3+dfsg-1"}),
        ("mq2", "Erlang", "fail", "expected 23 to 25 for RabbitMQ 3.10, got 27.3"),
    ),
    "an erlang that nobody knows": (
        FRESH,
        status("mq2", candidates={"erlang-base": None}),
        (
            "mq2",
            "Erlang",
            "unknown",
            "expected 23 to 25 for RabbitMQ 3.10, and erlang-base is neither installed nor offered",
        ),
    ),
    "a full disk": (
        FRESH,
        inside("mq2", "resources", disk_free=200 * 2**20),
        (
            "mq2",
            "disk",
            "fail",
            "expected more than rabbitmq_disk_free_limit, 256MB, got 200.0 MiB free in /var/lib",
        ),
    ),
    "a small disk": (
        FRESH,
        inside("mq2", "resources", disk_free=3 * f.GIB),
        (
            "mq2",
            "disk",
            "warn",
            "3.0 GiB free in /var/lib: what the broker may have in memory, 3.2 GiB, would not fit there "
            "beside rabbitmq_disk_free_limit, 256MB",
        ),
    ),
    "no memory": (
        FRESH,
        inside("mq2", "resources", memory_available=100 * 2**20),
        ("mq2", "memory", "fail", "expected 256.0 MiB at least, got 100.0 MiB of 8.0 GiB available"),
    ),
    "memory that others use": (
        FRESH,
        inside("mq2", "resources", memory_available=2 * f.GIB),
        (
            "mq2",
            "memory",
            "warn",
            "expected 3.2 GiB, the rabbitmq_memory_high_watermark, got 2.0 GiB of 8.0 GiB available",
        ),
    ),
    "few open files": (
        FRESH,
        inside("mq2", "resources", files_hard=20000, files_raisable=False),
        ("mq2", "open files", "warn", "expected 65536 of rabbitmq_file_limit, got 20000 at most"),
    ),
    "hardly any open files": (
        FRESH,
        inside("mq2", "resources", files_hard=1000, files_raisable=False),
        ("mq2", "open files", "fail", "expected 65536 of rabbitmq_file_limit, got 1000 at most"),
    ),
    "a kernel with few open files": (
        FRESH,
        inside("mq2", "resources", files_most=20000),
        ("mq2", "open files", "warn", "expected 65536 of rabbitmq_file_limit, got 20000 at most"),
    ),
    "too few files for haproxy": (
        FRESH,
        inside("lb1", "resources", files_hard=4096, files_raisable=False),
        ("lb1", "open files", "fail", "expected 16600 for haproxy_maxconn, 8000, got 4096 at most"),
    ),
    "a foreign listener": (
        FRESH,
        listens("mq2", 5672, "activemq.service", "java"),
        (
            "mq2",
            "ports",
            "fail",
            "expected 5672 free for the broker's AMQP, got java (activemq.service) on it",
        ),
    ),
    "a foreign listener beside ours": (
        DEPLOYED,
        listens("mq2", 15672, "nginx.service", address="127.0.0.1"),
        ("mq2", "ports", "fail", "expected 15672 free for the broker's management, got nginx.service on it"),
    ),
    "a broker on a balancer's port": (
        FRESH,
        listens("lb1", 5672, "rabbitmq-server.service"),
        ("lb1", "ports", "fail", "expected 5672 free for HAProxy's AMQP, got rabbitmq-server.service on it"),
    ),
    "a listener that nobody knows": (
        FRESH,
        listens("lb2", 8100),
        ("lb2", "ports", "fail", "expected 8100 free for HAProxy's statistics, got another program on it"),
    ),
    "an erlang node on the distribution port": (
        FRESH,
        listens("mq1", 25672, "ejabberd.service", "beam.smp"),
        (
            "mq1",
            "ports",
            "fail",
            "expected 25672 free for the broker's distribution, got beam.smp (ejabberd.service) on it",
        ),
    ),
    "somebody else's haproxy": (
        FRESH,
        listens("lb1", 5672, "haproxy.service", "haproxy"),
        (
            "lb1",
            "ports",
            "warn",
            "haproxy.service runs, and mqctl did not set it up: a deploy replaces its configuration",
        ),
    ),
    "a name of another machine": (
        FRESH,
        status("mq2", resolves={"mq1": ("192.0.2.7",)}),
        (
            "mq2",
            "names",
            "warn",
            "expected mq1 to be 10.93.17.11, got 192.0.2.7: a deploy writes the right one into /etc/hosts",
        ),
    ),
    "two addresses of a name": (
        FRESH,
        status("mq2", resolves={"mq1": ("10.93.17.11", "fd00::11")}),
        (
            "mq2",
            "names",
            "warn",
            "expected mq1 to be 10.93.17.11, got 10.93.17.11, fd00::11: a deploy writes the right one into "
            "/etc/hosts",
        ),
    ),
    "a name that the file does not decide": (
        FRESH,
        f.both(
            status("mq2", resolves={"mq1": ("192.0.2.7",)}),
            inside("mq2", "machine", name_order=("dns", "files")),
        ),
        (
            "mq2",
            "names",
            "fail",
            "expected mq1 to be 10.93.17.11, got 192.0.2.7, and names are looked up in dns files",
        ),
    ),
    "a name that is wrong although written": (
        DEPLOYED,
        status(
            "mq2",
            resolves={"mq1": ("192.0.2.7",)},
            files={"/etc/hosts": f.file("/etc/hosts", "10.93.17.11 mq1\n")},
        ),
        (
            "mq2",
            "names",
            "fail",
            "expected mq1 to be 10.93.17.11, got 192.0.2.7, although /etc/hosts has it right",
        ),
    ),
    "another cluster": (
        DEPLOYED,
        broker("mq2", cluster_name="billing", members=("rabbit@mq2", "rabbit@old1")),
        (
            "mq2",
            "cluster",
            "fail",
            "expected cluster mirrored-3node or none, got a member of billing with rabbit@old1",
        ),
    ),
    "another cluster's name": (
        DEPLOYED,
        broker("mq2", cluster_name="billing", members=("rabbit@mq2",)),
        ("mq2", "cluster", "fail", "expected cluster mirrored-3node or none, got a member of billing"),
    ),
    "a cluster without a name and with strangers": (
        DEPLOYED,
        broker("mq2", cluster_name="rabbit@old1.example", members=("rabbit@mq2", "rabbit@old1")),
        (
            "mq2",
            "cluster",
            "fail",
            "expected cluster mirrored-3node or none, got a member of rabbit@old1.example with rabbit@old1",
        ),
    ),
    "a member that the inventory lost": (
        DEPLOYED,
        broker("mq2", members=(*f.NODES, "rabbit@mq4")),
        ("mq2", "cluster", "warn", "a member with rabbit@mq4, which the inventory does not name"),
    ),
    "a broker that is not mqctl's": (
        DEPLOYED,
        f.both(
            broker(
                "mq2",
                cluster_name="rabbit@mq2.example",
                members=("rabbit@mq2",),
                queues=(QueueStatus(vhost="/", name="q", type="classic", durable=True),),
            ),
            status("mq2", files={DROP_IN: f.file(DROP_IN, "")}),
        ),
        (
            "mq2",
            "cluster",
            "warn",
            "a broker that mqctl did not set up runs here, with 1 queue: a deploy takes it over",
        ),
    ),
    "a broker that does not answer": (
        FRESH,
        broker("mq2", error="the unit runs, the node does not answer: no answer in 8 s", blank=False),
        ("mq2", "cluster", "unknown", "the unit runs, the node does not answer: no answer in 8 s"),
    ),
    "data of a stopped broker": (
        FRESH,
        broker("mq2", blank=False),
        ("mq2", "cluster", "warn", "a broker that mqctl did not set up has data here, and does not run"),
    ),
    "no interface": (
        FRESH,
        lambda survey: facts(
            "lb1",
            links=tuple(
                one.model_copy(update={"name": "ens3"}) if one.name == "eth0" else one
                for one in survey.host("lb1").facts.links or ()
            ),
        )(survey),
        ("lb1", "interface", "fail", "expected eth0, got ens3"),
    ),
    "an interface that is down": (
        FRESH,
        link("lb1", up=False),
        ("lb1", "interface", "fail", "expected eth0 up, got down"),
    ),
    "another subnet": (
        FRESH,
        link("lb1", networks=(ip_interface("10.94.0.21/16"), ip_interface("fe80::1/64"))),
        ("lb1", "virtual IP's subnet", "fail", "expected 10.93.17.100 in a subnet of eth0, got 10.94.0.0/16"),
    ),
    "another prefix": (
        FRESH,
        link("lb1", networks=(ip_interface("10.93.17.21/16"),)),
        ("lb1", "virtual IP's subnet", "warn", "expected the prefix length of eth0, 16, got 24"),
    ),
    "only the virtual IP itself": (
        FRESH,
        link("lb1", networks=(ip_interface("10.93.17.100/24"),)),
        ("lb1", "virtual IP's subnet", "fail", "expected 10.93.17.100 in a subnet of eth0, got none"),
    ),
    "an address that somebody has": (
        FRESH,
        facts("lb1", claimed_by=(STRANGER,)),
        (
            "lb1",
            "virtual IP unanswered",
            "fail",
            f"expected nobody else to have 10.93.17.100, got an answer from {STRANGER}",
        ),
    ),
    "an address that somebody has beside the holder": (
        DEPLOYED,
        facts("lb1", claimed_by=(STRANGER,)),
        (
            "lb1",
            "virtual IP unanswered",
            "fail",
            f"expected nobody else to have 10.93.17.100, got an answer from {STRANGER}",
        ),
    ),
    "an address on a broker": (
        FRESH,
        link("mq2", networks=(ip_interface("10.93.17.12/24"), ip_interface("10.93.17.100/24"))),
        (
            "mq2",
            "virtual IP's holder",
            "fail",
            "expected 10.93.17.100 on no host but lb1, lb2, and mq2 has it",
        ),
    ),
    "an address without keepalived": (
        FRESH,
        link("lb2", networks=(ip_interface("10.93.17.22/24"), ip_interface("10.93.17.100/24"))),
        ("lb2", "virtual IP's holder", "fail", "lb2 has 10.93.17.100, and Keepalived does not run there"),
    ),
    "a router id that somebody uses": (
        FRESH,
        facts("lb2", vrrp=f.heard("10.93.17.9", 51, priority=200, multicast=True)),
        (
            "lb2",
            "virtual_router_id",
            "fail",
            "expected 51 unused, got adverts of it from 10.93.17.9 (priority 200, VRRP 2, multicast)",
        ),
    ),
    "a router id that a broker host uses": (
        DEPLOYED,
        facts("lb2", vrrp=f.heard("10.93.17.12", 51)),
        (
            "lb2",
            "virtual_router_id",
            "fail",
            "expected 51 unused, got adverts of it from 10.93.17.12 (priority 150, VRRP 2, unicast)",
        ),
    ),
    "not listened long enough": (
        FRESH,
        facts("lb2", vrrp=Vrrp(seconds=2)),
        ("lb2", "virtual_router_id", "unknown", "51 unused by others for 2 s, and 3 adverts take 3 s"),
    ),
    "a cloud": (
        FRESH,
        inside("lb1", "machine", dmi={"sys_vendor": "Amazon EC2"}),
        (
            "lb1",
            "network",
            "warn",
            "Amazon EC2: its network delivers only addresses that it assigned itself, so the virtual IP does "
            "not move",
        ),
    ),
    "azure": (
        FRESH,
        inside("lb1", "machine", dmi={"chassis_asset_tag": "7783-7084-3265-9085-8269-3286-77"}),
        (
            "lb1",
            "network",
            "warn",
            "Microsoft Azure: its network delivers only addresses that it assigned itself, so the virtual IP "
            "does not move",
        ),
    ),
    "upgrades by night": (
        FRESH,
        facts("mq2", upgrades=Upgrades(installed=True, enabled=True, blacklist=("erlang-",))),
        (
            "mq2",
            "unattended-upgrades",
            "warn",
            "would upgrade and restart rabbitmq-server by itself",
        ),
    ),
    "a blacklist that nobody can read": (
        FRESH,
        facts(
            "lb2",
            upgrades=Upgrades(installed=True, enabled=True, blacklist=("(", "proxy$"), held=("keepalived",)),
        ),
        ("lb2", "unattended-upgrades", "warn", "would upgrade and restart haproxy by itself"),
    ),
    "clocks that are apart": (
        FRESH,
        exam("mq2", clock=f.clock(12.3)),
        ("all", "clocks", "fail", "expected at most 5 s apart, got mq2 at least 12.1 s ahead of mq1"),
    ),
    "a clock that is behind": (
        FRESH,
        exam("lb2", clock=f.clock(-3600)),
        ("all", "clocks", "fail", "expected at most 5 s apart, got mq1 at least 3599.8 s ahead of lb2"),
    ),
    "a clock that came too late to tell": (
        FRESH,
        exam("mq2", clock=f.clock(3, 4)),
        (
            "all",
            "clocks",
            "unknown",
            "the answers took too long to tell: 7.1 s apart at most, expected 5 s",
        ),
    ),
    "a clock that nobody knows": (
        FRESH,
        exam("mq2", clock=None),
        ("all", "clocks", "unknown", "mq2 did not tell the time"),
    ),
}


@pytest.mark.parametrize(("state", "change", "row"), CASES.values(), ids=CASES)
def test_a_check_says_no(state: Any, change: Change, row: tuple[str, str, str, str]) -> None:
    results = judged(change(state(mirrored_3node())))
    assert row in rows(results)
    assert overall(results) == row[2] or row[2] == "warn"


@pytest.mark.parametrize(
    ("host", "part", "check"),
    [
        ("mq1", "machine", "systemd"),
        ("mq1", "upgrades", "unattended-upgrades"),
        ("lb1", "machine", "network"),
        ("mq1", "resources", "disk"),
        ("mq1", "resources", "memory"),
        ("lb1", "resources", "open files"),
        ("mq1", "listeners", "ports"),
        ("lb1", "links", "interface"),
        ("lb1", "claimed_by", "virtual IP unanswered"),
        ("lb1", "vrrp", "virtual_router_id"),
    ],
)
def test_what_could_not_be_asked_is_unknown_and_says_why(host: str, part: str, check: str) -> None:
    results = judged(missing(host, part)(FRESH(mirrored_3node())))
    assert (host, check, "unknown", OSERROR) in rows(results)
    assert overall(results) == "unknown"


def test_a_host_that_was_not_reached_has_one_row() -> None:
    change = exam("mq2", stopped_at="ssh", reason="no route", hint="is it up?", status=None, clock=None)
    results = judged(change(FRESH(mirrored_3node())))
    assert [one.check for one in results if one.host == "mq2"] == ["SSH"]
    assert rows(results) == [
        ("mq2", "SSH", "fail", "no route"),
        ("all", "one RabbitMQ line", "unknown", "3.10 on mq1, 3.10 on mq3; the other brokers' is not known"),
    ]


def test_lines_that_differ() -> None:
    unnamed = mirrored_3node(rabbitmq={"version": None})
    change = status(
        "mq2", candidates={"rabbitmq-server": "4.0.5-1", "erlang-base": "1:27.3+dfsg-1"}, os="debian trixie"
    )
    assert rows(judged(change(FRESH(unnamed)), unnamed)) == [
        (
            "all",
            "one RabbitMQ line",
            "fail",
            "expected the same line everywhere, got 3.10 on mq1, 4.0 on mq2, 3.10 on mq3",
        )
    ]


@pytest.mark.parametrize(
    ("version", "row"),
    [
        ("3.7.8-4", ("mq1", "RabbitMQ", "fail", "expected 3.8 or later, got 3.7.8")),
        ("5.0.0-1", ("mq1", "RabbitMQ", "warn", "nothing is known of RabbitMQ 5.0")),
    ],
)
def test_lines_that_mqctl_does_not_know(version: str, row: tuple[str, str, str, str]) -> None:
    unnamed = mirrored_3node(rabbitmq={"version": None})
    every = f.both(*(status(host, candidates={"rabbitmq-server": version}) for host in ("mq1", "mq2", "mq3")))
    assert row in rows(judged(every(FRESH(unnamed)), unnamed))


def bound(address: str) -> Topology:
    return mirrored_3node(rabbitmq={"bind_address": address})


def test_a_listener_on_another_address_is_in_nobodys_way() -> None:
    other = listens("mq1", 5672, "nginx.service", address=IPv4Address("127.0.0.1"))
    same = listens("mq1", 5672, "nginx.service", address=IPv4Address("10.93.17.11"))
    every = listens("mq1", 5672, "nginx.service")
    topology = bound("10.93.17.11")
    assert rows(judged(other(FRESH(topology)), topology)) == []
    for change in (same, every):
        assert rows(judged(change(FRESH(topology)), topology))[0][:3] == ("mq1", "ports", "fail")
    assert rows(judged(other(FRESH(bound("0.0.0.0"))), bound("0.0.0.0")))[0][:3] == ("mq1", "ports", "fail")


def test_a_port_that_another_role_would_bind_is_free_to_anybody() -> None:
    change = f.both(listens("mq1", 8100, "nginx.service"), listens("lb1", 25672, "nginx.service"))
    assert rows(judged(change(FRESH(mirrored_3node())))) == []


def test_where_the_kernel_does_not_tell_units_programs_count() -> None:
    listening = ((5672, "beam.smp"), (4369, "epmd"), (15672, "beam.smp"), (25672, "beam.smp"))
    change = f.both(
        facts("mq1", listeners=()), *(listens("mq1", port, program=program) for port, program in listening)
    )
    assert rows(judged(change(DEPLOYED(mirrored_3node())))) == []


def test_haproxys_peers_have_a_port_only_where_a_warren_stays() -> None:
    taken = listens("lb1", 10000, "nginx.service")
    for failback, outcome in ((True, []), (False, ["fail"])):
        topology = warren(haproxy={"failback": failback})
        results = judged(taken(FRESH(topology)), topology)
        assert [one.outcome for one in results if one.check == "ports" and one.outcome != "pass"] == outcome


def test_adverts_of_our_own_routers_and_other_ids_are_no_rivals() -> None:
    other = facts("lb2", vrrp=f.heard("10.93.17.9", 52))
    results = judged(other(FRESH(mirrored_3node())))
    assert rows(results) == []
    assert (
        "lb2",
        "virtual_router_id",
        "pass",
        "51 unused by others for 3.5 s; heard 52 of 10.93.17.9",
    ) in rows(results, "virtual_router_id")
    own = f.both(
        link("lb1", networks=tuple(ip_interface(f"10.93.17.{last}/24") for last in (21, 77, 100))),
        facts("lb2", vrrp=f.heard("10.93.17.77", 51)),
    )
    assert rows(judged(own(DEPLOYED(mirrored_3node())))) == []


def test_a_multicast_cloud_loses_its_adverts_too() -> None:
    topology = mirrored_3node(keepalived={"unicast": False})
    change = inside("lb1", "machine", dmi={"sys_vendor": "Google"})
    (row,) = rows(judged(change(FRESH(topology)), topology))
    assert row[3].startswith(
        "Google Compute Engine: its network does not carry multicast adverts, and delivers"
    )


def test_the_default_name_of_a_blank_broker_is_nobodys() -> None:
    change = broker("mq2", cluster_name="rabbit@mq2.example.org", members=("rabbit@mq2",))
    assert rows(judged(change(DEPLOYED(mirrored_3node()))), "cluster")[1] == (
        "mq2",
        "cluster",
        "pass",
        "a member of rabbit@mq2.example.org",
    )


def test_memory_that_our_own_broker_uses_is_not_missing() -> None:
    change = inside("mq2", "resources", memory_available=f.GIB)
    assert rows(judged(change(DEPLOYED(mirrored_3node())))) == []


def test_the_files_of_a_unit_are_what_process_1_may_give() -> None:
    def files(**update: Any) -> int:
        old = FRESH(mirrored_3node()).host("mq1").facts.resources
        assert isinstance(old, Resources)
        return old.model_copy(update=update).files

    assert files() == 1048576
    assert files(files_raisable=False) == 524288
    assert files(files_raisable=False, files_most=1000) == 1000


def test_one_host_has_no_clock_to_compare() -> None:
    survey = FRESH(mirrored_3node())
    alone = survey.of({"mq1"})
    from mqctl.gates.preflight.clocks import clocks

    assert list(clocks(alone)) == []


def test_fixes_are_offered_only_where_they_help() -> None:
    change = facts("mq2", upgrades=Upgrades(installed=True, enabled=True))
    offered = [one for one in judged(change(FRESH(mirrored_3node()))) if one.fix]
    assert [(one.host, one.fix, one.packages) for one in offered] == [
        ("mq2", "keep-packages", ("erlang-base", "rabbitmq-server"))
    ]
    assert [one for one in judged(FRESH(mirrored_3node())) if one.fix] == []


def test_a_virtual_ip_of_ipv6_counts_only_ipv6_subnets() -> None:
    assert ip_address("fd00::100").version == 6
    topology = mirrored_3node(
        keepalived={"virtual_address": "fd00::100/64", "vrrp_version": 3, "auth_pass": None}
    )
    assert rows(judged(FRESH(topology), topology), "virtual IP's subnet")[0][2:] == (
        "fail",
        "expected fd00::100 in a subnet of eth0, got none",
    )
