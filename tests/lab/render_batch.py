"""Runs inside a container of a Debian release: places bundles and tells what the real programs said.

Standard library of Python 3.9. Job on stdin, results on stdout, both JSON.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BROKER = ["runuser", "-u", "rabbitmq", "--", "/usr/lib/rabbitmq/bin/rabbitmq-server"]
LOG = Path("/tmp/boot.log")


def run(argv, timeout=60, **options):
    try:
        done = subprocess.run(argv, capture_output=True, timeout=timeout, check=False, **options)
    except subprocess.TimeoutExpired:
        return {"code": "timeout", "out": "", "err": ""}
    return {"code": done.returncode, "out": done.stdout.decode(), "err": done.stderr.decode()}


def place(spec):
    """As mqctl does: the candidate beside the file, checked, then renamed; tells what the check said."""
    path = Path(spec["path"])
    path.parent.mkdir(parents=True, exist_ok=True)
    if spec["kind"] == "absent":
        path.unlink(missing_ok=True)
        return None
    candidate = path.with_name(f".{path.name}.mqctl-test")
    candidate.write_bytes(spec["content"].encode())
    candidate.chmod(int(spec["mode"], 8))
    shutil.chown(candidate, spec["owner"], spec["group"])
    said = checked(spec["validator"], candidate)
    if said and said["code"] != 0:
        candidate.unlink()
    else:
        candidate.rename(path)
    return said


def checked(validator, candidate):
    """None without a validator; `left`: what it left behind in /tmp."""
    if not validator:
        return None
    before = set(Path("/tmp").iterdir())
    said = run([part.replace("%s", str(candidate)) for part in validator])
    return {**said, "left": [path.name for path in Path("/tmp").iterdir() if path not in before]}


def place_all(files):
    told = {spec["path"]: place(spec) for spec in files if spec["kind"] != "block"}
    return {path: said for path, said in told.items() if said is not None}


def boot(case):
    """Boots a broker on the files, asks it, stops it, forgets its data."""
    result = {"placed": place_all(case["files"])}
    pid_file = "/var/lib/rabbitmq/test.pid"
    result["environment"] = run(["sh", "-c", '. /etc/rabbitmq/rabbitmq-env.conf; printf %s "$MQCTL_TEST"'])[
        "out"
    ]
    environment = {**os.environ, "RABBITMQ_PID_FILE": pid_file, "HOME": "/var/lib/rabbitmq"}
    with LOG.open("wb") as log:
        server = subprocess.Popen(BROKER, stdout=log, stderr=log, env=environment)
    try:
        result["started"] = run(["rabbitmqctl", "wait", "--timeout", "90", pid_file], 120)
        said = run(["rabbitmqctl", "-q", "eval", case["ask"]])["out"].split("\n")
        result["said"] = dict(line.split(" ", 1) for line in said if " " in line)
        result["users"] = run(["rabbitmqctl", "-q", "list_users"])["out"].split("\n")
        result["log"] = LOG.read_bytes().decode(errors="replace")[-3000:]
    finally:
        run(["rabbitmqctl", "stop", pid_file])
        server.kill()
        server.wait()
        shutil.rmtree("/var/lib/rabbitmq/mnesia", ignore_errors=True)
    return result


def until(condition, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def page(url, credentials):
    token = base64.b64encode(credentials.encode()).decode()
    request = urllib.request.Request(url, headers={"Authorization": f"Basic {token}"})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def timed(argv):
    start = time.monotonic()
    code = run(argv)["code"]
    return {"code": code, "seconds": time.monotonic() - start}


def entrance(case):
    """Starts HAProxy and Keepalived on the files; HAProxy is stopped and killed too: its check must fail."""
    Path("/run/haproxy").mkdir(exist_ok=True)
    shutil.chown("/run/haproxy", "haproxy", "haproxy")
    result = {"placed": place_all(case["files"])}
    haproxy = subprocess.Popen(
        ["haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"], stderr=subprocess.DEVNULL
    )
    check = ["/etc/keepalived/check-haproxy"]
    try:
        result["up"] = until(lambda: run(check)["code"] == 0)
        result["page"] = page(case["url"], case["credentials"])
        result["wrong"] = page(case["url"], case["credentials"] + "x")
        haproxy.send_signal(signal.SIGSTOP)
        result["stopped"] = timed(check)
        haproxy.send_signal(signal.SIGCONT)
        result["continued"] = timed(check)
    finally:
        haproxy.kill()
        haproxy.wait()
    result["killed"] = timed(check)
    command = ["keepalived", "--dont-fork", "--log-console", "--dump-conf", "--vrrp", "--no-syslog"]
    result["keepalived"] = run(["timeout", "-k", "5", "3", *command])
    return result


def main():
    job = json.load(sys.stdin)
    results = {
        "placed": {name: place_all(files) for name, files in job["place"].items()},
        "broken": {name: place(spec) for name, spec in job["broken"].items()},
        "consulted": {name: consulted(source) for name, source in job["consult"].items()},
        "boot": {name: boot(case) for name, case in job["boot"].items()},
        "entrance": {name: entrance(case) for name, case in job["entrance"].items()},
    }
    json.dump(results, sys.stdout)


CONSULT = """
    Text = fun(B) when is_binary(B) -> B; (A) when is_atom(A) -> atom_to_binary(A, utf8);
              (S) -> unicode:characters_to_binary(S) end,
    {ok, [L]} = file:consult("/tmp/consult"),
    [io:format("~s~n", [base64:encode(Text(X))]) || X <- L], halt().
"""


def consulted(source):
    """What Erlang reads in a file: the base64 of each text, in order."""
    Path("/tmp/consult").write_bytes(source.encode())
    return run(["erl", "-noinput", "-eval", CONSULT])["out"].split()


main()
