"""What kind of queue a topology's applications have: that is what its failover test should use."""

from __future__ import annotations

from mqctl.model.topology import Topology
from mqctl.model.words import QueueType

_VHOST = "/"
"""Where the test's queues are."""


def queue_type(topology: Topology) -> QueueType:
    """quorum where the vhost's default or every declared queue says so; plain where nothing copies queues;
    else classic: where a policy mirrors, or brokers stand apart. Of several sites the first one's."""
    site = topology.sites[0].site
    if _quorum(topology.sites[0]):
        return "quorum"
    policies = [policy for policy in site.objects.policies if policy.vhost == _VHOST]
    mirrored = any("ha-mode" in policy.definition for policy in policies)
    return "classic" if mirrored or not site.clustered else "plain"


def _quorum(site: Topology) -> bool:
    default = any(
        vhost.name == _VHOST and vhost.default_queue_type == "quorum" for vhost in site.objects.vhosts
    )
    types = {queue.arguments.get("x-queue-type") for queue in site.objects.queues if queue.vhost == _VHOST}
    return default or types == {"quorum"}
