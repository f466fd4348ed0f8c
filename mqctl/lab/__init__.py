"""Labs: the hosts of an inventory as containers on this machine. Nothing else knows about containers."""

from mqctl.lab import images
from mqctl.lab.engine import connect
from mqctl.lab.lifecycle import down, list_labs, up
from mqctl.lab.power import host_pid, pause, power_off, power_on, unpause
from mqctl.lab.progress import Progress
from mqctl.lab.ready import ssh_argv

__all__ = [
    "Progress",
    "connect",
    "down",
    "host_pid",
    "images",
    "list_labs",
    "pause",
    "power_off",
    "power_on",
    "ssh_argv",
    "unpause",
    "up",
]
