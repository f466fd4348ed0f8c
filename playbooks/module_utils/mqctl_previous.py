"""The configuration that a broker last came up with, kept until it comes up with the next one.

Runs on the hosts, from Python 3.9 on. A boot of the host empties the place: the broker boots then, too, with
what is there by then. The first copy of a file counts, also when runs that were ended changed it twice.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat

from ansible.module_utils.mqctl_systemd import control

PLACE = "/run/mqctl/previous"
READ = (
    "/etc/rabbitmq/",
    "/etc/systemd/system/rabbitmq-server.service.d/",
    "/var/lib/rabbitmq/.erlang.cookie",
)
"""What a broker reads when it boots."""


def keep(path):
    """Remember a file that a broker reads, or that there is none, before it is changed."""
    record = os.path.join(PLACE, base64.urlsafe_b64encode(path.encode()).decode())
    if not path.startswith(READ) or os.path.exists(record):
        return
    os.makedirs(PLACE, mode=0o700, exist_ok=True)
    new = f"{record}.new"
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        json.dump(as_it_is(path), stream)
    os.rename(new, record)


def as_it_is(path):
    """The file as a record; one without content when there is none."""
    try:
        with open(path, "rb") as stream:
            found = os.fstat(stream.fileno())
            content = base64.b64encode(stream.read()).decode()
    except FileNotFoundError:
        return {"path": path, "content": None}
    mode = stat.S_IMODE(found.st_mode)
    return {"path": path, "content": content, "uid": found.st_uid, "gid": found.st_gid, "mode": mode}


def forget():
    """The broker came up: what is there now is what it came up with."""
    shutil.rmtree(PLACE, ignore_errors=True)


def put_back():
    """Every file as it was; their paths, none when nothing was changed since the broker came up."""
    records = []
    for name in sorted(os.listdir(PLACE)) if os.path.isdir(PLACE) else ():
        if not name.endswith(".new"):
            with open(os.path.join(PLACE, name), encoding="ascii") as stream:
                records.append(json.load(stream))
    for record in records:
        restore(record)
    if records:
        control("daemon-reload")
    forget()
    return [record["path"] for record in records]


def restore(record):
    """One file, at once and with its owner and mode."""
    path = record["path"]
    if record["content"] is None:
        if os.path.lexists(path):
            os.unlink(path)
        return
    directory, name = os.path.split(path)
    new = os.path.join(directory, f".{name}.mqctl-previous")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(base64.b64decode(record["content"]))
        os.fchown(descriptor, record["uid"], record["gid"])
        os.fchmod(descriptor, record["mode"])
    os.rename(new, path)
