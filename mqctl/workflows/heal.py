"""Putting right what a failover test broke, also when the test itself is gone."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.faults.process import BROKER
from mqctl.gates.wait import wait
from mqctl.workflows.damage import HEAL, at_once, stubborn
from mqctl.workflows.reach import shell
from mqctl.workflows.scenario import RECOVER
from mqctl.workflows.stage import Stage

_ASKED = 60.0
"""Seconds for rabbitmqctl to ask a broker; it starts an Erlang VM of its own."""
_RESTARTED = 300.0
"""Seconds for a broker to come up again: it may wait for its peers' tables."""
_STANDS_STILL = (
    "not rabbit:is_running() andalso not rabbit:is_booting() "
    "andalso whereis(rabbit_outside_app_process) =:= undefined."
)
"""Erlang runs, RabbitMQ does not, and nobody is about to start it: neither a boot nor the process of
rabbit_node_monitor that waits for the end of a pause (pause_minority) or of an autoheal."""


def heal(stage: Stage) -> tuple[str, ...]:
    """Heals what the list on disc says is broken, then waits for every gate; says what it did.

    What cannot be healed stays on the list and keeps nothing else from being healed; its error is raised.
    A broker that stands still afterwards (see `wake`) is restarted.
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
    woken: list[str] = []

    def is_well() -> bool:
        if not stage.problem():
            return True
        woken.extend(wake(stage))
        return False

    if broken:
        wait(is_well, timeout=RECOVER, interval=1, what="every gate after healing")
    return (*(f"{b.fault} of {b.host}, broken since {b.since.isoformat()}" for b in broken), *woken)


def wake(stage: Stage) -> tuple[str, ...]:
    """Restarts the brokers whose Erlang runs and whose RabbitMQ stays down; says which.

    RabbitMQ may end so after a pause: its own start fails (3.10.8: two connections to one peer, mended by
    rabbitmq-server 08d804786c in 3.10.10; a file_handle_cache that an old process still talks to). Neither
    systemd nor RabbitMQ tries again.
    """
    still = [host.name for host in stage.topology.brokers if _stands_still(stage, host.name)]
    at_once([lambda host=host: _restart(stage, host) for host in still])  # type: ignore[misc]
    return tuple(f"{BROKER} of {host}, whose RabbitMQ stayed down" for host in still)


def _stands_still(stage: Stage, host: str) -> bool:
    """A host that cannot be asked is not known to stand still."""
    script = f"rabbitmqctl --quiet --timeout 20 eval '{_STANDS_STILL}'"
    try:
        return shell(stage.hosts, host, script, _ASKED).strip() == "true"
    except MqctlError:
        return False


def _restart(stage: Stage, host: str) -> None:
    shell(stage.hosts, host, f"systemctl restart {BROKER}", _RESTARTED)
