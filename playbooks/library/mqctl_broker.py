"""Ansible module: founds a cluster, joins it, starts or restarts one broker, and waits until that is true."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_broker
short_description: Brings one RabbitMQ broker up, or restarts it, behind gates
description:
  - A blank broker never founds a cluster unless it is told to; it waits for a peer that has one.
  - A broker is stopped only while every member runs, and no queue would lose its last synchronised copy.
  - Success is what the node says of itself, never a program's exit code.
  - A running broker that does not boot with a changed configuration gets the one back with which it ran.
options:
  action:
    description: >-
      C(found) starts a blank broker as the first of a cluster, C(join) starts a blank one that joins it,
      C(rejoin) empties one that runs alone without user data and joins it,
      C(start) starts a stopped member, C(restart) restarts a running one,
      C(retype) makes a running member a node of O(node_type), which empties it,
      C(stand-by) starts one whose data directory others share, C(hand-over) restarts such a one.
    type: str
    choices: [found, join, rejoin, start, restart, retype, stand-by, hand-over]
    required: true
  node: {description: "Erlang node name, e.g. C(rabbit@mq1).", type: str, required: true}
  node_type: {description: What C(retype) makes of it., type: str, choices: [disc, ram], default: disc}
  peers: {description: Node names of all brokers of the inventory., type: list, elements: str, default: []}
  partners:
    description: Brokers that share the data directory with this one.
    type: list
    elements: dict
    default: []
    suboptions:
      address: {description: Where it listens when it serves., type: str, required: true}
      port: {description: The port of its AMQP listener., type: int, required: true}
  alone: {description: The plan saw this broker running without any other member., type: bool, default: false}
  unit: {description: The systemd unit., type: str, default: rabbitmq-server.service}
  boot_timeout: {description: Seconds until the broker must be up., type: int, default: 300}
  gate_timeout: {description: Seconds until peers and mirrors are there., type: int, default: 300}
author:
  - mqctl
"""

EXAMPLES = """
- name: Restart a broker
  mqctl_broker:
    action: restart
    node: rabbit@mq1
    peers: [rabbit@mq1, rabbit@mq2, rabbit@mq3]
"""

RETURN = """
note:
  description: What was done, in a few words.
  type: str
  returned: success
"""

import os
import re
import socket
import time
from contextlib import nullcontext

from ansible.module_utils import mqctl_override as override
from ansible.module_utils import mqctl_previous as previous
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_busy import busy
from ansible.module_utils.mqctl_node import CONTENT, HELD, LAGGING, LIFE, ask
from ansible.module_utils.mqctl_systemd import (
    NotDoneError,
    abandoned,
    control,
    journal,
    poll,
    run,
    state,
    waits,
)

ATTEMPTS = 2
"""Boots that may fail before the broker counts as broken: the first may lose a race against its peers."""
GREETING = 3
"""Seconds in which a broker that serves takes a connection and answers."""
LEAST_DISC = 2
"""Disc nodes that must go on running: with one, its loss is the loss of all metadata."""
TELLING = re.compile(r"(\[(?:error|critical|warning)\]) <[\d.]+> (\S.*)")
"""The first line of a message; those below it, a crash report's say, are indented."""


class DoesNotBootError(NotDoneError):
    """The broker gave up by itself: waiting longer helps nothing."""


class Broker:
    """One broker on this host, as the module's arguments describe it."""

    def __init__(self, parameters):
        self.node = parameters["node"]
        self.node_type = parameters["node_type"]
        self.others = sorted(set(parameters["peers"]) - {self.node})
        self.partners = parameters["partners"]
        self.alone = parameters["alone"]
        self.unit = parameters["unit"]
        self.boot_timeout = parameters["boot_timeout"]
        self.gate_timeout = parameters["gate_timeout"]
        self.log = f"/var/log/rabbitmq/{self.node}.log"

    def life(self):
        """What the node says; None while it does not answer or is not fully booted."""
        said = ask(self.node, LIFE)
        return said if said and said["running"] else None

    def is_up(self):
        """Whether systemd and the node agree that it runs."""
        return bool(self.serves())

    def serves(self):
        """What the node says once systemd and the node agree that it runs."""
        return state(self.unit)["ActiveState"] == "active" and self.life()

    def settles(self):
        """Whether it serves, or waits while a partner serves."""
        if waits(self.unit):
            return any(greets(partner["address"], partner["port"]) for partner in self.partners)
        return self.serves()

    def boot(self, ready=None):
        """(Re)start the unit without blocking on it, and wait until it is `ready`; else until it serves."""
        before = state(self.unit)["InvocationID"]
        offset = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        control("reset-failed", self.unit)
        control("restart", "--no-block", self.unit)

        def booted():
            now = state(self.unit)
            if now["ActiveState"] == "failed" or int(now["NRestarts"]) >= ATTEMPTS:
                raise DoesNotBootError(f"{self.node} does not boot{self.last_words(offset)}")
            return now["InvocationID"] != before and (ready or self.serves)()

        poll(
            booted,
            self.boot_timeout,
            lambda: f"{self.node} is not up{self.waiting()}{self.last_words(offset)}",
        )
        previous.forget()

    def waiting(self):
        """That a broker waits for its peers is normal, but somebody has to come."""
        return f": it goes on waiting for one of {', '.join(self.others)}" if self.others else ""

    def last_words(self, offset):
        """Errors and warnings logged since `offset`, each once, and without an error what systemd heard.

        For then Erlang itself did not come up, or not far enough to log.
        """
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                log.seek(offset if os.path.getsize(self.log) >= offset else 0)
                found = [TELLING.search(line) for line in log]
        except FileNotFoundError:
            found = []
        telling = dict.fromkeys(f"{line[1]} {line[2].strip()}" for line in found if line)
        serious = any(line.startswith(("[error]", "[critical]")) for line in telling)
        return "\n" + "\n".join([*list(telling)[-8:], *([] if serious else [journal(self.unit)])])

    def gate(self, holds, what):
        """Wait until the node's own view satisfies `holds`; `what(view)` says what is wrong."""
        seen = {}

        def check():
            if abandoned():
                raise NotDoneError("the run that asked for this was ended")
            seen["life"] = self.life()
            return seen["life"] is not None and holds(seen["life"])

        def complaint():
            return what(seen["life"]) if seen["life"] else f"{self.node} does not answer"

        poll(check, self.gate_timeout, complaint, interval=0.5)
        return seen["life"]


def found(broker):
    """Boot the first broker of a cluster from a copy of its configuration that lists no peers."""
    if broker.is_up():
        return None
    with override.booting_as(override.founder, broker.unit):
        broker.boot()
    if not override.lets_the_oldest_found() and not override.chooses_feature_flags():
        enable_feature_flags(broker)
        for node in filter(runs, broker.others):
            catch_up(node, broker.gate_timeout)
    return "founded the cluster"


def enable_feature_flags(broker):
    """Peers of older lines may join while the founder boots: then some of its flags stay disabled, and quorum
    queues are refused. As long as a peer is on its way in, this may fail, and is tried again."""
    rabbitmqctl = ["rabbitmqctl", "--quiet", "-n", broker.node]
    poll(
        lambda: all(
            run([*rabbitmqctl, "enable_feature_flag", flag]).returncode == 0
            for flag in disabled_flags(rabbitmqctl)
        ),
        broker.gate_timeout,
        lambda: f"{broker.node} founded the cluster, and cannot enable its feature flags",
    )


def disabled_flags(rabbitmqctl):
    """Names for enable_feature_flag, which knows `all` from the 3.9 line on; 3.8 disables those of plugins.

    A broker that does not list them gets `all` as well: what 3.8 refuses is tried again.
    """
    if override.installed_line() >= (3, 9):
        return ["all"]
    listed = run([*rabbitmqctl, "list_feature_flags", "name", "state"])
    rows = [line.split() for line in listed.stdout.splitlines()]
    return [row[0] for row in rows if row[1:] == ["disabled"]] if listed.returncode == 0 else ["all"]


def join(broker):
    """Boot a blank broker; peer discovery makes it a member of the cluster of a peer, or waits for one."""
    if broker.is_up() and not is_apart(broker):
        return None
    first_boot(broker)
    return joined(broker)


def first_boot(broker):
    """Without the delay that old versions would add; newer ones only once there is somebody to join."""
    if override.lets_the_oldest_found():
        poll(
            lambda: any(runs(node) for node in broker.others),
            broker.boot_timeout,
            lambda: f"{broker.node} was not started{broker.waiting()}",
        )
    as_joiner = override.booting_as(override.joiner, broker.unit)
    with as_joiner if override.delays_first_boots() else nullcontext():
        broker.boot()


def runs(node):
    """Whether a node, of this host or another, says that it is fully booted."""
    said = ask(node, LIFE)
    return bool(said and said["running"])


def rejoin(broker):
    """Empty a broker that is a cluster of its own without user data, and let it join the others."""
    if not broker.is_up():
        broker.boot()
    if not is_apart(broker):
        return None
    refuse_user_data(broker)
    for step in ("stop_app", "reset"):
        command(broker, step)
    first_boot(broker)
    return joined(broker)


def command(broker, *words):
    done = run(["rabbitmqctl", "--quiet", "-n", broker.node, *words], timeout=120)
    if done.returncode:
        raise NotDoneError(f"rabbitmqctl {' '.join(words)}: {(done.stderr or done.stdout).strip()[-300:]}")


def is_apart(broker):
    life = broker.life()
    return life is None or not set(life["members"]) & set(broker.others)


def joined(broker):
    """The proof: the node itself names another broker of the inventory as a member of its cluster."""
    life = broker.gate(
        lambda seen: set(seen["members"]) & set(broker.others),
        lambda seen: f"{broker.node} is up, but in another cluster: {', '.join(seen['members'])}",
    )
    if not override.lets_the_oldest_found():
        catch_up(broker.node, broker.gate_timeout)
    return f"joined {', '.join(sorted(set(life['members']) - {broker.node}))}"


def catch_up(node, timeout):
    """Enable on a member what its peers have enabled.

    On older lines one that joins copies the flags before it is a member, and its founder enables those of the
    members that it knew when it began: what happens in between stays disabled. Both look afterwards.
    """

    def caught_up():
        seen = ask(node, LAGGING)
        for flag in seen["lagging"] if seen else ():
            run(["rabbitmqctl", "--quiet", "-n", node, "enable_feature_flag", flag])
        return seen is not None and not seen["lagging"]

    poll(caught_up, timeout, lambda: f"cannot enable on {node} the feature flags that its peers have")


def refuse_user_data(broker):
    """A reset erases; what it would erase is looked at here again, right before."""
    content = ask(broker.node, CONTENT)
    if content is None:
        raise NotDoneError(f"{broker.node} does not say what it holds, so it is not reset")
    if content["queues"] or content["vhosts"] or content["users"]:
        held = ", ".join(f"{len(content[what])} {what}" for what in ("vhosts", "users"))
        raise NotDoneError(
            f"{broker.node} is a cluster of its own, joining would erase {content['queues']} queues, {held}"
        )


def start(broker):
    """Boot a stopped member; it may have to wait for peers that are started at the same time."""
    if broker.is_up():
        return None
    broker.boot()
    return "started"


def restart(broker):
    """Restart a member between two gates; one that has no peers is restarted as it is."""
    if state(broker.unit)["ActiveState"] == "active" and not broker.alone:
        broker.gate(may_stop, lambda seen: f"{broker.node} may not be stopped now: {why_not(seen)}")
    boot_or_go_back(broker)
    broker.gate(
        lambda seen: whole(seen) and not seen["behind"],
        lambda seen: f"{broker.node} was restarted, but {why_not(seen)}",
    )
    return "restarted"


def boot_or_go_back(broker):
    """With the changed configuration; failing that with the one it ran with, and complain."""
    try:
        broker.boot()
    except DoesNotBootError as why:
        taken_back = previous.put_back()
        if not taken_back:
            raise
        back = f"{', '.join(taken_back)} {'was' if len(taken_back) == 1 else 'were'} put back"
        try:
            broker.boot()
        except NotDoneError as again:
            raise NotDoneError(f"{why}\n{back}, but {again}") from None
        raise NotDoneError(f"{why}\n{broker.node} runs again, for {back}{unlike(broker.others)}") from None


def unlike(others):
    """What is left to do: on disk they may have what they would not boot with, either."""
    has = f"; {', '.join(others)} may have the new files: correct the inventory and deploy again"
    return has if others else ""


def stand_by(broker):
    """Start a broker whose data directory another host may have: it serves, or waits for its turn."""
    if broker.settles():
        return None
    if state(broker.unit)["ActiveState"] == "activating":
        poll(broker.settles, broker.boot_timeout, lambda: f"nobody serves {broker.node}")
    else:
        broker.boot(broker.settles)
    return "waits for the data directory" if waits(broker.unit) else "started"


def hand_over(broker):
    """Restart a broker whose data directory others share: one that waits takes it over from one that serves.

    Somebody serves before the next one is restarted.
    """
    broker.boot(broker.settles)
    return "restarted, and waits for the data directory" if waits(broker.unit) else "restarted"


def greets(address, port):
    """Whether somebody answers AMQP's protocol header there as a broker does (AMQP 0-9-1, section 4.2.2)."""
    try:
        with socket.create_connection((address, port), timeout=GREETING) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return connection.recv(3) == b"\x01\x00\x00"
    except OSError:
        return False


def retype(broker):
    """Make a member a disc or RAM node. RabbitMQ empties it: it must hold nothing that no other node has."""
    if not broker.is_up():
        broker.boot()
    life = broker.life()
    if life is not None and life["type"] == broker.node_type:
        return None
    broker.gate(
        lambda seen: may_stop(seen) and keeps_disc_nodes(seen, broker),
        lambda seen: (
            f"{broker.node} may not become a {broker.node_type} node now: {why_not_retype(seen, broker)}"
        ),
    )
    refuse_only_copies(broker)
    try:
        for step in (["stop_app"], ["change_cluster_node_type", broker.node_type]):
            command(broker, *step)
    finally:
        broker.boot()
    broker.gate(
        lambda seen: whole(seen) and not seen["behind"] and seen["type"] == broker.node_type,
        lambda seen: f"{broker.node} is a {seen['type']} node, and {why_not(seen)}",
    )
    return f"became a {broker.node_type} node"


def keeps_disc_nodes(life, broker):
    """Counted without this one, which is away for a while whatever it becomes."""
    return broker.node_type == "disc" or len(set(life["discs"]) - {broker.node}) >= LEAST_DISC


def why_not_retype(life, broker):
    """The same, in words."""
    if keeps_disc_nodes(life, broker):
        return why_not(life)
    left = sorted(set(life["discs"]) - {broker.node})
    return f"the running disc nodes that would stay are {', '.join(left) or 'none'}, and {LEAST_DISC} must"


def refuse_only_copies(broker):
    """What the reset would erase is looked at right before."""
    held = ask(broker.node, HELD)
    if held is None:
        raise NotDoneError(f"{broker.node} does not say what it holds, so it is not reset")
    if held["only"]:
        raise NotDoneError(
            f"no other node has what {broker.node} has of {some(held['only'])}: it is not reset"
        )


def whole(life):
    """Every member runs, and no one is on the other side of a partition."""
    return set(life["up"]) == set(life["members"]) and not life["apart"]


def may_stop(life):
    """Nobody is missing, and no queue led here would lose its only complete copy."""
    return whole(life) and not life["alone"]


def why_not(life):
    """What keeps a gate shut, in words."""
    missing = sorted(set(life["members"]) - set(life["up"]))
    reasons = [
        f"{', '.join(missing)} not running" if missing else "",
        f"partitioned from {', '.join(life['apart'])}" if life["apart"] else "",
        f"no synchronised mirror of {some(life['alone'])}" if life["alone"] else "",
        f"mirrors still copy {some(life['behind'])}" if life["behind"] else "",
    ]
    return "; ".join(filter(None, reasons)) or "it does not say why"


def some(names):
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


ACTIONS = {
    "found": found,
    "join": join,
    "rejoin": rejoin,
    "start": start,
    "restart": restart,
    "retype": retype,
    "stand-by": stand_by,
    "hand-over": hand_over,
}


def main():
    module = AnsibleModule(
        argument_spec={
            "action": {"type": "str", "required": True, "choices": list(ACTIONS)},
            "node": {"type": "str", "required": True},
            "node_type": {"type": "str", "choices": ["disc", "ram"], "default": "disc"},
            "peers": {"type": "list", "elements": "str", "default": []},
            "partners": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {
                    "address": {"type": "str", "required": True},
                    "port": {"type": "int", "required": True},
                },
            },
            "alone": {"type": "bool", "default": False},
            "unit": {"type": "str", "default": "rabbitmq-server.service"},
            "boot_timeout": {"type": "int", "default": 300},
            "gate_timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )
    action = module.params["action"]
    if module.check_mode:
        module.exit_json(changed=True, note=f"would {action}")
    busy()
    started = time.monotonic()
    try:
        override.remove(module.params["unit"])
        note = ACTIONS[action](Broker(module.params))
    except NotDoneError as why:
        module.fail_json(msg=str(why))
    took = f" in {time.monotonic() - started:.1f} s" if note else ""
    module.exit_json(changed=note is not None, note=f"{note or 'is up already'}{took}")


if __name__ == "__main__":
    main()
