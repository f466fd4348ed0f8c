"""What an operator does while clients work: not a failure, and nobody should notice."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.faults.base import COMMAND, Operator, Place, Reach
from mqctl.faults.process import BROKER, HAPROXY, KEEPALIVED, start


class RollingRestart:
    """Every broker of the group is restarted, one after the other, through the gates that a deploy uses."""

    def __init__(self, reach: Reach, operator: Operator, place: Place) -> None:
        self._reach = reach
        self._operator = operator
        self._hosts = place.group or (place.host,)
        self._before: dict[str, str] = {}

    def inject(self) -> None:
        """Returns when the last one is a member again."""
        self._before = {host: self._process(host) for host in self._hosts}
        self._operator.restart(self._hosts)

    def evidence(self) -> str | None:
        """Each broker is a process that is not the one from before."""
        after = {host: self._process(host) for host in self._hosts}
        if any(not after[host] or after[host] == self._before.get(host) for host in self._hosts):
            return None
        return f"{', '.join(self._hosts)} run as new processes"

    def heal(self) -> None:
        """Starts what an interrupted roll left down."""
        for host in self._hosts:
            self._reach.shell(host, start(BROKER), COMMAND)

    def _process(self, host: str) -> str:
        """Process id and start time; empty when it does not run."""
        script = (
            f"pid=$(systemctl show --property MainPID --value {BROKER}); "
            "[ $pid -eq 0 ] || cut -d' ' -f 1,22 /proc/$pid/stat"
        )
        return self._reach.shell(host, script, COMMAND).strip()


class Reload:
    """HAProxy and Keepalived read their configuration again."""

    def __init__(self, reach: Reach, place: Place) -> None:
        self._reach = reach
        self._place = place
        host = place.itself
        here = ((HAPROXY, host.haproxy), (KEEPALIVED, host.keepalived))
        self._units = [unit for unit, settings in here if settings]
        self._before: dict[str, str] = {}

    def inject(self) -> None:
        """Through systemd, as `mqctl deploy` does it."""
        if not self._units:
            raise MqctlError(f"{self._place.host} has neither HAProxy nor Keepalived")
        self._before = self._state()
        script = f"set -e; for unit in {' '.join(self._units)}; do systemctl reload $unit; done"
        self._reach.shell(self._place.host, script, COMMAND)

    def evidence(self) -> str | None:
        """HAProxy has a new worker, and Keepalived's last reload succeeded after the injection."""
        after = self._state()
        if any(not after[unit] or after[unit] == self._before.get(unit) for unit in self._units):
            return None
        return f"{' and '.join(self._units)} of {self._place.host} were reloaded"

    def heal(self) -> None:
        """Nothing is broken; a service that did not survive is started."""
        for unit in self._units:
            self._reach.shell(self._place.host, start(unit), COMMAND)

    def _state(self) -> dict[str, str]:
        """Per unit what a reload changes: HAProxy's workers, the time of Keepalived's last ExecReload."""
        asked = {
            HAPROXY: f"pid=$(systemctl show --property MainPID --value {HAPROXY}); "
            "[ $pid -eq 0 ] || cat /proc/$pid/task/$pid/children",
            KEEPALIVED: f"systemctl show --property ExecReload --value {KEEPALIVED} | "
            "grep -o 'start_time=.*status=0' || :",
        }
        return {
            unit: self._reach.shell(self._place.host, asked[unit], COMMAND).strip() for unit in self._units
        }
