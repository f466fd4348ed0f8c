"""Putting right what a failover test broke, also when the test itself is gone."""

from __future__ import annotations

from contextlib import suppress

from mqctl.errors import MqctlError
from mqctl.faults.process import BROKER
from mqctl.gates.wait import DeadlineError, wait
from mqctl.workflows.damage import HEAL, at_once, stubborn
from mqctl.workflows.reach import shell
from mqctl.workflows.scenario import RECOVER
from mqctl.workflows.stage import Stage

_ASKED = 60.0
"""Seconds for rabbitmqctl to ask a broker; it starts an Erlang VM of its own."""
_RESTARTED = 300.0
"""Seconds for a broker to come up again: it may wait for its peers' tables."""
_STATE = (
    "case {rabbit:is_running(), rabbit:is_booting(), whereis(rabbit_outside_app_process)} of "
    "{true, _, _} -> running; {_, true, _} -> booting; {_, _, undefined} -> still; _ -> paused end."
)
"""booting may last for ever, still does; paused: rabbit_node_monitor waits for the end of a minority."""
_UNDER_WAY = {"booting", "paused"}


def heal(stage: Stage) -> tuple[str, ...]:
    """Heals what the list on disc says is broken, then waits for every gate; says what it did.

    What cannot be healed stays on the list and keeps nothing else from being healed; its error is raised.
    Brokers that do not come back by themselves are woken (see `wake`).
    """
    broken = stage.broken.read()
    errors: list[MqctlError] = []
    for breakage in broken:
        try:
            stubborn(stage.faults(breakage.fault, (breakage.host,))[breakage.host].heal, HEAL)
        except MqctlError as error:
            errors.append(error)
        else:
            stage.broken.remove(breakage.fault, breakage.host)
    if errors:
        raise errors[0]
    if not broken:
        return ()
    woken = wake(stage)
    wait(lambda: not stage.problem(), timeout=RECOVER, interval=1, what="every gate after healing")
    return (*(f"{b.fault} of {b.host}, broken since {b.since.isoformat()}" for b in broken), *woken)


def wake(stage: Stage, patience: float = RECOVER) -> tuple[str, ...]:
    """Restarts the brokers whose Erlang runs and whose RabbitMQ does not come up; says which.

    Boots and pauses get `patience` seconds to end. RabbitMQ may never come back from a pause
    (pause_minority), while systemd sees a running service. Seen with 3.10.8 on Erlang 25: its own start fails
    on two connections to one peer (mended in 3.10.10, rabbitmq-server 08d804786c) or on a file_handle_cache
    that an old process still talks to, or it waits for ever.
    """
    states: dict[str, str] = {}

    def settled() -> bool:
        states.update({host.name: _state(stage, host.name) for host in stage.topology.brokers})
        return not _UNDER_WAY & {*states.values()}

    with suppress(DeadlineError):
        wait(settled, timeout=patience, interval=1, what="the end of boots and pauses")
    hosts = [host for host, state in states.items() if state in ("still", "booting")]
    at_once([lambda host=host: _restart(stage, host) for host in hosts])  # type: ignore[misc]
    return tuple(f"{BROKER} of {host}, whose RabbitMQ stayed down" for host in hosts)


def _state(stage: Stage, host: str) -> str:
    """What `_STATE` says; empty where nobody can be asked."""
    try:
        return shell(stage.hosts, host, f"rabbitmqctl --quiet --timeout 20 eval '{_STATE}'", _ASKED).strip()
    except MqctlError:
        return ""


def _restart(stage: Stage, host: str) -> None:
    shell(stage.hosts, host, f"systemctl restart {BROKER}", _RESTARTED)
