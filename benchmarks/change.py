"""One small change and one look, beside what the same takes by hand over SSH, in one run.

    python benchmarks/change.py [--rounds 5]

Prints medians and differences in Markdown, exits 1 when a goal is missed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from bench import Bench, Row, Times, on_a_lab, seconds

SUBNET = "10.93.20.0/24"
BALANCERS = ("lb1", "lb2")


def main() -> None:
    """Measure and print."""
    on_a_lab(str(__doc__), SUBNET, 5, measure, differences)


def measure(bench: Bench, rounds: int) -> list[Times]:
    """On a deployed cluster."""
    bench.mqctl("deploy", str(bench.directory))
    return [round_(bench, number) for number in range(rounds)]


def differences(times: Times) -> Sequence[Row]:
    """The goals, in seconds over the floor."""
    goals = {
        ("mqctl deploy, one policy changed", "rabbitmqctl set_policy over SSH"): 2.0,
        ("mqctl deploy, one HAProxy timer changed", "copy and reload over SSH, both hosts at once"): 3.0,
        ("mqctl plan", "SSH round trip and rabbitmqctl cluster_status"): 1.5,
        ("mqctl status", "SSH round trip and rabbitmqctl cluster_status"): 1.5,
    }
    return [Row(f"{a} - {b}", times[a] - times[b], goal, "s") for (a, b), goal in goals.items()]


def round_(bench: Bench, number: int) -> Times:
    """Every change differs from the one before."""
    directory = str(bench.directory)
    times = {"rabbitmqctl set_policy over SSH": seconds(lambda: set_policy(bench, number))}
    bench.edit("rabbitmq.yml", policy(number), policy(number + 1))
    times["mqctl deploy, one policy changed"] = seconds(lambda: bench.mqctl("deploy", directory))
    times["copy and reload over SSH, both hosts at once"] = seconds(lambda: reload(bench))
    bench.edit(
        "haproxy.yml", f"haproxy_timeout_client: {90 + number}", f"haproxy_timeout_client: {91 + number}"
    )
    times["mqctl deploy, one HAProxy timer changed"] = seconds(lambda: bench.mqctl("deploy", directory))
    times["SSH round trip and rabbitmqctl cluster_status"] = seconds(
        lambda: bench.ssh("mq1", "rabbitmqctl --quiet cluster_status")
    )
    times["mqctl plan"] = seconds(lambda: bench.mqctl("plan", directory))
    times["mqctl status"] = seconds(lambda: bench.mqctl("status", directory))
    print({name: round(value, 2) for name, value in times.items()}, file=sys.stderr, flush=True)
    return times


def policy(priority: int) -> str:
    """A part of the policy as the inventory has it; it begins without a priority."""
    return "    apply-to: queues\n" + (f"    priority: {priority}\n" if priority else "")


def set_policy(bench: Bench, number: int) -> None:
    """By hand, a policy of another name: mqctl does not touch what it did not make."""
    definition = json.dumps({"max-length": 1000 + number})
    bench.ssh("mq1", f"rabbitmqctl --quiet set_policy by-hand '^by-hand$' '{definition}' --apply-to queues")


def reload(bench: Bench) -> None:
    """By hand: HAProxy's configuration placed as it is, checked, and reloaded."""
    line = (
        "cat /etc/haproxy/haproxy.cfg >/tmp/new.cfg && haproxy -c -q -f /tmp/new.cfg"
        " && cp /tmp/new.cfg /etc/haproxy/haproxy.cfg && rm /tmp/new.cfg && systemctl reload haproxy"
    )
    bench.everywhere(BALANCERS, line)


if __name__ == "__main__":
    main()
