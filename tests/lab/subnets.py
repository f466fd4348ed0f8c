"""Networks for the labs of tests: each gets a /24 that no Docker network and no other test process has."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from ipaddress import IPv4Network
from typing import Any

from mqctl import lab
from mqctl.lab.network import subnets_of

POOL = IPv4Network("10.93.128.0/17")
"""Bundled inventories and benchmarks have fixed networks in the lower half of 10.93.0.0/16."""
_held: list[int] = []
"""Sockets of what this process reserved; the kernel takes them back when it ends, however it ends."""


def take() -> IPv4Network:
    """A free /24, reserved until this process ends; two processes at the same time get different ones.

    Raises LookupError when all are taken, MqctlError when there is no engine.
    """
    with closing(lab.connect()) as client:
        for subnet in POOL.subnets(new_prefix=24):
            reservation = reserve(str(subnet))
            if reservation is None:
                continue
            # asked for only now: whoever had it before may have left a network behind
            if is_free(subnet, client.networks.list()):
                _held.append(reservation.detach())
                return subnet
            reservation.close()
    raise LookupError(f"no /24 of {POOL} is free: `mqctl lab list` and `docker network ls` say who has them")


def is_free(subnet: IPv4Network, networks: Iterable[Any]) -> bool:
    """Whether no Docker network has an address of this one."""
    return not any(taken.overlaps(subnet) for network in networks for taken in subnets_of(network))


def reserve(what: str) -> socket.socket | None:
    """What one process of this machine has at a time, until it closes this or ends; None: another has it.

    A name without a file: nothing stays behind, and it does not matter which user has it.
    """
    reservation = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        reservation.bind(f"\0mqctl-tests {what}")
    except OSError:
        reservation.close()
        return None
    return reservation


def beginning(subnet: IPv4Network) -> str:
    """What all addresses of a /24 begin with, for texts: "10.93.128."."""
    return str(subnet.network_address).removesuffix("0")


def main(command: list[str]) -> int:
    """Run a command that makes a network, MQCTL_SUBNET in its environment; its exit code."""
    return subprocess.run(command, env={**os.environ, "MQCTL_SUBNET": str(take())}).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
