"""The end state of mirrored-3node as a pyinfra deploy: what its users would write, files in their final form.

Reads the same rendered tree as floor.sh. Every operation is idempotent, so a second run changes nothing.
"""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.operations import files, server, systemd

TREE = Path(os.environ["BENCHMARK_TREE"])
MANIFEST = json.loads((TREE / "manifest.json").read_text())[host.name]
BROKER = host.name.startswith("mq")
UNITS = ["rabbitmq-server"] if BROKER else ["haproxy", "keepalived"]

placed = [
    files.put(
        name=f"Place {entry['path']}",
        src=str(TREE / host.name / entry["path"].lstrip("/")),
        dest=entry["path"],
        user=entry["owner"],
        group=entry["group"],
        mode=entry["mode"].lstrip("0"),
    )
    for entry in MANIFEST
]

for unit in UNITS:
    systemd.service(name=f"Run {unit}", service=unit, running=True, enabled=True)
    systemd.service(
        name=f"Reload {unit}",
        service=unit,
        restarted=BROKER,
        reloaded=not BROKER,
        daemon_reload=True,
        _if=lambda: any(change.did_change() for change in placed),
    )

if host.name == "mq1":
    server.shell(
        name="Objects",
        commands=["rabbitmqctl --quiet list_policies | grep -q ha-all"],
    )
