"""A scenario of the failover test: what is broken, where, for how long, and what must hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, StringConstraints, field_validator, model_validator

from mqctl.model.base import Line, Model, Seconds
from mqctl.model.workload import WorkloadSettings

BrokerFault = Literal[
    "kill-broker", "stop-broker", "freeze-broker", "memory-alarm", "disk-alarm",
    "cut-from-peers", "cut-one-way", "cut-from-clients", "rolling-restart",
]  # fmt: skip
EntranceFault = Literal[
    "kill-haproxy", "lose-haproxy", "freeze-haproxy", "kill-keepalived", "cut-vrrp", "reload-configuration"
]
HostFault = Literal["power-off", "cut-from-all", "cut-sites"]
FaultName = Literal[BrokerFault, EntranceFault, HostFault]

BrokerRole = Literal[
    "queue-leader", "mirror", "active-broker", "ram-and-disc-node",
    "every-node", "minority", "majority", "all",
]  # fmt: skip
"""mirror: a synchronised one of the test queue; active-broker: the one of a warren that has the clients;
ram-and-disc-node: the RAM node that leads the test queue, and the first disc node; every-node: each broker in
turn; others: at the same time."""
EntranceRole = Literal["vip-holder", "entrance"]
"""entrance: every load balancer and router at the same time."""
HostRole = Literal["every-host"]
"""every-host: each host in turn, whatever runs on it."""
SiteRole = Literal["upstream-site"]
"""upstream-site: every host of the site that a link brings messages from, at the same time."""
TargetRole = Literal[BrokerRole, EntranceRole, HostRole, SiteRole]
MovingRole = Literal["queue-leader", "active-broker", "vip-holder"]

_NOT_OF_ALL: tuple[FaultName, ...] = ("cut-from-peers", "cut-one-way")


class NamedNode(Model):
    """One host, by its inventory name."""

    node: Line

    def __str__(self) -> str:
        return self.node


def _known_role(value: object) -> object:
    """One sentence for a role that does not exist, instead of one for each kind of target."""
    if isinstance(value, str) and value not in get_args(TargetRole):
        raise ValueError(f"{value} is no role: they are {', '.join(get_args(TargetRole))}, or a node")
    if not isinstance(value, str | NamedNode) and not (isinstance(value, dict) and [*value] == ["node"]):
        raise ValueError("a target is a role, or a mapping with the one key node")
    return value


Target = Annotated[TargetRole | NamedNode, BeforeValidator(_known_role)]


class Expectation(Model):
    """Limits beyond the ones that always hold (nothing confirmed is lost, nothing foreign is delivered)."""

    publish_gap: Seconds | None = None
    """Longest time in s in which a publisher may go without a confirm."""
    delivery_gap: Seconds | None = None
    """Longest time in s in which a consumer may go without a delivery."""
    moves: MovingRole | None = None
    """The role that must be seen on another host while the fault lasts."""
    vip_after: Literal["as-configured", "returns", "stays"] | None = None
    """Where the VIP must be in the end: back on the router that had it, or where it went. As configured: back
    if that router has the highest priority and preempts (keepalived.conf(5), `nopreempt`), else not."""
    publishing: Literal["goes-on", "stops"] = "goes-on"
    """stops: nothing may be confirmed from when the fault shows until it is healed, because the queue is gone
    as long as its broker is, which no timer governs. Nothing confirmed may be lost all the same."""
    broker_after: Literal["as-configured", "returns", "stays"] | None = None
    """Where the clients of a warren must be in the end: back on their broker, or where they went."""
    backlog: Literal["delivered-meanwhile"] | None = None
    """What was confirmed before the fault must be delivered before it is healed: another broker has the same
    messages."""
    verdict: Literal["pass", "fail"] = "pass"
    """fail: a control, an unsafe set-up that this test must find out."""
    because: tuple[str, ...] = ()
    """Of a control: the gates that must fail, so that it fails for its own reason."""


class Scenario(Model):
    """One scenario file."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")]
    title: Line
    fault: FaultName
    target: Target
    hold: Annotated[float, Field(ge=0, le=3600)] = 5
    """Seconds from the fault's effect until it is healed."""
    run: Literal["by-default", "with-all", "by-name"] = "with-all"
    """Without any option, with `--all`, or only when asked for by name."""
    expect: Expectation = Expectation()
    clients: Literal["at-one-site", "across-a-link", "beside-a-link"] = "at-one-site"
    """across-a-link: published at the upstream site, consumed at the downstream one; beside-a-link: both at
    the downstream one."""
    workload: Mapping[str, Any] = Field(default_factory=dict)
    """What this scenario needs of the clients, whatever the person chose."""

    @field_validator("workload")
    @classmethod
    def _known(cls, workload: Mapping[str, Any]) -> Mapping[str, Any]:
        """Raises ValidationError for what is no setting of a workload."""
        checked = WorkloadSettings.model_validate(workload)
        return {name: getattr(checked, name) for name in workload}

    def settings(self, chosen: WorkloadSettings) -> WorkloadSettings:
        """The person's choice, with what this scenario needs."""
        return chosen.model_copy(update=dict(self.workload))

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        """Raises ValueError for a fault at a place where it cannot happen."""
        kind, roles = _allowed(self.fault)
        if not isinstance(self.target, NamedNode) and self.target not in roles:
            raise ValueError(f"{self.fault} happens to {kind}: its target is {', '.join(roles)} or a node")
        if self.fault in _NOT_OF_ALL and self.target == "all":
            raise ValueError(f"{self.fault} of all brokers leaves nobody to cut them from")
        if (self.target == "upstream-site") != (self.clients != "at-one-site"):
            raise ValueError("upstream-site and clients across-a-link or beside-a-link go together")
        if self.fault == "cut-sites" and self.target != "upstream-site":
            raise ValueError("cut-sites is between two sites: its target is upstream-site")
        if self.fault == "rolling-restart" and self.target != "all":
            raise ValueError("rolling-restart is of all brokers: its target is all")
        return self


def _allowed(fault: FaultName) -> tuple[str, tuple[str, ...]]:
    """What a fault happens to, and the roles that such hosts can have."""
    brokers, entrance = get_args(BrokerRole), get_args(EntranceRole)
    if fault in get_args(BrokerFault):
        return "brokers", brokers
    if fault in get_args(EntranceFault):
        return "the entrance", entrance
    return "hosts", (*brokers, *entrance, *get_args(HostRole), *get_args(SiteRole))
