"""The lab's network: made once, refused when its addresses are taken or are not the hosts'."""

from __future__ import annotations

from ipaddress import IPv4Address
from typing import Any

import pytest

from mqctl.errors import MqctlError
from mqctl.lab import network as networks
from mqctl.model.lab import LabHost, LabSpec


def test_made_with_its_subnet_and_labels(docker: Any, spec: LabSpec) -> None:
    networks.ensure(docker, spec)
    ((name, how),) = docker.networks.created
    assert name == "mqctl-demo"
    assert how["ipam"]["Config"] == [
        {"Subnet": "10.93.11.0/24", "IPRange": None, "Gateway": None, "AuxiliaryAddresses": None}
    ]
    assert how["labels"] == {"mqctl.lab": "demo", "mqctl.inventory": str(spec.inventory)}


def test_left_alone_when_it_is_there(docker: Any, network: Any, spec: LabSpec) -> None:
    docker.networks.there.append(network("mqctl-demo", "10.93.11.0/24", {"mqctl.lab": "demo"}))
    networks.ensure(docker, spec)
    assert docker.networks.created == []


@pytest.mark.parametrize(
    ("name", "subnet", "labels", "message", "hint"),
    [
        (
            "office",
            "10.93.0.0/16",
            {},
            "the lab's subnet 10.93.11.0/24 overlaps docker network office (10.93.0.0/16)",
            "give mqctl_lab another subnet",
        ),
        (
            "mqctl-other",
            "10.93.11.128/25",
            {"mqctl.lab": "other"},
            "the lab's subnet 10.93.11.0/24 overlaps docker network mqctl-other (10.93.11.128/25)",
            "give mqctl_lab another subnet, or `mqctl lab down other`",
        ),
        (
            "mqctl-demo",
            "10.93.12.0/24",
            {"mqctl.lab": "demo"},
            "lab demo is up on another subnet than 10.93.11.0/24",
            "mqctl lab down demo",
        ),
        (
            "mqctl-demo",
            "10.93.11.0/24",
            {},
            "docker network mqctl-demo exists and is not this lab's",
            "docker network rm mqctl-demo",
        ),
    ],
)
def test_refused(
    docker: Any,
    network: Any,
    spec: LabSpec,
    name: str,
    subnet: str,
    labels: dict[str, str],
    message: str,
    hint: str,
) -> None:
    docker.networks.there.append(network(name, subnet, labels))
    with pytest.raises(MqctlError) as caught:
        networks.ensure(docker, spec)
    assert (caught.value.message, caught.value.hint) == (message, hint)
    assert docker.networks.created == []


def test_an_ipv6_network_takes_no_ipv4_address(docker: Any, network: Any, spec: LabSpec) -> None:
    docker.networks.there.append(network("six", "fd00::/64"))
    networks.ensure(docker, spec)
    assert docker.networks.created


def test_the_engines_own_refusal_is_told(docker: Any, spec: LabSpec) -> None:
    docker.networks.refusal = "could not find an available bridge."
    with pytest.raises(
        MqctlError, match=r"cannot make the lab's network 10\.93\.11\.0/24: could not find an available"
    ):
        networks.ensure(docker, spec)


@pytest.mark.parametrize("address", ["10.93.11.0", "10.93.11.1", "10.93.11.255", "10.93.12.11"])
def test_addresses_that_no_host_can_have(docker: Any, spec: LabSpec, address: str) -> None:
    host = LabHost(name="mq9", address=IPv4Address(address))
    with pytest.raises(MqctlError, match=f"mq9: {address} is"):
        networks.ensure(docker, spec.model_copy(update={"hosts": (host,)}))
    assert docker.networks.created == []
