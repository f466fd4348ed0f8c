"""Runs one of mqctl's Ansible modules for real: a process of its own, arguments on stdin, JSON on stdout."""

import json
import os
import subprocess
import sys
from pathlib import Path

PLAYBOOKS = Path(__file__).resolve().parents[3] / "playbooks"

_START = """
import runpy, sys
import ansible.module_utils
ansible.module_utils.__path__.append(sys.argv.pop(1))
sys.argv[0] = sys.argv.pop(1)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(name, arguments, check=False, path=None):
    """The running module; its arguments are with it already."""
    meta = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_no_log": False}
    process = subprocess.Popen(
        [sys.executable, "-c", _START, PLAYBOOKS / "module_utils", PLAYBOOKS / "library" / f"{name}.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]},
    )
    process.stdin.write(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, **meta}}))
    process.stdin.close()
    process.stdin = None
    return process


def run(name, arguments, check=False, path=None):
    """What the module answered; `failed` is true when it failed."""
    out, err = start(name, arguments, check, path).communicate(timeout=60)
    assert out, err
    return json.loads(out)
