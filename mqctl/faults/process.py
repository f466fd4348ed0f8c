"""Faults of a service's processes: killed, stopped, frozen."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.faults.base import COMMAND, Reach

BROKER = "rabbitmq-server"
HAPROXY = "haproxy"
KEEPALIVED = "keepalived"


class Kill:
    """kill -9: no handshake, no flush, no farewell. systemd starts the service again as its unit says."""

    def __init__(self, reach: Reach, host: str, unit: str) -> None:
        self._reach = reach
        self._host = host
        self._unit = unit
        self._process = ""
        """Process id and start time, so that a reused id is not taken for it."""

    def inject(self) -> None:
        """Remembers which process it was, then kills it; of a broker not epmd, which may live in its unit."""
        who = "main" if self._unit == BROKER else "all"
        self._process = self._run(
            f"{_main(self._unit)}; cut -d' ' -f 1,22 /proc/$pid/stat; "
            f"systemctl kill --kill-who={who} --signal=KILL {self._unit}"
        ).strip()
        if not self._process:
            raise MqctlError(f"{self._host}: {self._unit} has no process to kill")

    def evidence(self) -> str | None:
        """The process that was killed is gone."""
        pid = self._process.split(" ")[0]
        script = f"cut -d' ' -f 1,3,22 /proc/{pid}/stat 2>/dev/null; systemctl is-active {self._unit} || :"
        *stat, state = self._run(script).splitlines()
        if stat and _alive(stat[0], self._process):
            return None
        return f"process {pid} is gone, {self._unit} of {self._host} is {state}"

    def heal(self) -> None:
        """Starts the unit unless systemd did."""
        self._run(start(self._unit))

    def _run(self, script: str) -> str:
        return self._reach.shell(self._host, script, COMMAND)


class Stop:
    """systemctl stop: the service takes leave as it does before a planned reboot."""

    def __init__(self, reach: Reach, host: str, unit: str) -> None:
        self._reach = reach
        self._host = host
        self._unit = unit

    def inject(self) -> None:
        """--no-block: how long it takes to stop is the service's affair, `evidence` sees the end."""
        script = f"systemctl is-active --quiet {self._unit} && systemctl stop --no-block {self._unit}"
        self._reach.shell(self._host, script, COMMAND)

    def evidence(self) -> str | None:
        """The unit is inactive and has no process."""
        script = f"systemctl show --property ActiveState,MainPID --value {self._unit}"
        said = sorted(self._reach.shell(self._host, script, COMMAND).split())
        if said not in (["0", "failed"], ["0", "inactive"]):
            return None
        return f"{self._unit} of {self._host} is {said[1]}, without a process"

    def heal(self) -> None:
        """Starts it."""
        self._reach.shell(self._host, start(self._unit), COMMAND)


class Freeze:
    """SIGSTOP: processes that exist, sockets that accept, and nobody who answers."""

    def __init__(self, reach: Reach, host: str, unit: str) -> None:
        self._reach = reach
        self._host = host
        self._unit = unit

    def inject(self) -> None:
        """All processes of the unit: HAProxy's work is done by a child."""
        script = f"{_main(self._unit)}; systemctl kill --signal=STOP {self._unit}"
        self._reach.shell(self._host, script, COMMAND)

    def evidence(self) -> str | None:
        """The main process and its children are in state T (proc(5))."""
        script = (
            f"{_main(self._unit)}; for p in $pid $(cat /proc/$pid/task/$pid/children); do "
            "cut -d')' -f 2 /proc/$p/stat | cut -d' ' -f 2; done"
        )
        states = self._reach.shell(self._host, script, COMMAND).split()
        if not states or set(states) != {"T"}:
            return None
        processes = "1 process" if len(states) == 1 else f"{len(states)} processes"
        return f"{processes} of {self._unit} of {self._host} stopped by a signal (state T)"

    def heal(self) -> None:
        """SIGCONT; a unit that ended meanwhile is started instead."""
        script = (
            f"if systemctl is-active --quiet {self._unit}; then "
            f"systemctl kill --signal=CONT {self._unit}; else {start(self._unit)}; fi"
        )
        self._reach.shell(self._host, script, COMMAND)


class Lose:
    """Services are killed and stay down: what remains of a host that lost them for good.

    The units' ExecStopPost runs, so a VIP leaves the interface as it does without power.
    """

    def __init__(self, reach: Reach, host: str, units: tuple[str, ...]) -> None:
        self._reach = reach
        self._host = host
        self._units = " ".join(units)

    def inject(self) -> None:
        """`stop` right after the kill keeps systemd from restarting them."""
        script = (
            f"for unit in {self._units}; do if systemctl is-active --quiet $unit; then "
            "systemctl kill --signal=KILL $unit; systemctl stop $unit; fi; done"
        )
        self._reach.shell(self._host, script, COMMAND)

    def evidence(self) -> str | None:
        """None of the services runs."""
        units = " ".join(f"{unit}.service" for unit in self._units.split())
        script = (
            f"for unit in {self._units}; do ! systemctl is-active --quiet $unit || echo $unit; done; "
            f"systemctl list-unit-files --state enabled --no-legend --plain {units} | cut -d' ' -f 1 | "
            "sed 's/^/enabled /'"
        )
        lines = self._reach.shell(self._host, script, COMMAND).splitlines()
        enabled = [line.removeprefix("enabled ") for line in lines if line.startswith("enabled ")]
        if not enabled or len(enabled) < len(lines):
            return None
        return f"{', '.join(sorted(enabled))} of {self._host} {'is' if len(enabled) == 1 else 'are'} down"

    def heal(self) -> None:
        """Starts what is enabled."""
        script = (
            f"for unit in {self._units}; do if systemctl is-enabled --quiet $unit 2>/dev/null; then "
            f"{start('$unit')}; fi; done"
        )
        self._reach.shell(self._host, script, COMMAND)


def start(unit: str) -> str:
    """--no-block: the gates wait for the service."""
    return f"systemctl reset-failed {unit}; systemctl start --no-block {unit}"


def _main(unit: str) -> str:
    return f"pid=$(systemctl show --property MainPID --value {unit}); [ $pid -gt 0 ] || exit 1"


def _alive(stat: str, process: str) -> bool:
    """A zombie is as gone as can be."""
    pid, state, started = stat.split(" ")
    return f"{pid} {started}" == process and state != "Z"
