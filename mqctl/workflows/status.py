"""What `mqctl status` does: read the inventory, ask all hosts once. Changes nothing."""

from __future__ import annotations

from mqctl.errors import MqctlError
from mqctl.inventory import VaultOptions, find, load
from mqctl.model.bundle import HostBundle
from mqctl.model.status import ClusterStatus
from mqctl.model.topology import Topology
from mqctl.probe.run import probe
from mqctl.render.bundle import render
from mqctl.ssh import Hosts


def topology(name_or_dir: str, vault: VaultOptions | None = None) -> Topology:
    """The inventory as it is; unlike `deploy`, nothing is generated beside it."""
    return load(find(name_or_dir), vault)


class Reader:
    """Asks a topology's hosts as often as wanted over the same connections; use it as a context manager."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._bundles: dict[str, HostBundle] = render(topology)
        self._pool = Hosts.of(topology)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.close()

    def read(self) -> ClusterStatus:
        """All hosts' answers. Raises MqctlError when not one host could be asked."""
        status = probe(self._topology, self._bundles, pool=self._pool)
        refuse_silence(status)
        return status


def refuse_silence(status: ClusterStatus) -> None:
    """Raise MqctlError when no host answered: there is nothing to show or to judge."""
    if any(host.answered for host in status.hosts):
        return
    reasons = [f"  - {host.host}: {host.error}" for host in status.hosts]
    hints = dict.fromkeys(host.hint for host in status.hosts if host.hint)
    if not reasons:
        raise MqctlError("no host could be asked: the inventory has none")
    raise MqctlError("\n".join(["no host could be asked:", *reasons]), "\n".join(hints))
