"""What a scenario's clients may have to bear, from the timers that are configured; see docs/failover.md."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model import timers
from mqctl.model.objectives import Bound, Metric, Objectives
from mqctl.model.scenario import Expectation, Scenario
from mqctl.model.timers import Term
from mqctl.model.topology import Topology
from mqctl.model.workload import Patience, WorkloadSettings

WORK = Term(0.5, "connection, login and first confirm 0.5")
"""What no timer says: a new leader, an AMQP handshake, one message. Idle machines take a tenth."""
LOOK = Term(0.5, "two looks 0.25")
"""Moves are seen by looking four times a second, at both routers."""
SEEN = Term(2.0, "the fault is seen 2")
"""`hold` begins when the fault was observed."""
BOOT = Term(20.0, "a broker's boot 20")
"""From the lock to the listener, definitions and messages read: 6 to 15 s were seen on two busy cores."""
ALARM = Term(10.0, "alarm check 10")
"""RabbitMQ looks at its disc every 10 s at most (guide "Free Disk Space Alarms"), at memory more often."""
UNTOUCHED = Term(2.0, "nothing breaks where the clients are 2")
"""No client has to connect again, nor a queue to move: what is left is the pause of a busy broker."""

SLACK = 1.5
"""Timers say when a program should act; a busy machine runs it later. A person's own objectives get none."""

_GONE = ("kill-broker", "stop-broker", "rolling-restart")
_SILENT = ("freeze-broker", "cut-from-peers", "cut-one-way", "cut-from-all")
_ALARMS = ("memory-alarm", "disk-alarm")
_GAPS: tuple[Metric, ...] = ("publish_gap", "delivery_gap")


def bounds(
    topology: Topology, scenario: Scenario, settings: WorkloadSettings, patience: Patience
) -> tuple[Bound, ...]:
    """The inventory's objectives, and computed ones for what it does not name and a timer governs."""
    computed = {bound.metric: bound for bound in _computed(topology, scenario, settings, patience)}
    asked = {bound.metric: bound for bound in chosen(topology.objectives, "mqctl_objectives")}
    everything = {**computed, **asked}.values()
    lasting = _lasting(scenario)
    return tuple(bound for bound in everything if bound.metric not in lasting)


def _lasting(scenario: Scenario) -> tuple[Metric, ...]:
    """What lasts as long as the fault, whatever the timers are."""
    if scenario.expect.publishing == "stops":
        return _GAPS
    return ("delivery_gap",) if scenario.clients == "across-a-link" else ()


def chosen(limits: Objectives | Expectation, source: str) -> Iterator[Bound]:
    """What a person set."""
    for metric in Objectives.model_fields:
        limit = getattr(limits, metric, None)
        if limit is not None:
            yield Bound.model_validate({"metric": metric, "limit": limit, "formula": f"{source}.{metric}"})


def _computed(
    topology: Topology, scenario: Scenario, settings: WorkloadSettings, patience: Patience
) -> Iterator[Bound]:
    if scenario.target == "upstream-site":
        yield from _gaps(UNTOUCHED, UNTOUCHED, settings)
        return
    moved = _vip(topology, scenario)
    if moved is not None:
        if scenario.expect.moves == "vip-holder":
            yield _bound("vip_moved", moved + LOOK)
        connect = Term(patience.connect_timeout, f"connect timeout {patience.connect_timeout:g}")
        gone: Term | None = moved + connect
    else:
        gone = _brokers(topology, scenario, patience)
    if gone is None:
        return
    gap = gone + Term(patience.reconnect[1], f"reconnect {patience.reconnect[1]:g}") + WORK
    yield from _gaps(gap, gap + Term(patience.silence, f"keepalive {patience.silence:g}"), settings)


def _gaps(publish: Term, delivery: Term, settings: WorkloadSettings) -> Iterator[Bound]:
    yield _bound("publish_gap", publish)
    if settings.consume == "throughout":
        yield _bound("delivery_gap", delivery)


def _bound(metric: Metric, term: Term) -> Bound:
    limit = round(SLACK * term.seconds, 3)
    return Bound(metric=metric, limit=limit, formula=f"{SLACK:g} x ({term.formula}) (s)")


def _vip(topology: Topology, scenario: Scenario) -> Term | None:
    """Until the VIP is elsewhere; None: it has no reason to move, or nowhere to go."""
    routers = sorted(
        (host.keepalived for host in topology.routers if host.keepalived), key=lambda r: -r.priority
    )
    if len(routers) < 2 or scenario.target != "vip-holder":
        return None
    holder, backup = routers[0], min(routers[1:], key=lambda router: -router.priority)
    match scenario.fault:
        case "power-off" | "cut-from-all" | "kill-keepalived":
            return timers.master_down(backup)
        case "kill-haproxy" | "lose-haproxy":
            return timers.check_dead(holder) + timers.gives_way(holder, backup)
        case "freeze-haproxy":
            return timers.check_hung(holder) + timers.gives_way(holder, backup)
    return None


def _brokers(topology: Topology, scenario: Scenario, patience: Patience) -> Term | None:
    """Until what is left of the cluster works; None: no timer governs it, e.g. a boot without a majority."""
    fault: str = scenario.fault
    if scenario.target in ("majority", "all", "entrance", "vip-holder") and fault not in (
        "rolling-restart",
        *_ALARMS,
    ):
        return None
    held = Term(scenario.hold, f"hold {scenario.hold:g}") + SEEN
    if topology.shared_dir and (fault in (*_GONE, *_SILENT) or fault == "power-off"):
        return _takeover(topology, patience, held, fault)
    if fault in _GONE:
        return _noticed(topology, patience, silently=False)
    if fault in _ALARMS:
        return held + ALARM
    if fault == "cut-from-clients":
        return timers.shortest(held, _noticed(topology, patience, silently=True))
    if fault in _SILENT or fault == "power-off":
        frozen = fault == "freeze-broker"
        noticed = _noticed(topology, patience, silently=True, frozen=frozen)
        # brokers that stay apart do not wait for each other
        tick = timers.longest(_ticktime(topology), noticed) if topology.site.clustered else noticed
        return tick if fault == "power-off" else timers.shortest(held, tick)
    return None


def _takeover(topology: Topology, patience: Patience, held: Term, fault: str) -> Term:
    """Until the standby of a shared data directory serves: it has the lock, boots, and HAProxy has seen it.

    A process that ends gives the lock back at once; of a host that ends the storage has to notice it. One
    that only hangs keeps it: then the fault's end ends it.
    """
    balancer = next((host.haproxy for host in topology.balancers if host.haproxy), None)
    seen = timers.risen(balancer) if balancer and balancer.check != "none" else Term(0, "no checks 0")
    if fault in _SILENT:
        return held + seen
    settings = next(host.broker.settings for host in topology.brokers if host.broker)
    lease = Term(settings.shared_lease, f"lease {settings.shared_lease:g}")
    up = (lease + BOOT if fault == "power-off" else BOOT) + seen
    return timers.longest(up, _noticed(topology, patience, silently=fault == "power-off"))


def _noticed(topology: Topology, patience: Patience, *, silently: bool, frozen: bool = False) -> Term:
    """Until clients are sent elsewhere. Without checks nobody but the client itself notices; a port that is
    only asked to accept does so on behalf of a frozen process."""
    given_up = Term(patience.confirm_timeout, f"confirm timeout {patience.confirm_timeout:g}")
    balancer = next((host.haproxy for host in topology.balancers if host.haproxy), None)
    if balancer is None or balancer.check == "none" or (frozen and balancer.check == "tcp"):
        return given_up if silently else Term(patience.reconnect[1], f"retry {patience.reconnect[1]:g}")
    if silently:
        return timers.silent(balancer)
    return timers.refused(balancer) + timers.turnaround(balancer)


def _ticktime(topology: Topology) -> Term:
    return timers.longest(
        *(timers.ticktime(host.broker.settings.net_ticktime) for host in topology.brokers if host.broker)
    )
