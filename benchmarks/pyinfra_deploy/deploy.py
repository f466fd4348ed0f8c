"""The end state of mirrored-3node as a pyinfra deploy: what its users would write, files in their final form.

Reads the same rendered tree as floor.sh. Every operation is idempotent, so a second run changes nothing.
"""

import json
import os
from pathlib import Path

from pyinfra import host
from pyinfra.facts.systemd import SystemdStatus
from pyinfra.operations import files, server, systemd

TREE = Path(os.environ["BENCHMARK_TREE"])
MANIFEST = json.loads((TREE / "manifest.json").read_text())[host.name]
BROKER = host.name.startswith("mq")
FOUNDER = host.name == "mq1"
UNITS = ["rabbitmq-server"] if BROKER else ["haproxy", "keepalived"]
DROP_IN = "/run/systemd/system/rabbitmq-server.service.d/founder.conf"

runs = host.get_fact(SystemdStatus)
new = not all(runs.get(f"{unit}.service") for unit in UNITS)

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

# the founder boots from a copy of its configuration that lists no peers, the others wait for it
if new and FOUNDER:
    files.put(
        name="Founder's configuration",
        src=str(TREE / "founder.conf"),
        dest="/etc/rabbitmq/founder.conf",
        group="rabbitmq",
        mode="640",
    )
    server.shell(
        name="Boot as the founder",
        commands=[
            f"mkdir -p {Path(DROP_IN).parent}",
            f"printf '[Service]\\nEnvironment=RABBITMQ_CONFIG_FILE=/etc/rabbitmq/founder.conf\\n' >{DROP_IN}",
            "systemctl daemon-reload",
        ],
    )

for unit in UNITS:
    systemd.service(name=f"Run {unit}", service=unit, running=True, enabled=True, daemon_reload=new)
    if not new or not BROKER:
        systemd.service(
            name=f"Reload {unit}",
            service=unit,
            restarted=BROKER or new,
            reloaded=not BROKER and not new,
            daemon_reload=True,
            _if=lambda: any(change.did_change() for change in placed),
        )

if FOUNDER and new:
    # rabbitmqctl reads the file as the broker's user
    files.put(
        name="Definitions",
        src=str(TREE / "definitions.json"),
        dest="/tmp/definitions.json",
        user="rabbitmq",
        group="rabbitmq",
        mode="600",
    )
    server.shell(
        name="Objects",
        commands=[
            f"rm /etc/rabbitmq/founder.conf {DROP_IN} && systemctl daemon-reload",
            "rabbitmqctl --quiet await_online_nodes 3",
            "rabbitmqctl --quiet import_definitions /tmp/definitions.json",
            "rabbitmqctl --quiet delete_user guest",
            "rm /tmp/definitions.json",
        ],
    )
elif FOUNDER:
    server.shell(name="Objects", commands=["rabbitmqctl --quiet list_policies | grep -q ha-all"])
