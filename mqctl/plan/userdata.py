"""Whether a broker holds anything that a fresh one does not have."""

from __future__ import annotations

from mqctl.model.status import BrokerStatus

_DEFAULTS = {"vhosts": {"/"}, "users": {"guest"}}
"""What the first boot makes (RabbitMQ guide "Access Control": default virtual host and user)."""
_OTHERS = ("queues", "exchanges", "bindings", "policies", "parameters")


def has_user_data(broker: BrokerStatus) -> bool:
    """Whether a reset would erase something; yes when the broker did not tell what it holds."""
    if broker.queues or broker.definitions is None:
        return True
    definitions = broker.definitions
    if any(definitions.get(key) for key in _OTHERS):
        return True
    return any(
        {item.get("name") for item in definitions.get(key, [])} - known for key, known in _DEFAULTS.items()
    )
