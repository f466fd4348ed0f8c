"""Reads an inventory, renders it, and prints what that took as JSON: load and render in s, memory in MiB."""

import json
import resource
import sys
from pathlib import Path

from bench import seconds

from mqctl import inventory
from mqctl.render.bundle import render

topology = inventory.load(Path(sys.argv[1]))
render(topology)
took = {
    "load": seconds(lambda: inventory.load(Path(sys.argv[1]))),
    "render": seconds(lambda: render(topology)),
    "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
}
print(json.dumps(took))
