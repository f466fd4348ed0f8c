"""From the name of a fault to the thing that does it."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.faults import network
from mqctl.faults.alarm import Alarm
from mqctl.faults.base import Fault, Place, Reach
from mqctl.faults.host import PowerOff
from mqctl.faults.operate import Reload, RollingRestart
from mqctl.faults.process import BROKER, HAPROXY, KEEPALIVED, Freeze, Kill, Lose, Stop
from mqctl.model.scenario import FaultName

AS_ONE: tuple[FaultName, ...] = ("rolling-restart",)
"""Faults that happen to a group as one, told of its first host; all others happen to each of its hosts."""


def make(name: FaultName, reach: Reach, place: Place) -> Fault:
    """The same name means the same fault everywhere; where there is no power switch, its nearest over SSH."""
    match name:
        case "kill-broker":
            return Kill(reach, place.host, BROKER)
        case "stop-broker":
            return Stop(reach, place.host, BROKER)
        case "freeze-broker":
            return Freeze(reach, place.host, BROKER)
        case "kill-haproxy":
            return Kill(reach, place.host, HAPROXY)
        case "lose-haproxy":
            return Lose(reach, place.host, (HAPROXY,))
        case "freeze-haproxy":
            return Freeze(reach, place.host, HAPROXY)
        case "kill-keepalived":
            return Kill(reach, place.host, KEEPALIVED)
        case "power-off":
            return _power_off(reach, place.host)
        case "memory-alarm":
            return Alarm(reach, place.host, "memory")
        case "disk-alarm":
            return Alarm(reach, place.host, "disk")
        case "rolling-restart":
            return _roll(reach, place)
        case "reload-configuration":
            return Reload(reach, place)
        case "cut-from-peers":
            return network.from_peers(reach, place)
        case "cut-one-way":
            return network.one_way(reach, place)
        case "cut-from-clients":
            return network.from_clients(reach, place)
        case "cut-from-all":
            return network.from_all(reach, place)
        case "cut-sites":
            return network.between_sites(reach, place)
        case "cut-vrrp":
            return network.vrrp(reach, place)


def _power_off(reach: Reach, host: str) -> Fault:
    if reach.power:
        return PowerOff(reach, reach.power, host)
    return Lose(reach, host, (KEEPALIVED, HAPROXY, BROKER))


def _roll(reach: Reach, place: Place) -> Fault:
    if reach.operator is None:
        raise MqctlError("nobody can restart brokers through the gates here")
    return RollingRestart(reach, reach.operator, place)
