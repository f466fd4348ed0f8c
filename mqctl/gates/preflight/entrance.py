"""The virtual IP: an interface for it, nobody else who has it, nobody else in its virtual router."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Interface, IPv6Interface

from mqctl.gates.evidence import listed
from mqctl.gates.preflight.evidence import Check, Subject
from mqctl.model.base import IPAddress
from mqctl.model.keepalived import KeepalivedSettings
from mqctl.model.preflight import Advert, CheckResult, Link, Survey
from mqctl.model.topology import Topology

ADVERTS = 3
"""Adverts' time that must have been listened for: a master that lives sends one in each (RFC 5798, 6.1)."""
_UNIT = "keepalived.service"


def interface(subject: Subject) -> Iterator[CheckResult]:
    """It exists, is up, and has a subnet that the virtual IP is in."""
    settings, links = subject.host.keepalived, subject.facts.links
    if settings is None:
        return
    check = subject.check("interface")
    if links is None:
        yield check.unknown(subject.why("links"))
        return
    link = next((one for one in links if one.name == settings.interface), None)
    if link is None:
        got = listed(one.name for one in links if one.name != "lo")
        yield check.fails(f"expected {settings.interface}, got {got}", "set keepalived_interface")
    elif not link.up:
        yield check.fails(f"expected {link.name} up, got down")
    else:
        yield check.passes(f"{link.name} is up")
        yield _subnet(subject, link, settings)


def _subnet(subject: Subject, link: Link, settings: KeepalivedSettings) -> CheckResult:
    check, virtual = subject.check("virtual IP's subnet"), settings.virtual_address
    own = [network for network in link.networks if network.ip != virtual.ip]
    around = next((one for one in own if _inside(virtual.ip, one)), None)
    if around is None:
        got = listed(str(one.network) for one in own if one.version == virtual.version)
        return check.fails(f"expected {virtual.ip} in a subnet of {link.name}, got {got}")
    if virtual.network.num_addresses > 1 and virtual.network.prefixlen != around.network.prefixlen:
        return check.warns(
            f"expected the prefix length of {link.name}, {around.network.prefixlen}, "
            f"got {virtual.network.prefixlen}",
            "the holder would take neighbours for strangers, or strangers for neighbours",
        )
    return check.passes(f"{virtual.ip} in {around.network} of {link.name}")


def _inside(address: IPAddress, network: IPv4Interface | IPv6Interface) -> bool:
    return network.network.num_addresses > 1 and address in network.network


def unanswered(subject: Subject) -> Iterator[CheckResult]:
    """Nobody on the wire answers for the virtual IP but a host of ours that has it."""
    settings, heard = subject.host.keepalived, subject.facts.claimed_by
    if settings is None:
        return
    check, virtual = subject.check("virtual IP unanswered"), settings.virtual_address.ip
    if heard is None:
        yield check.unknown(subject.why("claimed_by"))
        return
    holders = _holders(subject.survey, virtual)
    own = {link.mac for name in holders for link in subject.survey.host(name).facts.links or () if link.mac}
    strangers = [mac for mac in heard if mac not in own]
    if strangers:
        yield check.fails(
            f"expected nobody else to have {virtual}, got an answer from {listed(strangers)}",
            "choose a free address, or take it away from who has it",
        )
    else:
        yield check.passes(f"held by {listed(holders)}" if holders else "nobody answers")


def holders(site: Topology, survey: Survey) -> Iterator[CheckResult]:
    """Of our own hosts only a router that Keepalived runs on has it."""
    virtual = site.virtual_address
    if virtual is None:
        return
    routers = {host.name for host in site.routers}
    for name in _holders(survey, virtual):
        check = Check(name, "virtual IP's holder")
        status = survey.host(name).status
        unit = status.services.get(_UNIT) if status else None
        if name not in routers:
            yield check.fails(f"expected {virtual} on no host but {listed(routers)}, and {name} has it")
        elif unit is None or not unit.active:
            yield check.fails(
                f"{name} has {virtual}, and Keepalived does not run there",
                "take it out of the host's own network configuration",
            )
        else:
            yield check.passes(f"{name} has {virtual} by Keepalived")


def _holders(survey: Survey, virtual: IPAddress) -> list[str]:
    return [
        exam.host
        for exam in survey.hosts
        if any(network.ip == virtual for link in exam.facts.links or () for network in link.networks)
    ]


def router_id(subject: Subject) -> Iterator[CheckResult]:
    """Nobody but this site's routers sends adverts of its virtual router: they would take its address."""
    settings, heard = subject.host.keepalived, subject.facts.vrrp
    if settings is None:
        return
    check, own = subject.check("virtual_router_id"), settings.virtual_router_id
    if heard is None:
        yield check.unknown(subject.why("vrrp"))
        return
    foreign = [advert for advert in heard.adverts if advert.source not in _routers(subject)]
    rivals = [advert for advert in foreign if advert.router_id == own]
    if rivals:
        yield check.fails(
            f"expected {own} unused, got adverts of it from {listed(_sender(one) for one in rivals)}",
            "choose another keepalived_virtual_router_id",
        )
    elif heard.seconds < ADVERTS * settings.advert_interval:
        yield check.unknown(
            f"{own} unused by others for {heard.seconds:g} s, and {ADVERTS} adverts take "
            f"{ADVERTS * settings.advert_interval:g} s"
        )
    else:
        others = listed({f"{one.router_id} of {one.source}" for one in foreign})
        beside = f"; heard {others}" if foreign else ""
        yield check.passes(f"{own} unused by others for {heard.seconds:g} s{beside}")


def _routers(subject: Subject) -> set[IPAddress]:
    """Every address that the site's routers have."""
    found = {host.address for host in subject.site.routers}
    for host in subject.site.routers:
        for link in subject.survey.host(host.name).facts.links or ():
            found |= {network.ip for network in link.networks}
    return found


def _sender(advert: Advert) -> str:
    how = "multicast" if advert.multicast else "unicast"
    return f"{advert.source} (priority {advert.priority}, VRRP {advert.version}, {how})"
