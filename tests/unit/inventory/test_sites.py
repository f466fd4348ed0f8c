"""Inventories of several sites: each is a cluster of its own behind its own entrance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mqctl.inventory import InventoryError, ensure
from mqctl.model.topology import Topology
from mqctl.render.bundle import render

EAST, WEST = "192.0.2.1", "192.0.2.2"


def inventory(path: Path, **changes: Any) -> Path:
    """Two sites of two brokers and a load balancer each; `changes` are further variables by site."""
    sites = {"east": EAST, "west": WEST}
    groups: dict[str, Any] = {name: {"hosts": {}} for name in ("rabbitmq", "haproxy", "keepalived")}
    for site, net in sites.items():
        brokers = {f"{site}-mq{i}": {"ansible_host": f"{net}{i}"} for i in (1, 2)}
        balancer = {f"{site}-lb1": {"ansible_host": f"{net}5"}}
        groups["rabbitmq"]["hosts"] |= brokers
        groups["haproxy"]["hosts"] |= balancer
        groups["keepalived"]["hosts"] |= {f"{site}-lb1": {"keepalived_priority": 100}}
        groups[f"{site}_hosts"] = {
            "hosts": dict.fromkeys([*brokers, *balancer], None),
            "vars": {
                "mqctl_site": site,
                "keepalived_virtual_address": f"{net}9/24",
                "keepalived_virtual_router_id": 10 if site == "east" else 11,
                **changes.get(site, {}),
            },
        }
    path.mkdir()
    (path / "hosts.yml").write_text(yaml.safe_dump(groups, sort_keys=False))
    (path / "group_vars" / "all").mkdir(parents=True)
    (path / "group_vars" / "all" / "main.yml").write_text(
        yaml.safe_dump({"rabbitmq_partition_handling": "autoheal", "keepalived_interface": "eth0"})
    )
    return path


@pytest.fixture
def two(tmp_path: Path) -> Topology:
    return ensure(inventory(tmp_path / "two"))


def problems(path: Path) -> list[str]:
    with pytest.raises(InventoryError) as caught:
        ensure(path)
    return [str(problem) for problem in caught.value.problems]


def test_each_site_is_a_topology_of_its_own(two: Topology) -> None:
    east, west = two.sites
    assert (east.name, west.name) == ("two east", "two west")
    assert [host.name for host in west.hosts] == ["west-mq1", "west-mq2", "west-lb1"]
    assert (east.cluster_name, west.cluster_name) == ("two-east", "two-west")
    assert (str(east.virtual_address), str(west.virtual_address)) == (f"{EAST}9", f"{WEST}9")
    assert two.clusters == two.sites
    assert west.sites == (west,)


def test_what_belongs_to_one_cluster_cannot_be_asked_of_two(two: Topology) -> None:
    with pytest.raises(ValueError, match="two has 2 sites"):
        _ = two.objects
    with pytest.raises(ValueError, match="two has 2 sites"):
        _ = two.virtual_address


def test_a_site_knows_nothing_of_the_other_one(two: Topology) -> None:
    for bundle in render(two).values():
        other = "west" if bundle.host.startswith("east") else "east"
        assert not [spec.path for spec in bundle.files if f"{other}-" in spec.content.get_secret_value()]


def test_brokers_of_a_warren_are_clusters_of_their_own(tmp_path: Path) -> None:
    two = ensure(inventory(tmp_path / "two", east={"rabbitmq_clustered": False}))
    assert [(one.cluster_name, [host.name for host in one.brokers]) for one in two.clusters] == [
        ("two-east-east-mq1", ["east-mq1"]),
        ("two-east-east-mq2", ["east-mq2"]),
        ("two-west", ["west-mq1", "west-mq2"]),
    ]
    text = {
        (bundle.host, spec.path): spec.content.get_secret_value()
        for bundle in render(two).values()
        for spec in bundle.files
    }
    assert "classic_config" not in text["east-mq1", "/etc/rabbitmq/rabbitmq.conf"]
    assert "classic_config" in text["west-mq1", "/etc/rabbitmq/rabbitmq.conf"]
    assert "cluster_name = two-east-east-mq2" in text["east-mq2", "/etc/rabbitmq/rabbitmq.conf"]
    assert "east-mq1" in text["east-lb1", "/etc/haproxy/haproxy.cfg"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"west": {"mqctl_site": ""}}, "mqctl_site: must be given for every host or for none"),
        ({"west": {"mqctl_site": "We st"}}, "mqctl_site: "),
        (
            {"west": {"keepalived_virtual_router_id": 10}},
            "west-lb1: keepalived_virtual_router_id: must differ from that of site east: "
            "both virtual addresses lie in 192.0.2.0/24, got 10",
        ),
        (
            {"west": {"keepalived_virtual_address": f"{EAST}9/24"}},
            f"west-lb1: keepalived_virtual_address: must differ from that of site east, got {EAST}9",
        ),
        (
            {"east": {"rabbitmq_cluster_name": "one"}, "west": {"rabbitmq_cluster_name": "one"}},
            "west-mq1: rabbitmq_cluster_name: must differ from that of site east, got one",
        ),
    ],
)
def test_sites_that_do_not_go_together_are_refused(tmp_path: Path, changes: Any, said: str) -> None:
    assert any(said in problem for problem in problems(inventory(tmp_path / "two", **changes)))


def test_one_network_for_a_lab_but_a_release_for_each_site(tmp_path: Path) -> None:
    def lab(image: str, subnet: str) -> dict[str, Any]:
        return {"mqctl_lab": {"image": image, "subnet": subnet}}

    mixed = {"east": lab("bookworm", "192.0.2.0/24"), "west": lab("trixie", "192.0.2.0/24")}
    spec = ensure(inventory(tmp_path / "two", **mixed)).lab
    assert spec is not None
    assert {host.name: spec.release(host) for host in spec.hosts}["west-mq1"] == "trixie"
    assert {host.name: spec.release(host) for host in spec.hosts}["east-lb1"] == "bookworm"
    apart = {"east": lab("bookworm", "192.0.2.0/24"), "west": lab("bookworm", "192.0.2.0/25")}
    assert "west-mq1: mqctl_lab.subnet: must be 192.0.2.0/24 as on east-mq1: a lab has one network" in str(
        problems(inventory(tmp_path / "apart", **apart))
    )


def test_two_brokers_that_stay_apart_have_no_minority(tmp_path: Path) -> None:
    path = inventory(tmp_path / "two", east={"rabbitmq_clustered": False})
    (path / "group_vars" / "all" / "main.yml").write_text("keepalived_interface: eth0\n")
    (problem,) = problems(path)
    stops = "pause_minority stops both brokers of a cluster of two when one is lost"
    assert problem == f"rabbitmq_partition_handling: {stops}"
