"""What `mqctl destroy` takes away, and what it leaves."""

from __future__ import annotations

import base64

from mqctl.model.hostsblock import merge, unmerge
from mqctl.plan.removal import DATA, removal
from tests.topologies import SECRETS, mirrored_3node
from tests.unit.plan.hosts import bundles_of, converged, fresh, with_file
from tests.unit.plan.simulator import FRESH, apply

from mqctl.plan import make  # isort: skip

TOPOLOGY = mirrored_3node()
BUNDLES = bundles_of(TOPOLOGY)
DONE = converged(TOPOLOGY, apply(FRESH, make(TOPOLOGY, BUNDLES, fresh(TOPOLOGY)).requests))


def test_every_file_that_mqctl_placed_goes_in_reverse_order_and_units_stop() -> None:
    host = removal(TOPOLOGY, BUNDLES, DONE, [DATA])["hosts"]["mq1"]
    deleted = [file["path"] for file in host["files"] if file["action"] == "delete"]
    placed = [spec.path for spec in BUNDLES["mq1"].files if spec.kind == "file"]
    assert deleted == placed[::-1]
    assert host["units"] == {
        "keepalived": [],
        "haproxy": [],
        "rabbitmq": ["rabbitmq-server.service"],
        "firewall": [],
    }
    assert host["data"] == [DATA]


def test_of_a_shared_file_only_the_block_goes() -> None:
    files = removal(TOPOLOGY, BUNDLES, DONE, [])["hosts"]["lb1"]["files"]
    (hosts,) = [file for file in files if file["path"] == "/etc/hosts"]
    text = base64.b64decode(hosts["content"]).decode()
    assert hosts["action"] == "update"
    assert "mqctl" not in text
    assert "mq2" not in text
    assert "localhost" in text


def test_data_is_kept_unless_it_is_named_and_only_brokers_have_any() -> None:
    assert removal(TOPOLOGY, BUNDLES, DONE, [])["hosts"]["mq1"]["data"] == []
    assert removal(TOPOLOGY, BUNDLES, DONE, [DATA])["hosts"]["lb1"]["data"] == []


def test_nothing_is_removed_where_nothing_is() -> None:
    gone = removal(TOPOLOGY, BUNDLES, fresh(TOPOLOGY), [DATA])
    assert all(
        file["path"] != "/etc/haproxy/haproxy.cfg"
        for host in gone["hosts"].values()
        for file in host["files"]
    )
    assert gone["hosts"]["mq1"]["units"]["rabbitmq"] == []


def test_a_file_that_is_gone_already_is_left_out() -> None:
    status = with_file(DONE, "lb1", "/etc/haproxy/haproxy.cfg", exists=False)
    files = removal(TOPOLOGY, BUNDLES, status, [])["hosts"]["lb1"]["files"]
    assert "/etc/haproxy/haproxy.cfg" not in [file["path"] for file in files]


def test_the_document_has_no_secret() -> None:
    text = repr(removal(TOPOLOGY, BUNDLES, DONE, [DATA]))
    assert not [secret for secret in SECRETS if secret in text]


BLOCK = "10.0.0.1 mq1\n10.0.0.2 mq2\n"


def test_what_was_around_the_block_comes_back() -> None:
    before = "127.0.0.1 localhost\n10.0.0.1 mq1\n# theirs\n"
    assert unmerge(merge(before, BLOCK), "mq1") == before


def test_the_hosts_own_name_still_resolves_afterwards() -> None:
    merged = merge("127.0.0.1 localhost\n127.0.1.1 mq1\n", BLOCK)
    assert unmerge(merged, "mq1") == "127.0.0.1 localhost\n127.0.1.1 mq1\n"
    assert unmerge(merge("", BLOCK), "mq1") == "127.0.1.1 mq1\n"
