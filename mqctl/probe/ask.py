"""What a host is asked: exactly the files, packages and units of its bundle, and what runs on it. Pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqctl.model.bundle import Component, Effect, FileSpec, HostBundle
from mqctl.model.claim import LOCK
from mqctl.model.firewall import TABLE
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.rabbitmq import RabbitmqSettings
from mqctl.model.tls import Tls
from mqctl.model.topology import Broker, Host, Topology

VRRP_STATE = "/run/mqctl/vrrp.state"
"""Where Keepalived's notify script writes MASTER, BACKUP or FAULT."""
BROKER_UNIT = "rabbitmq-server.service"

_LOADS: dict[Component, Effect] = {
    "firewall": "reload-firewall",
    "rabbitmq": "restart-broker",
    "haproxy": "reload-haproxy",
    "keepalived": "reload-keepalived",
}
"""By component: the effect that marks the files which its service reads when it starts or reloads."""
_HERE = Path(__file__).parent


def script(request: dict[str, Any]) -> str:
    """The host script with its request; ASCII only."""
    program = (_HERE / "host.py").read_text(encoding="utf-8")
    return f"{program}\nanswer(json.loads({json.dumps(json.dumps(request))}))\n"


def request(topology: Topology, host: Host, bundle: HostBundle) -> dict[str, Any]:
    """One host's request; `mqctl/probe/host.py` says what becomes of each part."""
    return {
        "packages": list(bundle.packages),
        "files": [{"path": file.path, "content": _shown(file)} for file in bundle.files],
        "units": [_unit(bundle, service.unit, service.component) for service in bundle.services],
        "firewall": TABLE if host.firewall else None,
        "names": _names(topology, host) if _has_names(bundle) else [],
        "broker": _broker(topology.tls, host.broker) if host.broker else None,
        "shared": _shared(host.broker.settings) if host.broker else None,
        "haproxy": {"socket": host.haproxy.socket} if host.haproxy else None,
        "keepalived": _keepalived(host.keepalived) if host.keepalived else None,
        "lock": LOCK,
    }


def _shown(file: FileSpec) -> bool:
    """A block needs the whole file around it; a secret file is compared by its digest only."""
    return file.kind == "block" or (file.kind == "file" and file.secrecy != "secret")


def _has_names(bundle: HostBundle) -> bool:
    return any(file.component == "hosts" for file in bundle.files)


def _names(topology: Topology, host: Host) -> list[str]:
    """The brokers' names, and what a broker that shares its data directory is called on its own host."""
    own = host.broker.settings if host.broker else None
    return [peer.name for peer in topology.brokers] + ([own.shared_name] if own and own.shared_dir else [])


def _shared(settings: RabbitmqSettings) -> dict[str, str] | None:
    if settings.shared_dir is None:
        return None
    return {"directory": settings.shared_dir, "lock": settings.shared_lock}


def _keepalived(settings: KeepalivedSettings) -> dict[str, Any]:
    address = str(settings.virtual_address.ip)
    return {"state": VRRP_STATE, "address": address, "ipvs": bool(settings.virtual_servers)}


def _unit(bundle: HostBundle, unit: str, component: Component) -> dict[str, Any]:
    effect = _LOADS.get(component)
    return {
        "unit": unit,
        "files": [file.path for file in bundle.files if effect in file.effects],
        "reloads": component != "rabbitmq",
    }


def _broker(tls: Tls | None, broker: Broker) -> dict[str, Any]:
    secured = {"secured": True} if tls and tls.inter_node else {}
    return {
        **secured,
        "unit": BROKER_UNIT,
        "node": broker.node,
        "database": database(broker),
        "expression": expression(),
    }


def database(broker: Broker) -> str:
    """The node's data directory, as rabbitmq-env.conf may move it (RabbitMQ guide "File Locations")."""
    environment = {key.removeprefix("RABBITMQ_"): value for key, value in broker.settings.environment.items()}
    base = broker.settings.shared_dir or environment.get("MNESIA_BASE", "/var/lib/rabbitmq/mnesia")
    return environment.get("MNESIA_DIR", f"{base}/{broker.node}")


def expression() -> str:
    """The Erlang expression without its comments, which erl_eval does not know at the end of a line."""
    lines = (_HERE / "broker.erl").read_text(encoding="utf-8").splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith("%"))
