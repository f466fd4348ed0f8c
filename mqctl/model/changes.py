"""What a plan consists of: each change as data, printable without secrets."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, SecretStr

from mqctl.model.base import Model
from mqctl.model.bundle import FileSpec
from mqctl.model.rabbitmq import NodeType

ObjectKind = Literal[
    "vhost",
    "user",
    "permission",
    "policy",
    "exchange",
    "queue",
    "binding",
    "federation-upstream",
    "federation-upstream-set",
    "shovel",
]
"""In the order in which objects need each other."""


class FileChange(Model):
    """A file to place or remove; `diff` is a unified diff with secrets masked, empty for secret files."""

    host: str
    path: str
    action: Literal["create", "update", "attributes", "delete"]
    diff: str = ""
    spec: FileSpec
    """With the whole content to place (a block already merged into the live text)."""


class PackageChange(Model):
    """A package to install."""

    host: str
    package: str
    candidate: str | None


class ServiceChange(Model):
    """What is done to a unit, and why."""

    host: str
    unit: str
    action: Literal["enable", "start", "restart", "reload", "stop"]
    reason: str


class MembershipChange(Model):
    """A broker that founds the cluster, joins it, or waits for its turn."""

    host: str
    node: str
    action: Literal["found", "join", "rejoin", "start", "retype", "stand-by"]
    """found: starts a cluster; join: blank, becomes a member with `peer`; start: is a member already.

    rejoin: runs as an empty cluster of its own, is reset and becomes a member with `peer`. retype: runs as a
    member, and becomes a node of `node_type`. stand-by: is started, and serves or waits
    for the data directory that another host's broker has.
    """
    peer: str | None = None
    node_type: NodeType | None = None


class Stranger(Model):
    """A member of a running cluster that the inventory does not name: most likely it was removed there."""

    node: str
    cluster: str
    """The cluster's name."""
    running: bool
    ask: str
    """The host of a running member that the inventory names."""


class Request(Model):
    """One call to the management API; bodies may carry password hashes, so they are SecretStr."""

    method: Literal["PUT", "POST", "DELETE"]
    path: str
    """Below /api, percent-encoded."""
    body: SecretStr | None = None
    """A JSON document."""
    binding: dict[str, Any] | None = None
    """Only to DELETE a binding: GET `path`, find the entry that has these `routing_key` and `arguments`, and
    DELETE `path`/(its `properties_key`, percent-encoded once more). The key of a binding with arguments is a
    hash of Erlang's (rabbit_mgmt_format:pack_binding_props), so it is asked for, not computed."""
    absent: bool = False
    """The plan saw no such object: one that is there by now was made since, as federation links and shovels
    make the queues that they do not find, with the arguments of the other end."""


class ObjectChange(Model):
    """An object to create, change, replace (immutable properties) or remove."""

    kind: ObjectKind
    vhost: str | None
    name: str
    action: Literal["create", "update", "replace", "delete"]
    before: dict[str, Any] = Field(default_factory=dict)
    after: dict[str, Any] = Field(default_factory=dict)
    """Only what differs; secrets as ********."""
    requests: tuple[Request, ...]


class ClusterChanges(Model):
    """What one cluster's objects need."""

    cluster: str
    """The cluster's name."""
    hosts: tuple[str, ...]
    """The brokers that can make the calls."""
    objects: tuple[ObjectChange, ...] = ()
    ledger_before: Request | None = None
    """Writes down in the cluster which objects mqctl is about to make, before it makes them."""
    ledger_after: Request | None = None
    """Strikes from that list what was removed, afterwards."""
    requests: tuple[Request, ...] = ()
    """Every call to the management API that the objects and the ledger need, in order."""


class Plan(Model):
    """Everything that would be done. Empty: the hosts are as the inventory wants them."""

    topology: str
    files: tuple[FileChange, ...] = ()
    packages: tuple[PackageChange, ...] = ()
    services: tuple[ServiceChange, ...] = ()
    membership: tuple[MembershipChange, ...] = ()
    clusters: tuple[ClusterChanges, ...] = ()
    """Only those whose objects or ledger change."""
    strangers: tuple[Stranger, ...] = ()
    """No changes: mqctl removes no member, and goes on beside one only when it is told to."""
    notes: tuple[str, ...] = ()
    """What a reader should know and mqctl leaves alone; no changes."""

    @property
    def empty(self) -> bool:
        """Nothing to do."""
        return not (self.files or self.packages or self.services or self.membership or self.clusters)

    @property
    def objects(self) -> tuple[ObjectChange, ...]:
        """The objects that change in any cluster."""
        return tuple(change for cluster in self.clusters for change in cluster.objects)

    @property
    def requests(self) -> tuple[Request, ...]:
        """Every call to the management API of any cluster, in order."""
        return tuple(request for cluster in self.clusters for request in cluster.requests)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The hosts that would be touched, sorted."""
        return tuple(
            sorted(
                {change.host for change in self.files}
                | {change.host for change in self.packages}
                | {change.host for change in self.services}
                | {change.host for change in self.membership}
            )
        )
