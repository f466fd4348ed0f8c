"""What can happen to a lab host from outside: losing power, getting it back, freezing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from docker.errors import APIError

from mqctl.errors import MqctlError
from mqctl.lab import engine, hosts, ready


def power_off(lab: str, host: str) -> None:
    """End every process of the host at once; nothing is written any more, its disk stays."""
    with _host(lab, host) as container:
        container.kill("SIGKILL")


def power_on(lab: str, host: str) -> None:
    """Start the host again and wait for its sshd; its services may still be starting."""
    with _host(lab, host) as container:
        container.start()
        address = hosts.state(container, lab).address
        assert address is not None, "every lab host has a fixed address"
        ready.wait_ssh(container, host, address)


def pause(lab: str, host: str) -> None:
    """Freeze every process of the host: its kernel still accepts connections, nobody answers."""
    with _host(lab, host) as container:
        container.pause()


def unpause(lab: str, host: str) -> None:
    """Let a frozen host go on where it was."""
    with _host(lab, host) as container:
        container.unpause()


def host_pid(lab: str, host: str) -> int:
    """The host's init as a process of this machine, for nsenter; raises MqctlError when it is off."""
    with _host(lab, host) as container:
        pid = int(container.attrs["State"]["Pid"])
    if pid == 0:
        raise MqctlError(f"lab host {host} is off")
    return pid


@contextmanager
def _host(lab: str, host: str) -> Iterator[Any]:
    """The host's container; what the engine refuses inside becomes a MqctlError."""
    with closing(engine.connect()) as client:
        try:
            yield hosts.find(client, lab, host)
        except APIError as error:
            raise MqctlError(f"lab host {host}: {engine.explain(error)}") from None
