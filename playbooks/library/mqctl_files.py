"""Ansible module: puts all files of a host in place, each accepted by its own program, and tells systemd."""

from __future__ import annotations

DOCUMENTATION = """
---
module: mqctl_files
short_description: Places all configuration files of a host in one call, and tells systemd
description:
  - Every file is written beside its target and checked by the program that will read it.
  - Nothing on the host is replaced or removed unless every check passed.
  - Files that did not exist are put down first, because a later check may need them,
    and go again when a check refuses.
  - Each replacement is atomic. What is as it should be is left alone.
  - What a broker reads is kept as it was until the broker has come up with the new.
  - Afterwards systemd reads changed unit files, and units are enabled.
options:
  files:
    description: The files, in the order in which they are placed.
    type: list
    elements: dict
    required: true
    suboptions:
      path: {description: Absolute path., type: path, required: true}
      action:
        description: What the plan found.
        type: str
        choices: [create, update, attributes, delete]
        required: true
      content: {description: The whole file in base64., type: str, default: ""}
      owner: {description: Owner., type: str, default: root}
      group: {description: Group., type: str, default: root}
      mode: {description: Octal mode., type: str, default: "0644"}
      validate:
        description: The argv of a check, C(%s) stands for the candidate.
        type: list
        elements: str
        default: []
      sensitive: {description: Whether C(diff) hides something., type: bool, default: false}
      diff: {description: "What is shown in diff mode, secrets masked.", type: str, default: ""}
  daemon_reload: {description: Whether systemd must read unit files again., type: bool, default: false}
  enable: {description: Units that must start at boot., type: list, elements: str, default: []}
author:
  - mqctl
"""

EXAMPLES = """
- name: Place the files
  mqctl_files:
    files:
      - path: /etc/haproxy/haproxy.cfg
        action: update
        content: "{{ lookup('ansible.builtin.file', 'haproxy.cfg') | b64encode }}"
        validate: [haproxy, -c, -f, "%s"]
    enable: [haproxy.service]
"""

RETURN = """
placed:
  description: Paths that were written, changed in mode or owner, or removed.
  type: list
  elements: str
  returned: always
note:
  description: The units that were enabled.
  type: str
  returned: success
"""

import base64
import glob
import grp
import os
import pwd
import stat
import subprocess
import tempfile
from collections import namedtuple

from ansible.module_utils import mqctl_previous as previous
from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.mqctl_busy import busy
from ansible.module_utils.mqctl_systemd import NotDoneError, control

VALIDATOR_SECONDS = 60

Wanted = namedtuple("Wanted", "path action content uid gid mode validate diff")


class RefusedError(Exception):
    """Why nothing was replaced."""


def wanted(entry):
    """One file of the arguments, with numeric owner, group and mode."""
    if not os.path.isabs(entry["path"]):
        raise RefusedError(f"{entry['path']}: not an absolute path")
    removing = entry["action"] == "delete"
    return Wanted(
        entry["path"],
        entry["action"],
        base64.b64decode(entry["content"] or ""),
        0 if removing else user_id(entry),
        0 if removing else group_id(entry),
        int(entry["mode"], 8),
        entry["validate"],
        entry["diff"],
    )


def user_id(entry):
    try:
        return pwd.getpwnam(entry["owner"]).pw_uid
    except KeyError:
        raise RefusedError(f"{entry['path']}: there is no user {entry['owner']}") from None


def group_id(entry):
    try:
        return grp.getgrnam(entry["group"]).gr_gid
    except KeyError:
        raise RefusedError(f"{entry['path']}: there is no group {entry['group']}") from None


def live(path):
    """The file's stat, None when there is none. Anything but a regular file is refused."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        raise RefusedError(f"{path}: its directory is a file") from None
    if not stat.S_ISREG(found.st_mode):
        kind = "a symbolic link" if stat.S_ISLNK(found.st_mode) else "not a regular file"
        raise RefusedError(f"{path}: is {kind}, mqctl replaces only regular files")
    return found


def differs(file):
    """Whether the host does not have the file as it should be."""
    found = live(file.path)
    if file.action == "delete" or found is None:
        return (found is not None) == (file.action == "delete")
    if (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) != (file.uid, file.gid, file.mode):
        return True
    return not same_content(file)


def same_content(file):
    with open(file.path, "rb") as stream:
        return stream.read() == file.content


def stage(file):
    """The candidate beside its target, complete on disk, with its final owner and mode."""
    directory, name = os.path.split(file.path)
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for left in glob.glob(os.path.join(glob.escape(directory), f".{glob.escape(name)}.mqctl-*")):
        os.unlink(left)
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.mqctl-", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(file.content)
            stream.flush()
            os.fchown(stream.fileno(), file.uid, file.gid)
            os.fchmod(stream.fileno(), file.mode)
            os.fsync(stream.fileno())
    except OSError as error:
        os.unlink(path)
        raise RefusedError(f"{file.path}: {error.strerror}") from None
    return path


def verdict(file, candidate):
    """What the file's own program has against the candidate; empty when it accepts it."""
    if not file.validate:
        return ""
    argv = [word.replace("%s", candidate) for word in file.validate]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=VALIDATOR_SECONDS, check=False
        )
    except FileNotFoundError:
        return f"{file.path}: {argv[0]}, which checks it, is not installed"
    except subprocess.TimeoutExpired:
        return f"{file.path}: {argv[0]} did not finish checking it within {VALIDATOR_SECONDS} s"
    if done.returncode == 0:
        return ""
    said = (done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}").splitlines()
    return f"{file.path}: refused by {argv[0]}: " + "\n".join(said[-12:]).replace(candidate, file.path)


def sync_directory(path):
    """Makes a rename or removal in `path`'s directory survive a power loss."""
    descriptor = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def put(candidate, path):
    os.rename(candidate, path)
    sync_directory(path)


def correct(file):
    """Owner and mode of a file whose content is right already: its time stamp stays."""
    os.chown(file.path, file.uid, file.gid, follow_symlinks=False)
    os.chmod(file.path, file.mode)


def remove(path):
    os.unlink(path)
    sync_directory(path)


def place(files):
    """Place what differs; RefusedError, with the host as it was, when a program refuses its file."""
    candidates, created, complaints = {}, [], []
    try:
        for file in files:
            if file.action == "delete" or (live(file.path) and same_content(file)):
                continue
            candidates[file.path] = stage(file)
            complaint = verdict(file, candidates[file.path])
            if complaint:
                complaints.append(complaint)
            elif live(file.path) is None:
                previous.keep(file.path)
                put(candidates.pop(file.path), file.path)
                created.append(file.path)
        if complaints:
            raise RefusedError("\n".join(complaints))
        created.clear()
        replace(files, candidates)
    finally:
        for leftover in [*candidates.values(), *created]:
            if os.path.lexists(leftover):
                remove(leftover)


def replace(files, candidates):
    """The part that changes what programs read; nothing here is expected to fail."""
    for file in files:
        previous.keep(file.path)
        if file.action == "delete":
            remove(file.path)
        elif file.path in candidates:
            put(candidates.pop(file.path), file.path)
        else:
            correct(file)


def shown(files):
    """Ansible's diff: the plan's own text, in which secrets are masked."""
    return [{"prepared": f"{file.path}: {file.action}\n{file.diff}"} for file in files]


def tell_systemd(reload, enable):
    if reload:
        control("daemon-reload")
    if enable:
        control("enable", "--quiet", *enable)


def main():
    module = AnsibleModule(
        argument_spec={
            "files": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "path": {"type": "path", "required": True},
                    "action": {
                        "type": "str",
                        "required": True,
                        "choices": ["create", "update", "attributes", "delete"],
                    },
                    "content": {"type": "str", "default": "", "no_log": True},
                    "owner": {"type": "str", "default": "root"},
                    "group": {"type": "str", "default": "root"},
                    "mode": {"type": "str", "default": "0644"},
                    "validate": {"type": "list", "elements": "str", "default": []},
                    "sensitive": {"type": "bool", "default": False},
                    "diff": {"type": "str", "default": ""},
                },
            },
            "daemon_reload": {"type": "bool", "default": False},
            "enable": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    reload, enable = module.params["daemon_reload"], module.params["enable"]
    try:
        todo = [file for file in map(wanted, module.params["files"]) if differs(file)]
        if not module.check_mode:
            busy()
            place(todo)
            tell_systemd(reload, enable)
    except RefusedError as why:
        module.fail_json(msg=f"nothing was replaced: {why}")
    except OSError as error:
        module.fail_json(msg=f"cannot place files: {error}")
    except NotDoneError as why:
        module.fail_json(msg=str(why))
    module.exit_json(
        changed=bool(todo) or reload or bool(enable),
        placed=[file.path for file in todo],
        note=f"enabled {', '.join(enable)}" if enable else "",
        diff=shown(todo),
    )


if __name__ == "__main__":
    main()
