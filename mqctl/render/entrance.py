"""The files of the entrance: HAProxy's and Keepalived's."""

from __future__ import annotations

from collections.abc import Iterator

from mqctl.model.bundle import FileSpec
from mqctl.model.haproxy import HaproxySettings
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.topology import Host, Topology
from mqctl.render.context import haproxy, keepalived
from mqctl.render.files import printed

HAPROXY_CHECK = ("haproxy", "-c", "-f", "%s")
_QUIET = 'said=$(keepalived --config-test -f "$1" 2>&1) && [ -z "$said" ] || { echo "$said" >&2; exit 1; }'
KEEPALIVED_CHECK = ("sh", "-c", _QUIET, "keepalived-check", "%s")
"""Any complaint refuses: 2.1.5 exits 0 with them. Missing scripts are one, so scripts are placed first."""


def haproxy_files(topology: Topology, host: Host, settings: HaproxySettings) -> Iterator[FileSpec]:
    """HAProxy reads its file as root, its group may read the statistics password anyway."""
    yield printed(
        "/etc/haproxy/haproxy.cfg",
        "haproxy",
        "haproxy/haproxy.cfg.j2",
        haproxy.haproxy_file(topology, host, settings),
        group="haproxy",
        mode="0640",
        validator=HAPROXY_CHECK,
        secrecy="masked",
        masks=(r"^\s*stats auth '[^:]*:(.*)'$",),
        effects=("reload-haproxy",),
    )


def keepalived_files(topology: Topology, host: Host, settings: KeepalivedSettings) -> Iterator[FileSpec]:
    """The scripts before the configuration that names them."""
    if host.haproxy:
        yield printed(
            keepalived.CHECK,
            "keepalived",
            "keepalived/check-haproxy.j2",
            keepalived.check_script(host.haproxy, settings),
            mode="0755",
        )
    yield printed(
        keepalived.NOTIFY,
        "keepalived",
        "keepalived/notify.j2",
        keepalived.notify_script(),
        mode="0755",
    )
    yield printed(
        "/etc/systemd/system/keepalived.service.d/mqctl.conf",
        "keepalived",
        "keepalived/service.conf.j2",
        keepalived.drop_in(settings),
        effects=("reload-systemd",),
    )
    yield printed(
        "/etc/keepalived/keepalived.conf",
        "keepalived",
        "keepalived/keepalived.conf.j2",
        keepalived.keepalived_file(topology, host, settings),
        mode="0600",
        validator=KEEPALIVED_CHECK,
        secrecy="masked",
        masks=(r"^\s*auth_pass (.*)$",),
        effects=("reload-keepalived",),
    )
