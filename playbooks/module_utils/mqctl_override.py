"""A first boot's own configuration, in force for that boot only. Runs on the hosts, from Python 3.9 on.

A drop-in in systemd's runtime directory points the broker to a changed copy of its configuration; both go
when the broker has booted, and with every boot of the host.
"""

from __future__ import annotations

import glob
import grp
import os
import re
from contextlib import contextmanager

from ansible.module_utils.mqctl_systemd import NotDoneError, control, run

CONF = "/etc/rabbitmq/rabbitmq.conf"
CLASSIC = "/etc/rabbitmq/rabbitmq.config"
ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
RUNTIME = "/run/mqctl"
GROUP = "rabbitmq"
LIBRARY = "/usr/lib/rabbitmq/lib"

CHANGE = """
{ok, Old} = file:consult(os:getenv("OLD")),
Formation = case os:getenv("CHANGE") of
  "founder" -> fun(Env) -> lists:keydelete(cluster_nodes, 1, lists:keydelete(cluster_formation, 1, Env)) end;
  "joiner" -> fun(Env) ->
    F = proplists:get_value(cluster_formation, Env, []),
    lists:keystore(cluster_formation, 1, Env,
      {cluster_formation, [{randomized_startup_delay_range, {0, 1}} | F]}) end
end,
Apps = fun({rabbit, Env}) -> {rabbit, Formation(Env)}; (App) -> App end,
New = [[Apps(App) || App <- Terms] || Terms <- Old],
Text = unicode:characters_to_binary([io_lib:format("~tp.~n", [Term]) || Term <- New]),
ok = file:write_file(os:getenv("NEW"), Text),
halt(0).
"""


def founder(lines):
    """rabbitmq.conf without peers: whoever boots with it founds a cluster."""
    return [line for line in lines if not line.startswith("cluster_formation.")]


def joiner(lines):
    """rabbitmq.conf without the random delay of 5 to 60 s by which 3.8 keeps first boots apart.

    It has no lock among booting brokers. It needs neither here: only one broker may found a cluster.
    """
    key = "cluster_formation.randomized_startup_delay_range"
    return [*lines, f"{key}.min = 0\n", f"{key}.max = 1\n"]


def delays_first_boots():
    """Whether this RabbitMQ has that delay: the 3.8 line."""
    return installed_line() in ((3, 7), (3, 8))


def lets_the_oldest_found():
    """Whether two blank brokers that see each other are enough for the older one to found a cluster.

    So from the 3.13 line on (rabbit_peer_discovery:can_use_discovered_nodes/2, sort_nodes_and_props/1).
    """
    return installed_line() >= (3, 13)


def chooses_feature_flags():
    """Whether the node's environment says which flags a new broker enables (guide "Feature Flags")."""
    try:
        with open(ENVIRONMENT, encoding="utf-8") as lines:
            return any(re.match(r"\s*\w*FEATURE_FLAGS=", line) for line in lines)
    except FileNotFoundError:
        return False


def installed_line():
    """The line of the RabbitMQ on this host, e.g. (3, 10); of several the newest, without any (0, 0)."""
    found = [re.search(r"-(\d+)\.(\d+)\.", path) for path in glob.glob(f"{LIBRARY}/rabbitmq_server-*")]
    return max(((int(match[1]), int(match[2])) for match in found if match), default=(0, 0))


@contextmanager
def booting_as(change, unit):
    """While this lasts the unit boots with a configuration changed by `founder` or `joiner`."""
    try:
        install(change, unit)
        yield
    finally:
        remove(unit)


def install(change, unit):
    """Write the copy and the drop-in."""
    os.makedirs(RUNTIME, mode=0o755, exist_ok=True)
    os.makedirs(os.path.dirname(drop_in(unit)), exist_ok=True)
    classic = os.path.exists(CLASSIC)
    copy = f"{RUNTIME}/first-boot.{'config' if classic else 'conf'}"
    if classic:
        write(copy, [])
        rewrite_terms(change, copy)
    else:
        with open(CONF, encoding="utf-8") as conf:
            write(copy, change(conf))
    with open(drop_in(unit), "w", encoding="utf-8") as stream:
        stream.write(f"[Service]\nEnvironment=RABBITMQ_CONFIG_FILE={copy}\n")
    control("daemon-reload")


def write(copy, lines):
    """Readable by the broker's group only: the configuration may hold secrets."""
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o640)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        os.fchown(descriptor, 0, grp.getgrnam(GROUP).gr_gid)
        os.fchmod(descriptor, 0o640)
        stream.writelines(lines)


def rewrite_terms(change, copy):
    """The classic format is Erlang's own, so Erlang changes it."""
    erl = ["erl", "-noinput", "-boot", "start_clean", "-eval", CHANGE]
    done = run(["env", f"OLD={CLASSIC}", f"NEW={copy}", f"CHANGE={change.__name__}", *erl])
    if done.returncode:
        raise NotDoneError(f"cannot read {CLASSIC}: {done.stderr.strip()[-300:]}")


def remove(unit):
    """Also what an interrupted run left: later starts read the configuration itself."""
    left = [path for path in (drop_in(unit), *glob.glob(f"{RUNTIME}/first-boot.*")) if os.path.exists(path)]
    for path in left:
        os.unlink(path)
    if left:
        control("daemon-reload")


def drop_in(unit):
    """Where systemd reads what holds until the next boot of the host."""
    return f"/run/systemd/system/{unit}.d/mqctl-first-boot.conf"
