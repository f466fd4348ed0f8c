"""Brokers that share one data directory: who is started on it, and what must be true of it before."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from mqctl.model.changes import MembershipChange
from mqctl.model.status import ClusterStatus, HostStatus
from mqctl.model.topology import Topology
from mqctl.plan.membership import Membership, Seen, hung, see
from mqctl.plan.refusal import Refusal

LOCAL = ("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "vfat", "tmpfs", "overlay")
"""File systems whose locks end at the host that mounts them: on a disk that two hosts see they keep nobody
out, and two such mounts of it destroy each other."""


def plan_shared(
    topology: Topology, status: ClusterStatus, hosts: Collection[str], locked_out: Collection[str] = ()
) -> Membership:
    """What the brokers among `hosts` need so that one of them runs and the others wait.

    Those `locked_out` do not answer because of their cookie files, which this very plan puts right.
    """
    brokers = [see(topology, status, host.name) for host in topology.brokers]
    serving = [seen for seen in brokers if seen.running]
    changes = list(_changes(brokers, hosts))
    refusals = [
        *_directories(topology, status, hosts),
        *(hung(seen) for seen in brokers if seen.hung and seen.host not in locked_out),
        *_two(topology, serving),
        *_cannot_found(brokers, changes),
    ]
    return Membership(tuple(changes), tuple(refusals), (), tuple(serving))


def _changes(brokers: Sequence[Seen], hosts: Collection[str]) -> Iterator[MembershipChange]:
    """On an empty directory the first one makes the database, alone; after that the lock decides."""
    alive = any(seen.running or seen.hung or seen.waits for seen in brokers)
    fresh = not alive and all(seen.blank for seen in brokers if seen.status)
    idle = [seen for seen in brokers if seen.status and not (seen.running or seen.hung or seen.waits)]
    for number, seen in enumerate(one for one in idle if one.host in hosts):
        action = "found" if fresh and number == 0 else "stand-by"
        yield MembershipChange.model_validate({"host": seen.host, "node": seen.node, "action": action})


def _cannot_found(brokers: Sequence[Seen], changes: Sequence[MembershipChange]) -> list[Refusal]:
    silent = [seen.host for seen in brokers if seen.status is None]
    if not silent or not any(change.action == "found" for change in changes):
        return []
    return [
        Refusal(
            f"cannot tell whether the data directory is in use: {', '.join(silent)} did not answer",
            "an empty data directory is filled only when every broker was asked",
        )
    ]


def _two(topology: Topology, serving: Sequence[Seen]) -> list[Refusal]:
    if len(serving) < 2:
        return []
    return [
        Refusal(
            f"{' and '.join(seen.host for seen in serving)} both run on {topology.shared_dir}: "
            "their writes destroy each other's",
            "stop rabbitmq-server on all but one of them at once, then find out why the lock let two in",
        )
    ]


def _directories(topology: Topology, status: ClusterStatus, hosts: Collection[str]) -> Iterator[Refusal]:
    answers = [answer for host in topology.brokers if (answer := status.host(host.name)) and answer.answered]
    for answer in answers:
        if answer.host in hosts:
            yield from _directory(topology, answer)
    locks = {answer.host: answer.shared.identity for answer in answers if answer.shared}
    if len({lock for lock in locks.values() if lock}) > 1:
        names = " and ".join(name for name, lock in locks.items() if lock)
        yield Refusal(
            f"{topology.shared_dir} is not the same directory on {names}",
            "mount the same storage on all of them",
        )


def _directory(topology: Topology, answer: HostStatus) -> Iterator[Refusal]:
    """What would end in a broker that does not start, or in two that do."""
    where, seen = f"{answer.host}: {topology.shared_dir}", answer.shared
    mount = "mount the shared storage there, on every broker's host"
    if topology.lab is not None:
        mount = f"the lab was made without it: mqctl lab down {topology.inventory}, then deploy again"
    if seen is None:
        yield Refusal(f"{where} could not be looked at", "run mqctl status for the reason")
    elif not seen.exists:
        yield Refusal(f"{where} does not exist", mount)
    elif not seen.mounted:
        yield Refusal(f"{where} is not a mount point, so nobody shares it", mount)
    elif topology.lab is None and seen.filesystem in LOCAL:
        hint = "use a file system whose locks hold between hosts: NFSv4, GFS2, OCFS2 or CephFS"
        yield Refusal(f"{where} is {seen.filesystem}, whose locks end at the host", hint)
    elif seen.writable is False:
        yield Refusal(f"{where} is not writable by user rabbitmq", "chown rabbitmq: it, on the storage")
