"""How mqctl grows: start-up, rendering of 10 to 1,000 hosts, looking at 5 to 50, 1,000 to 10,000 objects.

    python benchmarks/scale.py [--rounds 3] [--part start|rendering|looking|objects]...

Prints Markdown, exits 1 when a goal is missed; without --part all four are measured. Rendering needs no
host; the rest uses lab hosts of its own.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml
from bench import HERE, Bench, Row, Times, command, medians, seconds, show

from mqctl import share

SITE = ("mq1", "mq2", "mq3", "lb1", "lb2")
BARE = """
import typer
app = typer.Typer()
@app.command()
def main() -> None: ...
app()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parts = {part.__name__: part for part in (start, rendering, looking, objects)}
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--part", action="append", choices=parts)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mqctl-benchmark-") as place:
        done = [parts[name](Path(place), given.rounds) for name in given.part or parts]
    sys.exit(0 if all(done) else 1)


def start(place: Path, rounds: int) -> bool:
    """`mqctl --help` and a completion beside a Typer application that does nothing."""
    completing = {"_MQCTL_COMPLETE": "complete_bash", "COMP_WORDS": "mqctl de", "COMP_CWORD": "1"}
    mqctl = str(Path(sys.executable).with_name("mqctl"))
    bare = place / "bare.py"
    bare.write_text(BARE)
    times = medians(
        [
            {
                "bare Typer --help": seconds(lambda: command([sys.executable, str(bare), "--help"])),
                "mqctl --help": seconds(lambda: command([mqctl, "--help"])),
                "completion of a command": seconds(lambda: command([mqctl], **completing)),
            }
            for _ in range(max(rounds, 5))
        ]
    )
    rows = [Row(name, times[name], 0.3, "s") for name in ("mqctl --help", "completion of a command")]
    return show(times, rows, max(rounds, 5))


def rendering(place: Path, rounds: int) -> bool:
    """Whole sites of five hosts; a process of its own for each size, so that its memory is its own."""
    sizes = (10, 100, 1000)
    found: dict[int, dict[str, float]] = {}
    for size in sizes:
        directory = place / f"render-{size}"
        sites(directory, size // len(SITE))
        command(
            [sys.executable, "-m", "mqctl", "render", str(directory), "--out", str(place / f"out-{size}")]
        )
        found[size] = medians([measured(directory) for _ in range(rounds)])
    times = {f"render of {size} hosts": found[size]["render"] for size in sizes}
    times |= {f"reading the inventory of {size} hosts": found[size]["load"] for size in sizes}
    rows = [
        Row("render of 1,000 hosts", found[1000]["render"], 5, "s"),
        Row("per host: of 1,000 / of 100", found[1000]["render"] / found[100]["render"] / 10, 1.3),
        Row("memory: of 1,000 / of 100", found[1000]["memory"] / found[100]["memory"], 10),
    ]
    print("".join(f"\n{size} hosts: {found[size]['memory']:.0f} MiB at most" for size in sizes))
    return show(times, rows, rounds)


def measured(directory: Path) -> dict[str, float]:
    """Seconds and MiB of one process that reads the inventory and renders it twice; the second one counts."""
    told: dict[str, float] = json.loads(
        subprocess.check_output([sys.executable, str(HERE / "render_once.py"), str(directory)])
    )
    return told


def sites(directory: Path, number: int) -> None:
    """An inventory of so many sites, each with three brokers and two load balancers."""
    brokers: dict[str, Any] = {}
    balancers: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for site in range(number):
        network = f"10.{100 + site // 250}.{site % 250}"
        hosts = [f"s{site}-{name}" for name in SITE]
        brokers |= {host: {"ansible_host": f"{network}.1{i}"} for i, host in enumerate(hosts[:3])}
        balancers |= {
            host: {"ansible_host": f"{network}.2{i}", "keepalived_priority": 250 - 10 * i}
            for i, host in enumerate(hosts[3:])
        }
        entrance = {
            "keepalived_virtual_address": f"{network}.100/24",
            "keepalived_virtual_router_id": site % 250 + 1,
        }
        groups[f"s{site}"] = {
            "hosts": dict.fromkeys(hosts),
            "vars": {"mqctl_site": f"s{site}", **entrance},
        }
    (directory / "group_vars" / "all").mkdir(parents=True)
    hosts_ = {"rabbitmq": brokers, "haproxy": balancers, "keepalived": dict.fromkeys(balancers)}
    tree = {name: {"hosts": members} for name, members in hosts_.items()} | groups
    (directory / "hosts.yml").write_text(yaml.safe_dump(tree))
    bundled = share.root() / "inventories" / "mirrored-3node" / "group_vars" / "rabbitmq.yml"
    (directory / "group_vars" / "rabbitmq.yml").write_text(bundled.read_text())


def looking(place: Path, rounds: int) -> bool:
    """`mqctl plan` of brokers in the lab; every host runs on this machine's own processors.

    Fifty need `sysctl -w fs.inotify.max_user_instances=1024`.
    """
    sizes = (5, 20, 50)
    times: dict[str, float] = {}
    for size in sizes:
        directory = place / f"plan-{size}"
        lab(directory, size)
        times[f"plan of {size} hosts"] = planned(directory, rounds)
    rows = [Row("plan of 50 hosts / of 5", times["plan of 50 hosts"] / times["plan of 5 hosts"], 3)]
    return show(times, rows, rounds)


def planned(directory: Path, rounds: int) -> float:
    """Median seconds of a plan, after a first one that nobody counts."""
    mqctl = [sys.executable, "-m", "mqctl"]
    try:
        command([*mqctl, "lab", "up", str(directory)])
        command([*mqctl, "plan", str(directory)])
        looks = [seconds(lambda: command([*mqctl, "plan", str(directory)])) for _ in range(rounds)]
    finally:
        command([*mqctl, "lab", "down", str(directory)])
    return statistics.median(looks)


def lab(directory: Path, size: int) -> None:
    """So many brokers, of which nothing is deployed yet."""
    (directory / "group_vars" / "all").mkdir(parents=True)
    brokers = {f"mq{i}": {"ansible_host": f"10.93.21.{10 + i}"} for i in range(1, size + 1)}
    (directory / "hosts.yml").write_text(yaml.safe_dump({"rabbitmq": {"hosts": brokers}}))
    everywhere = directory / "group_vars" / "all"
    (everywhere / "lab.yml").write_text("mqctl_lab:\n  subnet: 10.93.21.0/24\n")
    bundled = share.root() / "inventories" / "mirrored-3node" / "group_vars" / "all" / "connection.yml"
    (everywhere / "connection.yml").write_text(bundled.read_text())


def objects(place: Path, rounds: int) -> bool:
    """So many queues, and a policy and a binding for each, declared at once, beside one import of them."""
    rows: list[Row] = []
    times: dict[str, float] = {}
    (place / "objects").mkdir()
    bench = Bench(place / "objects", "10.93.22.0/24")
    try:
        for number in (1000, 10_000):
            found = medians([declared(bench, number) for _ in range(rounds)])
            times |= found
            imported = found[f"import_definitions of {number}"]
            rows += [
                Row(f"deploy / import of {number}", found[f"deploy of {number}"] / imported, 2),
                Row(f"plan / import of {number}", found[f"plan of {number}, in place"] / imported, 2),
            ]
    finally:
        bench.down()
    return show(times, rows, rounds)


def declared(bench: Bench, number: int) -> Times:
    """On fresh clusters each: one import by hand, one deploy; then a plan that finds nothing to do."""
    plain = bench.directory / "group_vars" / "rabbitmq.yml"
    before = plain.read_text()
    directory = str(bench.directory)
    bench.fresh()
    bench.mqctl("deploy", directory)
    document = definitions(number)
    (bench.place / "definitions.json").write_text(json.dumps(document))
    copy = ["scp", "-q", "-F", str(bench.config), str(bench.place / "definitions.json"), "mq1:/tmp/d.json"]
    command(copy)
    times = {
        f"import_definitions of {number}": seconds(
            lambda: bench.ssh("mq1", "rabbitmqctl --quiet --timeout 600 import_definitions /tmp/d.json")
        )
    }
    bench.fresh()
    bench.mqctl("deploy", directory)
    try:
        plain.write_text(yaml.safe_dump(with_objects(yaml.safe_load(before), document)))
        times[f"deploy of {number}"] = seconds(lambda: bench.mqctl("deploy", directory))
        times[f"plan of {number}, in place"] = seconds(lambda: bench.mqctl("plan", directory, "--exit-code"))
    finally:
        plain.write_text(before)
    return times


def definitions(number: int) -> dict[str, list[dict[str, Any]]]:
    """As `import_definitions` reads them."""
    names = [f"benchmark.{i}" for i in range(number)]
    return {
        "queues": [
            {"name": name, "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}
            for name in names
        ],
        "policies": [
            {
                "name": name,
                "vhost": "/",
                "pattern": f"^{name}$",
                "apply-to": "queues",
                "priority": 1,
                "definition": {"ha-mode": "all", "max-length": 1000},
            }
            for name in names
        ],
        "bindings": [
            {
                "source": "amq.direct",
                "vhost": "/",
                "destination": name,
                "destination_type": "queue",
                "routing_key": name,
                "arguments": {},
            }
            for name in names
        ],
    }


def with_objects(variables: dict[str, Any], document: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The same objects as the inventory spells them, beside its own."""
    return variables | {
        f"rabbitmq_{kind}": [*variables.get(f"rabbitmq_{kind}", []), *wanted]
        for kind, wanted in document.items()
    }


if __name__ == "__main__":
    main()
