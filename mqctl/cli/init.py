"""`mqctl init`: an inventory for real hosts, or for a lab of its own."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mqctl.cli.say import say
from mqctl.errors import UsageError

if TYPE_CHECKING:
    from mqctl.model.topology import Topology

_PAIRS = "May be repeated."


def init(
    topology: Annotated[str, typer.Argument(help="A bundled topology: `mqctl topologies` lists them.")],
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty directory.")],
    broker: Annotated[list[str] | None, typer.Option(metavar="NAME=ADDR", help=_PAIRS)] = None,
    brokers: Annotated[str | None, typer.Option(metavar="ADDR,...", help="Named mq1, mq2, ...")] = None,
    balancer: Annotated[list[str] | None, typer.Option(metavar="NAME=ADDR", help=_PAIRS)] = None,
    balancers: Annotated[str | None, typer.Option(metavar="ADDR,...", help="Named lb1, lb2, ...")] = None,
    vip: Annotated[str | None, typer.Option(metavar="ADDR/PREFIX", help="The virtual IP.")] = None,
    interface: Annotated[str | None, typer.Option(help="The interface that carries the virtual IP.")] = None,
    user: Annotated[str | None, typer.Option(help="The user for SSH.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="The port of SSH.")] = None,
    key: Annotated[Path | None, typer.Option(help="The private key for SSH.")] = None,
    become: Annotated[
        bool | None, typer.Option("--become/--no-become", help="Use sudo; default: unless the user is root.")
    ] = None,
    virtual_router_id: Annotated[
        int | None, typer.Option(min=1, max=255, help="Default: the last octet of the virtual IP.")
    ] = None,
    lab: Annotated[
        str | None,
        typer.Option(
            metavar="SUBNET", help="Containers on this machine in this network, e.g. 10.93.18.0/24."
        ),
    ] = None,
    vault_password_file: Annotated[
        Path | None, typer.Option(help="Write the secrets into a vault file with this password.")
    ] = None,
) -> None:
    """Write an inventory, with generated secrets; for real hosts it asks for what was not given."""
    from mqctl.inventory import VaultOptions
    from mqctl.workflows.init import Site, has_entrance, init_lab
    from mqctl.workflows.init import init as write

    entrance_wanted = has_entrance(topology)
    vault = VaultOptions(vault_password_file)
    if lab:
        given = {
            "--broker": broker,
            "--brokers": brokers,
            "--balancer": balancer,
            "--balancers": balancers,
            "--vip": vip,
            "--interface": interface,
            "--user": user,
            "--port": port,
            "--key": key,
        }
        _refuse_beside_lab(given)
        _tell(init_lab(topology, directory, _subnet(lab), vault), directory)
        return
    named = _named("--broker", broker, "--brokers", brokers, "mq")
    entrance = _named("--balancer", balancer, "--balancers", balancers, "lb")
    access = {"--balancers": entrance, "--vip": vip, "--interface": interface}
    _require({"--brokers": named, **(access if entrance_wanted else {})})
    if not entrance_wanted:
        _refuse_entrance(topology, access)
    site = Site(
        brokers=named or _numbered(_ask("addresses of the brokers, with commas"), "mq"),
        balancers=entrance
        or (_numbered(_ask("addresses of the load balancers, with commas"), "lb") if entrance_wanted else {}),
        virtual_address=vip
        or (_ask("virtual IP with its prefix length, e.g. 192.0.2.100/24") if entrance_wanted else ""),
        interface=interface
        or (_ask("interface that carries the virtual IP, e.g. eth0") if entrance_wanted else ""),
        become=user != "root" if become is None else become,
        user=user,
        port=port,
        key=key,
        virtual_router_id=virtual_router_id,
    )
    _tell(write(topology, directory, site, vault), directory)


def _tell(made: Topology, directory: Path) -> None:
    say(f"wrote {made.inventory}: {len(made.brokers)} brokers, {len(made.balancers)} load balancers")
    # A plan asks the hosts, and a lab has none before its first deploy.
    say(f"next: mqctl {'deploy' if made.lab else 'plan'} {directory}")


def _subnet(text: str) -> IPv4Network:
    try:
        return IPv4Network(text)
    except ValueError:
        raise UsageError(f"{text} is not an IPv4 network", "e.g. --lab 10.93.18.0/24") from None


def _refuse_beside_lab(values: Mapping[str, object]) -> None:
    """A lab's hosts are the bundled topology's own; an option that would be ignored is refused."""
    ignored = [option for option, value in values.items() if value is not None]
    if ignored:
        raise UsageError(f"--lab and {', '.join(ignored)} exclude each other", "a lab has hosts of its own")


def _refuse_entrance(topology: str, values: Mapping[str, object]) -> None:
    """The same for a topology whose clients go to the broker itself."""
    ignored = [option for option, value in values.items() if value]
    if ignored:
        raise UsageError(f"{topology} has no load balancers: {', '.join(ignored)}", "leave these out")


def _require(values: dict[str, object]) -> None:
    """On a terminal what is missing is asked for, elsewhere it is an error that names all of it."""
    missing = [option for option, value in values.items() if not value]
    if missing and not _terminal():
        raise UsageError(
            f"missing: {', '.join(missing)}", "there is no terminal to ask on; give these options"
        )


def _terminal() -> bool:
    return sys.stdin.isatty()


def _ask(question: str) -> str:
    answer: str = typer.prompt(question, err=True)
    return answer.strip()


def _named(
    one: str, pairs: list[str] | None, many: str, addresses: str | None, prefix: str
) -> dict[str, str]:
    """Addresses by host name, from `NAME=ADDR` pairs or a list of addresses."""
    if pairs and addresses:
        raise UsageError(f"{one} and {many} say the same", f"give either {one} NAME=ADDR or {many} ADDR,...")
    return _numbered(addresses, prefix) if addresses else _paired(one, pairs or [])


def _paired(option: str, pairs: list[str]) -> dict[str, str]:
    hosts: dict[str, str] = {}
    for pair in pairs:
        name, equals, address = pair.partition("=")
        if not (name and equals and address):
            raise UsageError(f"{option} {pair} is not NAME=ADDR", f"e.g. {option} mq1=192.0.2.11")
        if name in hosts:
            raise UsageError(f"{option} names {name} twice", "each host its own name")
        hosts[name] = address
    return hosts


def _numbered(addresses: str, prefix: str) -> dict[str, str]:
    """The addresses of a list with commas, named mq1, mq2, ..."""
    given = [address.strip() for address in addresses.split(",") if address.strip()]
    return {f"{prefix}{number}": address for number, address in enumerate(given, start=1)}
