"""The failover test's own publisher beside raw pika, against one broker, in one run.

    python benchmarks/failover_workload.py [--rounds 3] [--seconds 8] [--publishers 1]

Both publish persistent messages of 256 bytes with confirms, at most 1,000 unconfirmed, over pika's
SelectConnection into one durable classic queue. mqctl's also packs an identity and a checksum into every
message, is mandatory, and writes its history. Prints a table in Markdown; exits 1 when mqctl neither offers
20,000 messages per second nor reaches 0.7 of raw pika. Then the history is judged: seconds and memory.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pika

from mqctl import inventory
from mqctl.gates.wait import wait
from mqctl.model import history
from mqctl.model.base import reveal
from mqctl.model.workload import Account, ClientSpec, WorkloadSettings
from mqctl.ssh import Hosts
from mqctl.verdict.judge import judge
from mqctl.workflows.stage import Stage
from mqctl.workload import journal, queues
from mqctl.workload.crew import Crew

SUBNET = "10.93.73"
EXCHANGE = "mqctl.failover.benchmark.1"
QUEUE = f"{EXCHANGE}.1"
GOAL_RATE, GOAL_RATIO = 20_000, 0.7
SETTINGS = WorkloadSettings(rate=None)
_SPAWN = multiprocessing.get_context("spawn")


def main() -> None:
    """Measure, print, and exit 1 when both goals are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--publishers", type=int, default=1)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mqctl-benchmark-") as place:
        site = one_broker(Path(place) / "workload")
        mqctl("deploy", str(site))
        try:
            done = measure(site, wanted.rounds, wanted.seconds, wanted.publishers, Path(place))
        finally:
            mqctl("lab", "down", str(site))
    sys.exit(0 if done else 1)


def one_broker(site: Path) -> Path:
    """The smallest inventory there is."""
    (site / "group_vars" / "all").mkdir(parents=True)
    (site / "hosts.yml").write_text(
        f"rabbitmq:\n  hosts:\n    mq1:\n      ansible_host: {SUBNET}.11\n"
        "      rabbitmq_partition_handling: ignore\n"
    )
    connection = inventory.find("mirrored-3node") / "group_vars" / "all" / "connection.yml"
    (site / "group_vars" / "all" / "connection.yml").write_text(connection.read_text())
    (site / "group_vars" / "all" / "lab.yml").write_text(f"mqctl_lab:\n  subnet: {SUBNET}.0/24\n")
    return site


def mqctl(*arguments: str) -> None:
    """A command, its output only when it fails."""
    ended = subprocess.run(["mqctl", *arguments], capture_output=True, text=True)
    if ended.returncode:
        sys.exit(f"mqctl {' '.join(arguments)}: {ended.returncode}\n{ended.stdout}{ended.stderr}")


def measure(site: Path, rounds: int, seconds: float, publishers: int, place: Path) -> bool:
    """Interleaved, so that a noisy machine is noisy for both."""
    topology = inventory.load(site)
    with Hosts.of(topology) as hosts:
        account = Stage(topology, "benchmark", place, hosts, hosts).account
    queues.declare(account, EXCHANGE, (QUEUE,), SETTINGS)
    own, raw = [], []
    for number in range(rounds):
        own.append(ours(account, publishers, seconds, place / f"{number}.ndjson"))
        purge(account)
        raw.append(pikas(account, publishers, seconds))
        purge(account)
    queues.remove(account, EXCHANGE, (QUEUE,))
    rate, best = statistics.median(own), statistics.median(raw)
    print(f"{publishers} publisher(s), {rounds} rounds of {seconds:g} s, medians\n")
    print("| | confirmed messages/s |\n|---|---|")
    print(f"| mqctl failover-test | {rate:,.0f} |\n| raw pika | {best:,.0f} |\n| ratio | {rate / best:.2f} |")
    judged(place / "0.ndjson")
    return rate >= GOAL_RATE or rate / best >= GOAL_RATIO


def ours(account: Account, publishers: int, seconds: float, path: Path) -> float:
    """The real client processes, writing a real history."""
    crew = Crew()
    names = [f"p{number}" for number in range(1, publishers + 1)]
    for name in names:
        crew.start(
            "publisher",
            ClientSpec(
                name=name, run="benchmark", account=account, journal=path, exchange=EXCHANGE, queue=QUEUE,
                routing_key=QUEUE, settings=SETTINGS,
            ),
        )  # fmt: skip
    until(seconds + 1)
    if crew.finish(names, 30):
        sys.exit("a publisher did not finish")
    confirmed = [e for e in journal.read(path).events if isinstance(e, history.Confirmed)]
    begin = max(min(e.t for e in confirmed if e.client == name) for name in names)
    within = [e for e in confirmed if begin <= e.t <= begin + seconds]
    return sum(e.last - e.first + 1 for e in within) / (within[-1].t - begin)


def pikas(account: Account, publishers: int, seconds: float) -> float:
    """As little Python as pika allows."""
    members = []
    for _ in range(publishers):
        ours_, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=raw_publisher, args=(account, seconds, theirs))
        process.start()
        members.append((process, ours_))
    rates = [pipe.recv() for _, pipe in members]
    for process, _ in members:
        process.join()
    return sum(rates)


def raw_publisher(account: Account, seconds: float, result: Connection) -> None:
    """Publishes one constant body as fast as confirms allow; sends the rate of confirms."""
    raw = Raw(seconds)
    endpoint = account.endpoints[0]
    raw.connection = pika.SelectConnection(
        pika.ConnectionParameters(
            endpoint.host, endpoint.port, account.vhost,
            pika.PlainCredentials(account.user, reveal(account.password)),
        ),
        on_open_callback=lambda connection: connection.channel(on_open_callback=raw.opened),
    )  # fmt: skip
    raw.connection.ioloop.start()
    result.send(raw.confirmed / (time.monotonic() - raw.began))


class Raw:
    """A window of unconfirmed messages over one channel."""

    def __init__(self, seconds: float) -> None:
        self.connection: Any = None
        self.confirmed = self.sent = 0
        self.began = 0.0
        self._seconds = seconds
        self._channel: Any = None
        self._body = b"x" * SETTINGS.size
        self._properties = pika.BasicProperties(delivery_mode=2)

    def opened(self, channel: Any) -> None:
        """Begins with the window full."""
        self._channel, self.began = channel, time.monotonic()
        channel.confirm_delivery(self._answered, lambda _: self._fill())

    def _fill(self) -> None:
        for _ in range(SETTINGS.window - (self.sent - self.confirmed)):
            self._channel.basic_publish(EXCHANGE, QUEUE, self._body, self._properties)
            self.sent += 1

    def _answered(self, frame: Any) -> None:
        self.confirmed = frame.method.delivery_tag if frame.method.multiple else self.confirmed + 1
        if time.monotonic() - self.began > self._seconds:
            self.connection.ioloop.stop()
        elif self.sent - self.confirmed < SETTINGS.window // 2:
            self._fill()


def until(seconds: float) -> None:
    """Passes time by looking at the clock."""
    end = time.monotonic() + seconds
    wait(lambda: time.monotonic() >= end, timeout=seconds + 5, interval=0.1, what="the load")


def purge(account: Account) -> None:
    """Empties the queue for the next round."""
    with queues.channel(account) as talk:
        talk.queue_purge(QUEUE)


def judged(path: Path) -> None:
    """What a verdict over the first round's history costs."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.monotonic()
    verdict = judge(journal.read(path))
    took = time.monotonic() - began
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    sent, size = verdict.messages.sent, path.stat().st_size
    print(f"\nhistory: {size / sent:.1f} bytes per message; judged {sent:,} messages in {took:.1f} s, "
          f"{grown:.0f} MiB more memory")  # fmt: skip


if __name__ == "__main__":
    main()
