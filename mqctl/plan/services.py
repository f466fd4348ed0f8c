"""What the units of a host need: enabled, started, reloaded, restarted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mqctl.model.bundle import Component, HostBundle, ServiceSpec
from mqctl.model.changes import FileChange, MembershipChange, ServiceChange
from mqctl.model.firewall import UNIT
from mqctl.model.status import HostStatus, ServiceStatus

_EFFECTS: dict[Component, str] = {
    "firewall": "reload-firewall",
    "rabbitmq": "restart-broker",
    "haproxy": "reload-haproxy",
    "keepalived": "reload-keepalived",
}


def plan_services(
    bundle: HostBundle,
    status: HostStatus,
    files: Sequence[FileChange],
    membership: Sequence[MembershipChange],
) -> list[ServiceChange]:
    """What one host's units need after these file changes; a broker that is started needs no restart."""
    changes: list[ServiceChange] = list(_unwanted(bundle, files))
    for service in bundle.services:
        live = status.services.get(service.unit)
        if live is None or not live.enabled:
            changes.append(_change(bundle, service, "enable", "is not started at boot"))
        if service.component == "rabbitmq" and membership:
            continue
        if change := _run(bundle, service, live, files) or _flushed(bundle, service, status):
            changes.append(change)
    return changes


def _run(
    bundle: HostBundle, service: ServiceSpec, live: ServiceStatus | None, files: Sequence[FileChange]
) -> ServiceChange | None:
    """Started when it does not run; otherwise restarted (brokers) or reloaded when it runs on old files."""
    is_broker = service.component == "rabbitmq"
    if live is None or not (live.active or live.waits):
        reason = f"is {live.state or 'not running'}" if live else "is not installed yet"
        return None if is_broker else _change(bundle, service, "start", reason)
    if reason := _outdated(service, live, files):
        return _change(bundle, service, "restart" if is_broker else "reload", reason)
    return None


def _unwanted(bundle: HostBundle, files: Sequence[FileChange]) -> Iterator[ServiceChange]:
    """A packet filter that the inventory no longer has is taken down before its files go."""
    if any(change.spec.component == "firewall" and change.action == "delete" for change in files):
        reason = "the inventory has no mqctl_firewall"
        yield ServiceChange(host=bundle.host, unit=UNIT, action="stop", reason=reason)


def _flushed(bundle: HostBundle, service: ServiceSpec, status: HostStatus) -> ServiceChange | None:
    """The unit was started, and somebody took its table away since."""
    if service.component != "firewall" or status.firewall is not False:
        return None
    return _change(bundle, service, "reload", "the kernel does not have its table")


def _outdated(service: ServiceSpec, live: ServiceStatus, files: Sequence[FileChange]) -> str:
    effect = _EFFECTS.get(service.component)
    paths = [
        change.path for change in files if change.action != "attributes" and effect in change.spec.effects
    ]
    if paths:
        return f"{', '.join(paths)} {'change' if len(paths) > 1 else 'changes'}"
    return "runs on an older configuration" if live.stale else ""


def _change(bundle: HostBundle, service: ServiceSpec, action: str, reason: str) -> ServiceChange:
    return ServiceChange.model_validate(
        {"host": bundle.host, "unit": service.unit, "action": action, "reason": reason}
    )
