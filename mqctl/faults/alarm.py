"""Resource alarms: one broker that is short of memory or disk blocks every publisher of the cluster.

RabbitMQ guides "Memory and Disk Alarms": the limit is moved, not the resource used up, so that the host's
other services are left alone; what brokers and publishers do is the same.
"""

from __future__ import annotations

from typing import Literal

from mqctl.faults.base import Reach
from mqctl.faults.process import BROKER, start

Resource = Literal["memory", "disk"]

_TIMEOUT = 45.0
"""Seconds: rabbitmqctl starts an Erlang VM, and a host under load takes its time."""
_RAISE: dict[Resource, str] = {
    "memory": "rabbitmqctl --quiet set_vm_memory_high_watermark 0.00001",
    "disk": "rabbitmqctl --quiet set_disk_free_limit 1000000000000000",
}
_CLEAR: dict[Resource, str] = {
    "memory": "{ok, Limit} = application:get_env(rabbit, vm_memory_high_watermark), "
    "vm_memory_monitor:set_vm_memory_high_watermark(Limit).",
    "disk": "{ok, Limit} = application:get_env(rabbit, disk_free_limit), "
    "rabbit_disk_monitor:set_disk_free_limit(Limit).",
}
"""Back to what the broker's configuration says, which both commands above leave as it is."""


class Alarm:
    """A broker whose limit is below what it uses already."""

    def __init__(self, reach: Reach, host: str, resource: Resource) -> None:
        self._reach = reach
        self._host = host
        self._resource = resource

    def inject(self) -> None:
        """Moves the limit of the running broker; a restart forgets it."""
        self._reach.shell(self._host, _RAISE[self._resource], _TIMEOUT)

    def evidence(self) -> str | None:
        """The broker lists the alarm as its own."""
        script = "rabbitmqctl --quiet eval 'rabbit_alarm:get_local_alarms().'"
        said = self._reach.shell(self._host, script, _TIMEOUT)
        if self._resource not in said:
            return None
        return f"{self._host} reports its {self._resource} alarm: {' '.join(said.split())}"

    def heal(self) -> None:
        """The configured limit again; a broker that does not run reads it when it starts."""
        script = (
            f"if systemctl is-active --quiet {BROKER}; then "
            f"rabbitmqctl --quiet eval '{_CLEAR[self._resource]}'; else {start(BROKER)}; fi"
        )
        self._reach.shell(self._host, script, _TIMEOUT)
