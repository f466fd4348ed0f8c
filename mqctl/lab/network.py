"""A lab's Docker network: a bridge of its own subnet, on which hosts have fixed addresses."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, ip_network
from typing import Any

from docker.client import DockerClient
from docker.errors import APIError
from docker.types.networks import IPAMConfig, IPAMPool

from mqctl.errors import MqctlError
from mqctl.lab import engine
from mqctl.model.lab import LabSpec


def network_name(lab: str) -> str:
    """The network of this lab."""
    return f"mqctl-{lab}"


def ensure(client: DockerClient, spec: LabSpec) -> None:
    """Make the lab's network when it is not there.

    Raises MqctlError when it is there with another subnet, or when another network has these addresses.
    """
    refuse_gateway(spec)
    networks = client.networks.list()
    own = [network for network in networks if network.name == network_name(spec.name)]
    if own:
        _refuse_other(own[0], spec)
        return
    for network in networks:
        _refuse_overlap(network, spec)
    _create(client, spec)


def refuse_gateway(spec: LabSpec) -> None:
    """Docker gives the subnet's first address to this machine; no host can have it, nor one outside."""
    gateway = spec.subnet.network_address + 1
    for host in spec.hosts:
        if host.address not in spec.subnet:
            raise MqctlError(f"{host.name}: {host.address} is not in the lab's subnet {spec.subnet}")
        if host.address in (gateway, spec.subnet.network_address, spec.subnet.broadcast_address):
            raise MqctlError(
                f"{host.name}: {host.address} is the network's own address",
                f"in {spec.subnet} hosts start at {gateway + 1}",
            )


def _refuse_other(network: Any, spec: LabSpec) -> None:
    labels = network.attrs.get("Labels") or {}
    if labels.get(engine.LAB) != spec.name:
        raise MqctlError(
            f"docker network {network.name} exists and is not this lab's", f"docker network rm {network.name}"
        )
    if spec.subnet not in subnets_of(network):
        raise MqctlError(
            f"lab {spec.name} is up on another subnet than {spec.subnet}", f"mqctl lab down {spec.name}"
        )


def _refuse_overlap(network: Any, spec: LabSpec) -> None:
    taken = next((subnet for subnet in subnets_of(network) if subnet.overlaps(spec.subnet)), None)
    if taken is None:
        return
    lab = (network.attrs.get("Labels") or {}).get(engine.LAB)
    hint = "give mqctl_lab another subnet" + (f", or `mqctl lab down {lab}`" if lab else "")
    raise MqctlError(f"the lab's subnet {spec.subnet} overlaps docker network {network.name} ({taken})", hint)


def subnets_of(network: Any) -> Iterator[IPv4Network]:
    """The IPv4 subnets of a Docker network."""
    for pool in (network.attrs.get("IPAM") or {}).get("Config") or []:
        subnet = ip_network(pool["Subnet"], strict=False) if pool.get("Subnet") else None
        if isinstance(subnet, IPv4Network):
            yield subnet


def _create(client: DockerClient, spec: LabSpec) -> None:
    try:
        client.networks.create(
            network_name(spec.name),
            driver="bridge",
            ipam=IPAMConfig(pool_configs=[IPAMPool(subnet=str(spec.subnet))]),
            labels={engine.LAB: spec.name, engine.INVENTORY: str(spec.inventory)},
        )
    except APIError as error:
        raise MqctlError(
            f"docker cannot make the lab's network {spec.subnet}: {engine.explain(error)}",
            "give mqctl_lab a subnet that nothing else on this machine uses",
        ) from None
