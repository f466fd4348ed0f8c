"""Every fault on real containers: its effect is seen on the system, and `mqctl heal` undoes it afterwards."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from mqctl import lab
from mqctl.errors import MqctlError
from mqctl.faults import packets
from mqctl.gates.wait import wait
from mqctl.model.scenario import Expectation, FaultName, NamedNode, Scenario
from mqctl.model.topology import Topology
from mqctl.model.verdict import Verdict
from mqctl.model.workload import WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.verdict.judge import judge
from mqctl.workflows import failover_test as workflow
from mqctl.workflows.damage import at_once
from mqctl.workflows.heal import heal, wake
from mqctl.workflows.stage import Stage, shell
from mqctl.workload import journal
from tests.lab.failover import findings, holders, quiet

pytestmark = pytest.mark.lab

SETTINGS = WorkloadSettings(duration=10)
TICK = 8
"""Seconds of net_ticktime while a partition is tried: a silent peer is down after 6 to 10."""
_RULES = (
    "iptables -w -S 2>/dev/null | grep MQCTL; command -v nft >/dev/null && nft list ruleset | grep mqctl; :"
)


@contextmanager
def on_stage(topology: Topology, path: Path) -> Iterator[Stage]:
    with Hosts.of(topology, 3) as hosts, Hosts.of(topology, 3) as watchers:
        yield Stage(topology, "faults", path, hosts, watchers)


@pytest.fixture
def stage(deployed: Topology, tmp_path: Path) -> Iterator[Stage]:
    """The deployed cluster; whatever a test breaks is healed, and healthy in the end."""
    with on_stage(deployed, tmp_path) as made:
        wait(lambda: not made.problem(), timeout=120, interval=1, what="health before the test")
        yield made
        heal(made)
        wake(made)
        wait(lambda: not made.problem(), timeout=240, interval=1, what="health after the test")


def ask(stage: Stage, host: str, script: str) -> str:
    return shell(stage.hosts, host, script, 60).strip()


BROKERS = ("mq1", "mq2", "mq3")
ROUTERS = ("lb1", "lb2")
HOLDER = ("the router that holds the VIP",)
"""Which one that is, is asked when its turn comes."""
WHERE: dict[FaultName, tuple[str, ...]] = {
    "kill-broker": ("mq2",),
    "stop-broker": ("mq2",),
    "freeze-broker": ("mq2",),
    "memory-alarm": ("mq2",),
    "disk-alarm": ("mq3",),
    "cut-from-peers": ("mq2",),
    "cut-one-way": ("mq2",),
    "cut-from-clients": ("mq2",),
    "cut-from-all": ("mq3",),
    "rolling-restart": BROKERS,
    "power-off": ("mq3", "lb1"),
    "kill-haproxy": HOLDER,
    "lose-haproxy": HOLDER,
    "freeze-haproxy": HOLDER,
    "kill-keepalived": HOLDER,
    "cut-vrrp": ROUTERS,
    "reload-configuration": ROUTERS,
}
LASTING = {*WHERE} - {
    "kill-broker",
    "kill-haproxy",
    "kill-keepalived",
    "rolling-restart",
    "reload-configuration",
}
"""Faults that are there until they are healed; the others are over at once, and systemd repairs."""


OF_LINKS = {"cut-sites"}
"""They need two sites, which this cluster has not: test_shovels.py tries them."""


def where(stage: Stage, name: FaultName) -> tuple[str, ...]:
    if WHERE[name] != HOLDER:
        return WHERE[name]
    (holder,) = holders(stage.hosts, stage.topology)
    return (holder,)


def test_no_fault_is_left_out() -> None:
    assert {*WHERE} | OF_LINKS == {*get_args(FaultName)}


@pytest.mark.parametrize("name", WHERE)
def test_a_fault_is_seen_and_healed_by_a_stranger(stage: Stage, tmp_path: Path, name: FaultName) -> None:
    """Healed by `mqctl heal` from the list on disc alone, as after a SIGKILL of the test."""
    group = where(stage, name)
    faults = stage.faults(name, group, hold=30)
    assert {host: fault.evidence() for host, fault in faults.items() if name in LASTING} == (
        dict.fromkeys(faults) if name in LASTING else {}
    )
    for host in faults:
        stage.broken.add(name, host)
    at_once([fault.inject for fault in faults.values()])
    for host, fault in faults.items():
        wait(lambda fault=fault: fault.evidence() is not None, timeout=30, what=f"{name} of {host}")  # type: ignore[misc]
    healed = workflow.heal_all(stage.topology)
    assert [line.partition(",")[0] for line in healed] == [f"{name} of {host}" for host in faults]
    assert stage.broken.read() == ()
    # A router that preempts may still take the VIP back.
    wait(lambda: not stage.problem(), timeout=60, interval=1, what="health to stay")
    wait(lambda: len(holders(stage.hosts, stage.topology)) == 1, timeout=30, what="one holder of the VIP")
    if name in LASTING:
        assert {host: fault.evidence() for host, fault in faults.items()} == dict.fromkeys(faults)
    if stage.reach.network:
        assert "".join(stage.reach.network(host.name, _RULES, 10) for host in stage.topology.hosts) == ""


def test_heal_wakes_a_broker_whose_rabbitmq_stays_down(stage: Stage) -> None:
    """As RabbitMQ 3.10.8 may do after a pause: Erlang runs, so systemd sees nothing wrong."""
    ask(stage, "mq3", "rabbitmqctl --quiet stop_app && systemctl is-active rabbitmq-server")
    assert workflow.heal_all(stage.topology) == ("rabbitmq-server of mq3, whose RabbitMQ stayed down",)
    wait(lambda: not stage.problem(), timeout=120, interval=1, what="health after waking")


def test_a_fault_without_its_effect_has_no_evidence(stage: Stage) -> None:
    """Nothing was injected: nobody may find evidence on a healthy cluster."""
    for name in sorted(LASTING):
        for host, fault in stage.faults(name, where(stage, name)).items():
            assert fault.evidence() is None, (name, host)


@pytest.mark.parametrize("name", ["cut-from-peers", "cut-from-clients", "cut-from-all", "cut-one-way"])
def test_real_hosts_are_cut_over_ssh_and_still_reached(stage: Stage, name: FaultName) -> None:
    stage.reach = replace(stage.reach, network=None, power=None)
    (fault,) = stage.faults(name, ("mq2",), hold=30).values()
    stage.broken.add(name, "mq2")
    fault.inject()
    wait(lambda: fault.evidence() is not None, timeout=30, what=name)
    assert packets.TABLE in ask(stage, "mq2", "nft list tables")
    assert ask(stage, "mq2", f"systemctl is-active {packets.TIMER}.timer") == "active"
    with on_stage(stage.topology, stage.histories) as other:
        assert ask(other, "mq2", "echo in") == "in"
    heal(stage)
    assert packets.TABLE not in ask(stage, "mq2", "nft list tables")
    assert ask(stage, "mq2", f"systemctl is-active {packets.TIMER}.timer || :") == "inactive"


def test_a_real_host_heals_itself_when_mqctl_is_gone(stage: Stage) -> None:
    stage.reach = replace(stage.reach, network=None, power=None)
    script = packets.deadman(3) + packets.apply([packets.Rule("in", protocol="tcp", port=5672)])
    began = time.monotonic()
    ask(stage, "mq2", script)
    assert packets.TABLE in ask(stage, "mq2", "nft list tables")
    wait(
        lambda: packets.TABLE not in ask(stage, "mq2", "nft list tables"),
        timeout=30,
        what="the host's own healing",
    )
    assert time.monotonic() - began >= 2


@pytest.fixture
def without_nft(stage: Stage) -> Iterator[str]:
    """A host as real ones may be: mqctl installs nftables only where it manages the firewall."""
    ask(stage, "mq3", "mv /usr/sbin/nft /usr/sbin/nft.hidden")
    yield "mq3"
    ask(stage, "mq3", "mv /usr/sbin/nft.hidden /usr/sbin/nft")


def test_a_host_without_a_packet_filter_says_so(stage: Stage, without_nft: str) -> None:
    stage.reach = replace(stage.reach, network=None)
    (fault,) = stage.faults("cut-from-clients", (without_nft,)).values()
    with pytest.raises(MqctlError, match="neither nft nor iptables is installed"):
        fault.inject()
    fault.heal()


def play(stage: Stage, scenario: Scenario) -> Verdict:
    return judge(journal.read(workflow.Run(stage, scenario, SETTINGS, quiet).play()))


def test_a_split_brain_of_the_vip_is_made_and_found_out(stage: Stage, tmp_path: Path) -> None:
    choice = workflow.Choice(("split-vip",))
    (verdict,) = workflow.failover_test(stage.topology, SETTINGS, choice, tmp_path, quiet).verdicts
    assert findings(verdict)["vip.holders"] == "fail"
    assert verdict.effects.several_holders > 2
    assert (verdict.outcome, verdict.as_expected) == ("fail", "pass")


def _on_all(stage: Stage, expression: str) -> None:
    for host in BROKERS:
        ask(stage, host, f"rabbitmqctl -q eval '{expression}'")


_GIVE_UP = (
    f"[inet:setopts(P, [{{raw, 6, 18, <<{1500 * TICK}:32/native>>}}]) || "
    'P <- erlang:ports(), erlang:port_info(P, name) == {name, "tcp_inet"}].'
)
"""TCP_USER_TIMEOUT (tcp(7)) of every connection that is there: later than a tick, before the cut is healed.

Without it a dead connection between brokers lives on while it has something to send, and RabbitMQ 3.10 does
not start again after its pause when it has two connections to one peer (see mqctl.workflows.heal.wake).
"""


@contextmanager
def ticking(stage: Stage) -> Iterator[None]:
    """Brokers that notice a silent peer within seconds; a restart forgets it."""
    _on_all(stage, f"net_kernel:set_net_ticktime({TICK}, 0).")
    _on_all(stage, _GIVE_UP)
    try:
        yield
    finally:
        _on_all(stage, "net_kernel:set_net_ticktime(60, 0).")


CUT = Scenario(
    name="cut-leader", title="a partition", fault="cut-from-peers", target="queue-leader", hold=2.5 * TICK,
    expect=Expectation(moves="queue-leader"),
)  # fmt: skip


def test_a_partition_is_made_and_the_minority_pauses(stage: Stage) -> None:
    with ticking(stage):
        verdict = play(stage, CUT)
    found = findings(verdict)
    if found["cluster.recovered"] == "fail":
        # RabbitMQ 3.10.8 may not come back from its pause: the verdict says so, and `mqctl heal` wakes it.
        host = verdict.effects.host
        assert wake(stage, patience=0) == (f"rabbitmq-server of {host}, whose RabbitMQ stayed down",)
        assert ask(stage, host, "grep -c 'awaiting recovery' /var/log/rabbitmq/rabbit@*.log") != "0"
        del found["cluster.recovered"]
    assert found == dict.fromkeys(found, "pass")
    assert verdict.messages.lost == 0
    assert verdict.effects.node_gone is not None


def test_a_partition_that_nobody_handles_is_found_out(stage: Stage) -> None:
    """`ignore`: both sides go on, and the cluster stays divided after the cut is healed."""
    _on_all(stage, "application:set_env(rabbit, cluster_partition_handling, ignore).")
    minority = NamedNode(node="mq2")
    try:
        with ticking(stage):
            (fault,) = stage.faults("cut-from-peers", (minority.node,)).values()
            stage.broken.add("cut-from-peers", minority.node)
            fault.inject()
            divided: Callable[[], bool] = partial(_is_divided, stage)
            wait(divided, timeout=5 * TICK, interval=1, what="brokers that miss each other")
            fault.heal()
            stage.broken.remove("cut-from-peers", minority.node)
            wait(lambda: _says_no(stage, "partitions"), timeout=60, interval=1, what="the gate's refusal")
            with pytest.raises(MqctlError, match="the cluster is not known to be healthy"):
                workflow.failover_test(stage.topology, SETTINGS, workflow.Choice(), stage.histories, quiet)
    finally:
        ask(stage, minority.node, "systemctl restart rabbitmq-server")
        for host in BROKERS:
            setting = "application:set_env(rabbit, cluster_partition_handling, pause_minority)."
            ask(stage, host, f"rabbitmqctl -q await_startup && rabbitmqctl -q eval '{setting}'")


def _is_divided(stage: Stage) -> bool:
    """All run, one on its own and two together: nobody believes any more that they are three."""
    script = "rabbitmqctl -q eval 'length(rabbit_mnesia:cluster_nodes(running)).'"
    return sorted(ask(stage, host, script) for host in BROKERS) == ["1", "2", "2"]


def _says_no(stage: Stage, gate: str) -> bool:
    return any(result.gate == gate and result.outcome == "fail" for result in stage.gates())


def test_the_lab_has_the_networks_of_its_hosts_only(stage: Stage) -> None:
    assert stage.topology.lab is not None
    with pytest.raises(MqctlError, match="has no host mq9"):
        lab.host_pid(stage.topology.lab.name, "mq9")
    assert stage.reach.network is not None
    with pytest.raises(MqctlError, match="network of lab host mq1: no"):
        stage.reach.network("mq1", "echo no >&2; exit 1", 10)
