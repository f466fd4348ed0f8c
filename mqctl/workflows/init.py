"""What `mqctl init` does: write an inventory for real hosts or a lab, checked before it is placed."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_interface
from pathlib import Path
from typing import Any

import yaml

from mqctl import private, share
from mqctl.errors import MqctlError, UsageError
from mqctl.inventory import InventoryError, VaultOptions, bundled, ensure, load
from mqctl.model.topology import Topology
from mqctl.workflows.rewrite import lab_network, moved, real_hosts

_PER_LAB = ("connection.yml", "lab.yml", "secrets.yml")
"""Files in group_vars/all that real hosts have in another way."""
_GITIGNORE = "# secrets, and what mqctl keeps beside the inventory\n.mqctl/\ngroup_vars/all/secrets.yml\n"


@dataclass(frozen=True)
class Site:
    """What differs between two sites of one topology."""

    brokers: Mapping[str, str]
    """Addresses by host name, the founder first."""
    balancers: Mapping[str, str]
    """Addresses by host name, the first holder of the virtual IP first; none where there is no entrance."""
    virtual_address: str
    """With its prefix length; empty where there is no entrance."""
    interface: str
    become: bool
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    virtual_router_id: int | None = None
    """The last octet of the virtual IP when None."""


def topologies() -> tuple[str, ...]:
    """What init can write: every bundled inventory but the reference."""
    return tuple(name for name in bundled() if name != "example")


def has_entrance(topology: str) -> bool:
    """Whether the topology has load balancers; raises UsageError for an unknown one."""
    return "haproxy" in _load_yaml(_bundled(topology) / "hosts.yml")


def init(topology: str, directory: Path, site: Site, vault: VaultOptions) -> Topology:
    """Write the inventory with its secrets and load it.

    Raises UsageError for an unknown topology or a directory that is not empty, InventoryError for a site
    that breaks a rule; then nothing was written.
    """
    source = _bundled(topology)
    return _place(directory, lambda draft: _write(draft, source, site), vault)


def init_lab(topology: str, directory: Path, subnet: IPv4Network, vault: VaultOptions) -> Topology:
    """The bundled topology's own lab, moved to another network: so labs can stand side by side.

    Raises UsageError for an unknown topology and for a network that is smaller than the bundled one.
    """
    source = _bundled(topology)
    texts = {
        path.relative_to(source): path.read_text(encoding="utf-8")
        for path in sorted(source.rglob("*.yml"))
        if path.name != "secrets.yml"
    }
    home = lab_network(texts.values())
    if subnet.num_addresses < home.num_addresses:
        raise UsageError(f"{subnet} is too small for the lab", f"give it a /{home.prefixlen}")
    return _place(directory, lambda draft: _save(draft, moved(texts, home, subnet)), vault)


def _place(directory: Path, write: Callable[[Path], None], vault: VaultOptions) -> Topology:
    """Written beside its place, checked, and only then put there."""
    directory = directory.expanduser().absolute()
    _check_empty(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".mqctl-init-") as half:
            draft = Path(half) / directory.name
            write(draft)
            # What Ansible says of the draft is kept there, and true of its place.
            (draft / private.STATE_DIR).mkdir(mode=0o700)
            (draft / ".gitignore").write_text(_GITIGNORE, encoding="utf-8")
            _check(draft, directory, vault)
            draft.rename(directory)
    except OSError as error:
        raise MqctlError(f"cannot write {directory}: {error.strerror}", "choose another directory") from None
    return load(directory, vault)


def _save(draft: Path, texts: Mapping[Path, str]) -> None:
    for path, text in texts.items():
        (draft / path).parent.mkdir(parents=True, exist_ok=True)
        (draft / path).write_text(text, encoding="utf-8")


def _bundled(topology: str) -> Path:
    if topology not in topologies():
        raise UsageError(f"init cannot write {topology}", f"topologies: {', '.join(topologies())}")
    return share.root() / "inventories" / topology


def _load_yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _check_empty(directory: Path) -> None:
    if directory.is_dir() and not any(directory.iterdir()):
        return
    if directory.exists():
        raise UsageError(f"{directory} is not empty", "choose a new directory")


def _check(draft: Path, directory: Path, vault: VaultOptions) -> None:
    """Generate the secrets and load; problems name the directory that was asked for."""
    try:
        ensure(draft, vault)
    except InventoryError as error:
        raise InventoryError(directory, error.problems) from None


def _write(draft: Path, source: Path, site: Site) -> None:
    """For real hosts: the bundled settings, with other hosts, another entrance, another way to log in."""
    if any("mqctl_site:" in path.read_text(encoding="utf-8") for path in source.rglob("*.yml")):
        raise UsageError(
            f"{source.name} has several sites, each with hosts and a virtual IP of its own",
            "write it with --lab, then put the real addresses into hosts.yml and group_vars",
        )
    hosts = real_hosts(source.name, _load_yaml(source / "hosts.yml"), site.brokers, site.balancers)
    variables = draft / "group_vars"
    (variables / "all").mkdir(parents=True)
    for path in sorted((source / "group_vars").rglob("*.yml")):
        if path.name not in _PER_LAB:
            shutil.copyfile(path, variables / path.relative_to(source / "group_vars"))
    if site.virtual_address:
        keepalived = variables / "keepalived.yml"
        text = keepalived.read_text(encoding="utf-8")
        keepalived.write_text(_replaced(text, _entrance(site)), encoding="utf-8")
    (variables / "all" / "connection.yml").write_text(_dump(_connection(site)), encoding="utf-8")
    (draft / "hosts.yml").write_text(_dump(hosts), encoding="utf-8")


def _connection(site: Site) -> dict[str, Any]:
    key = str(site.key.expanduser().absolute()) if site.key else None
    variables = {
        "ansible_user": site.user,
        "ansible_port": site.port,
        "ansible_ssh_private_key_file": key,
        "ansible_become": site.become,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {name: value for name, value in variables.items() if value is not None}


def _entrance(site: Site) -> dict[str, Any]:
    """The variables of the virtual IP; VRRP 2 is for IPv4 only."""
    try:
        address = ip_interface(site.virtual_address)
    except ValueError:
        raise UsageError(f"{site.virtual_address} is not an address", "e.g. 192.0.2.100/24") from None
    if "/" not in site.virtual_address:
        raise UsageError(
            f"the virtual IP {address.ip} has no prefix length", f"e.g. {address.ip}/24, that of its hosts"
        )
    return {
        "keepalived_virtual_address": site.virtual_address,
        "keepalived_interface": site.interface,
        "keepalived_virtual_router_id": site.virtual_router_id or address.ip.packed[-1] or 1,
        **({} if address.version == 4 else {"keepalived_vrrp_version": 3}),
    }


def _replaced(text: str, variables: Mapping[str, Any]) -> str:
    """The YAML text with other values, its comments kept."""
    for name, value in variables.items():
        line = yaml.safe_dump({name: value}, allow_unicode=True).strip()
        text, count = re.subn(rf"^{name}:.*$", line.replace("\\", r"\\"), text, flags=re.MULTILINE)
        text += "" if count else f"{line}\n"
    return text


def _dump(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
