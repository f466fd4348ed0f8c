"""The files of a host's packet filter."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.bundle import FileSpec
from mqctl.model.firewall import UNIT
from mqctl.model.topology import Host, Topology
from mqctl.render.context import firewall
from mqctl.render.files import absent, printed

PACKAGE = "nftables"
CHECK = ("nft", "-c", "-f", "%s")
UNIT_FILE = f"/etc/systemd/system/{UNIT}"
DROP_IN = "/etc/systemd/system/nftables.service.d/mqctl.conf"


def firewall_files(inventory: Topology, site: Topology, host: Host) -> Iterator[FileSpec]:
    """What loads the table, and the table; where none is wanted both must be gone."""
    if host.firewall is None:
        yield absent(firewall.FILE, "firewall")
        yield absent(UNIT_FILE, "firewall", effects=("reload-systemd",))
        yield absent(DROP_IN, "firewall", effects=("reload-systemd",))
        return
    unit = firewall.firewall_unit()
    for path, template in ((UNIT_FILE, "firewall.service.j2"), (DROP_IN, "nftables.conf.j2")):
        yield printed(path, "firewall", f"firewall/{template}", unit, effects=("reload-systemd",))
    yield printed(
        firewall.FILE,
        "firewall",
        "firewall/firewall.nft.j2",
        firewall.firewall_file(inventory, site, host, host.firewall),
        mode="0640",
        validator=CHECK,
        effects=("reload-firewall",),
    )
