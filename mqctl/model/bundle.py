"""What a host must carry: the exact files, units and packages, as data."""

from __future__ import annotations

from typing import Literal

from pydantic import SecretStr

from mqctl.model.base import Model, Octal

Component = Literal["hosts", "firewall", "rabbitmq", "haproxy", "keepalived"]
Secrecy = Literal["public", "masked", "secret"]
"""public: shown whole; masked: shown with `masks` applied; secret: only "differs" is ever shown."""
Effect = Literal[
    "none", "reload-firewall", "restart-broker", "reload-haproxy", "reload-keepalived", "reload-systemd"
]
"""What a running service needs after the file changed."""


class FileSpec(Model):
    """One file of a host. `content` is a SecretStr so that no log or traceback carries it by accident."""

    path: str
    component: Component
    content: SecretStr
    owner: str = "root"
    group: str = "root"
    mode: Octal = "0644"
    kind: Literal["file", "block", "absent"] = "file"
    """block: only the lines between mqctl's markers are ours; absent: the file must not exist."""
    validator: tuple[str, ...] = ()
    """argv that must exit 0 before the file replaces the old one; `%s` stands for the candidate's path."""
    secrecy: Secrecy = "public"
    masks: tuple[str, ...] = ()
    """Regular expressions; what their group 1 matches is shown as ********, in old and new text alike."""
    effects: tuple[Effect, ...] = ("none",)


class ServiceSpec(Model):
    """A systemd unit that must be enabled and running."""

    unit: str
    component: Component


class HostBundle(Model):
    """All of one host, files in the order in which they are placed."""

    host: str
    packages: tuple[str, ...]
    files: tuple[FileSpec, ...]
    services: tuple[ServiceSpec, ...]
