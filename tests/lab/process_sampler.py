"""Runs on a machine until its input ends: which texts were seen in arguments or environments of processes.

Standard library of Python 3.9. The first line of stdin has the texts by name, as JSON; stdout says `ready`,
then what was found.
"""

from __future__ import annotations

import json
import select
import sys
from pathlib import Path

INTERVAL = 0.03
"""Seconds between two looks: shorter than any program of Erlang, Python or a shell takes to start and end."""


def looks(process):
    """(what, content) of one process; nothing for one that has ended or is not ours to read."""
    for what in ("cmdline", "environ"):
        try:
            yield what, (process / what).read_bytes()
        except OSError:
            continue


def main():
    texts = {name: text.encode() for name, text in json.loads(sys.stdin.readline()).items()}
    found, programs = set(), set()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], INTERVAL)[0]:
        for process in Path("/proc").glob("[0-9]*"):
            for what, content in looks(process):
                if what == "cmdline":
                    programs.add(content.split(b"\0")[0].decode(errors="replace").rpartition("/")[2])
                found |= {(name, what) for name, text in texts.items() if text in content}
    json.dump({"found": sorted(found), "programs": sorted(programs)}, sys.stdout)


main()
