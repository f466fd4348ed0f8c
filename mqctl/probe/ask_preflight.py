"""What a host is asked before a deploy: what it always is, and what would stand in the way. Pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mqctl.model.bundle import HostBundle
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.topology import Host, Topology
from mqctl.model.versions import ERLANG_PACKAGE
from mqctl.probe import ask
from mqctl.probe.host import MARK

OLDEST_PYTHON = (3, 9)
ADVERTS = 3
"""Adverts' time that a router host listens for: a master that lives sends one in each (RFC 5798, 6.1)."""
MARGIN = 0.5
"""Seconds more, for the skew time, which is less than an advert's, and the way."""
LONGEST = 20.0
"""Seconds of listening: the whole script has 25."""
_HERE = Path(__file__).parent

_BOOT = """\
import json, sys, types
request, modules = json.loads({payload})
if sys.version_info[:2] < {oldest}:
    print({mark} + json.dumps({{"python": list(sys.version_info[:3])}}))
    sys.exit(0)
for name, text in modules:
    parent, _, own = name.rpartition(".")
    module = sys.modules[name] = types.ModuleType(name)
    if parent in sys.modules:
        setattr(sys.modules[parent], own, module)
    exec(compile(text, name, "exec"), module.__dict__)
sys.modules["mqctl.probe.preflight"].answer(request)
"""
"""Any Python can read this; the modules are only compiled where they can be."""


def script(request: dict[str, Any]) -> str:
    """Both host scripts as modules, and the request; ASCII only."""
    names = ("host", "preflight")
    texts = [(f"mqctl.probe.{name}", (_HERE / f"{name}.py").read_text(encoding="utf-8")) for name in names]
    payload = json.dumps(json.dumps([request, [("mqctl.probe", ""), *texts]]))
    return _BOOT.format(payload=payload, oldest=OLDEST_PYTHON, mark=repr(MARK))


def request(topology: Topology, host: Host, bundle: HostBundle) -> dict[str, Any]:
    """One host's request; `mqctl/probe/preflight.py` says what becomes of each part."""
    usual = ask.request(topology, host, bundle)
    return {
        **usual,
        "packages": [*usual["packages"], *([ERLANG_PACKAGE] if host.broker else [])],
        "data": ask.database(host.broker) if host.broker else None,
        "virtual": _virtual(host.keepalived) if host.keepalived else None,
        "vrrp": _vrrp(host.keepalived) if host.keepalived else None,
    }


def _virtual(settings: KeepalivedSettings) -> dict[str, Any]:
    return {"interface": settings.interface, "address": str(settings.virtual_address.ip)}


def _vrrp(settings: KeepalivedSettings) -> dict[str, Any]:
    return {
        "interface": settings.interface,
        "version": settings.virtual_address.version,
        "seconds": min(ADVERTS * settings.advert_interval + MARGIN, LONGEST),
    }
