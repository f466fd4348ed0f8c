"""The management API of a cluster, as its administrator."""

from __future__ import annotations

from pydantic import SecretStr

from mqctl.errors import UsageError
from mqctl.model.tls import MANAGEMENT
from mqctl.model.topology import Topology
from mqctl.model.workload import Endpoint
from mqctl.workload.api import Api


def management(cluster: Topology) -> Api:
    """Of whichever broker answers, for one thread. Raises UsageError when the password is not known."""
    brokers = [host.broker for host in cluster.brokers if host.broker]
    if not brokers:
        raise UsageError(f"{cluster.name} has no brokers", "put hosts into the group rabbitmq")
    user = brokers[0].settings.admin_user
    endpoints = [
        Endpoint(
            host=str(broker.address), port=MANAGEMENT if cluster.tls else broker.settings.management_port
        )
        for broker in brokers
    ]
    return Api(endpoints, user, password(cluster, user), cluster.tls.authorities if cluster.tls else "")


def password(cluster: Topology, user: str) -> SecretStr:
    """A declared user's; UsageError when only its hash is known."""
    for known in cluster.objects.users:
        if known.name == user and known.password:
            return known.password
    raise UsageError(f"the password of user {user} is not known", "give it in rabbitmq_passwords")
