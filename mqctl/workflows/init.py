"""What `mqctl init` does: write an inventory for real hosts or a lab, checked before it is placed."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_interface
from pathlib import Path
from typing import Any

import yaml

from mqctl import share
from mqctl.errors import MqctlError, UsageError
from mqctl.inventory import InventoryError, VaultOptions, ensure, load
from mqctl.model.topology import Topology

TOPOLOGIES = ("mirrored-3node",)
"""What init can write."""
_FIRST_PRIORITY = 250
_NEXT_PRIORITY = 240
_GITIGNORE = "# secrets, and what mqctl keeps beside the inventory\n.mqctl/\ngroup_vars/all/secrets.yml\n"


@dataclass(frozen=True)
class Site:
    """What differs between two sites of one topology."""

    brokers: Mapping[str, str]
    """Addresses by host name, the founder first."""
    balancers: Mapping[str, str]
    """Addresses by host name, the first holder of the virtual IP first."""
    virtual_address: str
    """With its prefix length."""
    interface: str
    become: bool
    user: str | None = None
    port: int | None = None
    key: Path | None = None
    virtual_router_id: int | None = None
    """The last octet of the virtual IP when None."""
    lab: IPv4Network | None = None
    """Containers on this machine in this network, instead of real hosts."""


def init(topology: str, directory: Path, site: Site, vault: VaultOptions) -> Topology:
    """Write the inventory with its secrets and load it.

    Raises UsageError for an unknown topology or a directory that is not empty, InventoryError for a site
    that breaks a rule; then nothing was written.
    """
    directory = directory.expanduser().absolute()
    _check_empty(directory)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=directory.parent, prefix=".mqctl-init-") as half:
            draft = Path(half) / directory.name
            _write(draft, _bundled(topology), site)
            _check(draft, directory, vault)
            draft.rename(directory)
    except OSError as error:
        raise MqctlError(f"cannot write {directory}: {error.strerror}", "choose another directory") from None
    return load(directory, vault)


def lab_site(topology: str, subnet: IPv4Network) -> Site:
    """The bundled topology's own lab, moved to another network: so labs can stand side by side.

    Raises UsageError for an unknown topology and for a network that is smaller than the bundled one.
    """
    bundled = _bundled(topology)
    hosts = _load_yaml(bundled / "hosts.yml")
    entrance = _load_yaml(bundled / "group_vars" / "keepalived.yml")
    home = IPv4Network(_load_yaml(bundled / "group_vars" / "all" / "lab.yml")["mqctl_lab"]["subnet"])
    if subnet.num_addresses < home.num_addresses:
        raise UsageError(f"{subnet} is too small for the lab", f"give it a /{home.prefixlen}")

    def moved(address: str) -> str:
        return str(subnet.network_address + (int(IPv4Address(address)) - int(home.network_address)))

    def addresses(group: str) -> dict[str, str]:
        return {name: moved(host["ansible_host"]) for name, host in hosts[group]["hosts"].items()}

    virtual = entrance["keepalived_virtual_address"].partition("/")[0]
    return Site(
        brokers=addresses("rabbitmq"),
        balancers=addresses("haproxy"),
        virtual_address=f"{moved(virtual)}/{subnet.prefixlen}",
        interface=entrance["keepalived_interface"],
        become=False,
        lab=subnet,
    )


def _bundled(topology: str) -> Path:
    if topology not in TOPOLOGIES:
        raise UsageError(f"init cannot write {topology}", f"topologies: {', '.join(TOPOLOGIES)}")
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


def _write(draft: Path, bundled: Path, site: Site) -> None:
    variables = draft / "group_vars"
    (variables / "all").mkdir(parents=True)
    for name in ("rabbitmq.yml", "haproxy.yml"):
        shutil.copyfile(bundled / "group_vars" / name, variables / name)
    keepalived = (bundled / "group_vars" / "keepalived.yml").read_text(encoding="utf-8")
    (variables / "keepalived.yml").write_text(_replaced(keepalived, _entrance(site)), encoding="utf-8")
    if site.lab:
        shutil.copyfile(
            bundled / "group_vars" / "all" / "connection.yml", variables / "all" / "connection.yml"
        )
        lab = _load_yaml(bundled / "group_vars" / "all" / "lab.yml")["mqctl_lab"] | {"subnet": str(site.lab)}
        (variables / "all" / "lab.yml").write_text(_dump({"mqctl_lab": lab}), encoding="utf-8")
    else:
        (variables / "all" / "connection.yml").write_text(_dump(_connection(site)), encoding="utf-8")
    (draft / "hosts.yml").write_text(_dump(_hosts(site)), encoding="utf-8")
    (draft / ".gitignore").write_text(_GITIGNORE, encoding="utf-8")


def _hosts(site: Site) -> dict[str, Any]:
    return {
        "rabbitmq": {"hosts": {name: {"ansible_host": at} for name, at in site.brokers.items()}},
        "haproxy": {"hosts": {name: {"ansible_host": at} for name, at in site.balancers.items()}},
        "keepalived": {
            "hosts": {
                name: {"keepalived_priority": _FIRST_PRIORITY if index == 0 else _NEXT_PRIORITY + 1 - index}
                for index, name in enumerate(site.balancers)
            }
        },
    }


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
        "keepalived_vrrp_version": 2 if address.version == 4 else 3,
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
