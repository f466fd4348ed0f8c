"""What mqctl's modules ask of systemd, and their one polling loop. Runs on the hosts, from Python 3.9 on."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time

from ansible.module_utils.mqctl_busy import busy

PROPERTIES = "ActiveState,SubState,Result,InvocationID,MainPID,NRestarts"


class NotDoneError(Exception):
    """Something did not come about; the text is for the person who runs the deploy."""


def run(argv, stdin=None, timeout=60):
    """A finished process; NotDoneError when the program is missing or hangs."""
    try:
        return subprocess.run(
            argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False, errors="replace"
        )
    except FileNotFoundError as missing:
        raise NotDoneError(f"{argv[0]} is not installed") from missing
    except subprocess.TimeoutExpired as late:
        raise NotDoneError(f"{argv[0]} did not answer within {timeout} s") from late


def poll(check, timeout, what, interval=0.3):
    """Call `check` until it returns something true, and return that; NotDoneError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer:
            return answer
        if time.monotonic() >= deadline:
            raise NotDoneError(f"{what()} (waited {timeout:g} s)")
        time.sleep(interval)


def abandoned():
    """Whether nobody reads this module's answer any more: the run that asked for it was ended."""
    listener = select.poll()
    listener.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in listener.poll(0))


def state(unit):
    """The unit's properties as systemd prints them."""
    shown = run(["systemctl", "show", "-p", PROPERTIES, "--", unit])
    return dict(line.split("=", 1) for line in shown.stdout.splitlines() if "=" in line)


def waits(unit):
    """Whether it starts and is still flock(1), which becomes the program once it has the lock: a standby."""
    now = state(unit)
    try:
        with open(f"/proc/{now.get('MainPID')}/comm", encoding="utf-8") as name:
            return now["ActiveState"] == "activating" and name.read().strip() == "flock"
    except OSError:
        return False


def control(*arguments):
    """`systemctl ...`; NotDoneError with systemd's own sentence."""
    done = run(["systemctl", *arguments], timeout=120)
    if done.returncode:
        raise NotDoneError(f"systemctl {' '.join(arguments)}: {done.stderr.strip() or done.returncode}")


def bring(verb, unit):
    """Start or reload a unit, also one that failed too often; NotDoneError with its last words."""
    control("reset-failed", unit)
    try:
        control(verb, unit)
    except NotDoneError as why:
        raise NotDoneError(f"{why}\n{journal(unit)}") from None


def journal(unit, lines=8):
    """The unit's last words."""
    said = run(["journalctl", "-u", unit, "-n", str(lines), "--no-pager", "-o", "cat"])
    return said.stdout.strip()


def do(module, actions, where):
    """The action that was asked for, on `unit` within `timeout`; `where` is what proves it."""
    given = module.params
    if module.check_mode:
        module.exit_json(changed=True, note=f"would {given['action']}")
    busy()
    try:
        note = actions[given["action"]](given["unit"], where, given["timeout"])
    except (NotDoneError, OSError) as why:
        if os.path.exists(given["config"]):
            # The file is newer than what runs, and the next plan sees that by its time stamp.
            os.utime(given["config"])
        module.fail_json(msg=str(why))
    module.exit_json(changed=True, note=note)
