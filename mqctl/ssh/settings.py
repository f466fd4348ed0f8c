"""Ansible's connection variables and OpenSSH's configuration, put together as OpenSSH itself would."""

from __future__ import annotations

import getpass
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretStr

from mqctl.errors import MqctlError
from mqctl.model.topology import Connection
from mqctl.ssh.failure import Place

if TYPE_CHECKING:
    from paramiko import SSHConfig

_USER_CONFIG = Path("~/.ssh/config")
_SYSTEM_CONFIG = Path("/etc/ssh/ssh_config")
_USER_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_SYSTEM_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_DEFAULT_PORT = 22


@dataclass(frozen=True)
class Settings:
    """Everything that one connection needs, decided."""

    place: Place
    """Address, port and user after the configuration's HostName, Port and User."""
    private_key: Path | None
    """The key that the inventory names: it must be readable."""
    identities: tuple[Path, ...]
    """Keys that OpenSSH's configuration names: used where they exist."""
    password: SecretStr | None
    agent: bool
    default_keys: bool
    known_hosts: tuple[Path, ...]
    strict: str
    """StrictHostKeyChecking: yes (also for ask, nobody is there to be asked), accept-new or no."""
    jump: str | None
    """ProxyJump: the hops, comma-separated."""
    proxy_command: str | None


def settings(host: str, connection: Connection) -> Settings:
    """Put the inventory's variables over ~/.ssh/config and /etc/ssh/ssh_config.

    Raises MqctlError when a configuration file cannot be parsed.
    """
    config = {**_configured(connection.host), **connection.ssh_options}
    address = config.get("hostname", connection.host)
    port = connection.port
    if port == _DEFAULT_PORT and config.get("port", "").isdigit():
        port = int(config["port"])
    user = connection.user or config.get("user") or getpass.getuser()
    only = config.get("identitiesonly", "no").lower() == "yes"
    return Settings(
        place=Place(host, address, port, user, alias=config.get("hostkeyalias")),
        private_key=connection.private_key,
        identities=tuple(_path(name) for name in shlex.split(config.get("identityfile", ""))),
        password=connection.password,
        agent=not only and config.get("identityagent", "").lower() != "none",
        default_keys=not only and connection.private_key is None,
        known_hosts=_known_hosts(config),
        strict=_strictness(config.get("stricthostkeychecking", "ask").lower()),
        jump=_unless_none(config.get("proxyjump")),
        proxy_command=_unless_none(config.get("proxycommand")),
    )


def hop(specification: str) -> Connection:
    """A hop of ProxyJump, [user@]host[:port], as a connection of its own."""
    user, _, rest = specification.strip().removeprefix("ssh://").rpartition("@")
    name, port = rest, ""
    if rest.startswith("["):
        name, _, port = rest[1:].partition("]")
        port = port.removeprefix(":")
    elif rest.count(":") == 1:
        name, _, port = rest.partition(":")
    return Connection(host=name, user=user or None, port=int(port) if port.isdigit() else _DEFAULT_PORT)


def _configured(host: str) -> dict[str, str]:
    """What OpenSSH's configuration says of a host; several values of one option joined by spaces."""
    from paramiko import SSHConfig

    config = SSHConfig()
    for path in (_USER_CONFIG.expanduser(), _SYSTEM_CONFIG):
        if path.is_file():
            _parse(config, path)
    found: dict[str, str | list[str]] = dict(config.lookup(host))
    return {key: shlex.join(value) if isinstance(value, list) else value for key, value in found.items()}


def _parse(config: SSHConfig, path: Path) -> None:
    from paramiko import ConfigParseError

    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            config.parse(file)
    except (ConfigParseError, OSError) as error:
        raise MqctlError(
            f"{path} cannot be parsed: {error}", "`ssh -G HOST` shows how OpenSSH reads it"
        ) from None


def _known_hosts(config: dict[str, str]) -> tuple[Path, ...]:
    """UserKnownHostsFile before GlobalKnownHostsFile, each a list separated by spaces."""
    user = config.get("userknownhostsfile", _USER_HOSTS)
    system = config.get("globalknownhostsfile", _SYSTEM_HOSTS)
    return tuple(_path(name) for name in [*_split(user), *_split(system)] if name.lower() != "none")


def _split(names: str) -> list[str]:
    """A list of file names; one name with spaces that exists is one name (Ansible's own quoting is gone)."""
    return [names] if _path(names).exists() else shlex.split(names)


def _strictness(value: str) -> str:
    if value in ("no", "off"):
        return "no"
    return value if value == "accept-new" else "yes"


def _unless_none(value: str | None) -> str | None:
    return None if value is None or value.lower() in ("none", "") else value


def _path(name: str) -> Path:
    return Path(name.strip("\"'")).expanduser()
