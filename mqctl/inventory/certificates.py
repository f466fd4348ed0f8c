"""The certificates of an inventory: the user's own files, or those of mqctl's CA in `.mqctl/tls` beside it.

The CA's key never leaves that directory. A certificate is made anew only if it is missing, does not fit
its key, its host's names or its CA, or ends within 30 days; so what lies there stays the same otherwise.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from mqctl import private
from mqctl.errors import MqctlError, UsageError
from mqctl.inventory import authority
from mqctl.inventory.authority import Names, Pair
from mqctl.inventory.errors import InventoryError
from mqctl.model.draft import Draft, DraftHost
from mqctl.model.problem import Problem
from mqctl.model.tls import Certificate, Tls, TlsSettings

_AUTHORITY = "ca"


def load(draft: Draft, inventory: Path) -> Tls | None:
    """What is there; nothing is written.

    Raises InventoryError for wrong files of the user's, UsageError when mqctl made none of its own yet.
    """
    settings = draft.mqctl.tls
    if settings is None:
        return None
    if settings.directory:
        return _given(draft, settings, inventory, _beside(inventory) / settings.directory)
    own = directory(inventory)
    absent = [host.name for host in draft.hosts if not _whole(own, host.name)]
    if absent or not (own / f"{_AUTHORITY}.pem").is_file():
        raise UsageError(
            f"the inventory {inventory} has no certificates yet: {', '.join(absent or [_AUTHORITY])}",
            "deploy, plan and render make them",
        )
    return _taken(draft, settings, own)


def ensure(draft: Draft, inventory: Path, now: datetime | None = None) -> Tls | None:
    """The same, after mqctl's CA made what it has to make."""
    settings = draft.mqctl.tls
    if settings is not None and not settings.directory:
        try:
            _make(draft, inventory, now or datetime.now(UTC))
        except OSError as error:
            raise MqctlError(f"cannot write {directory(inventory)}: {error.strerror}") from None
    return load(draft, inventory)


def directory(inventory: Path) -> Path:
    """Where mqctl's own lie."""
    return _beside(inventory) / private.STATE_DIR / "tls"


def names_of(draft: Draft, host: DraftHost) -> Names:
    """How others call a host: by its own name, its node's, its site's; its addresses, the virtual one.

    A site's name is what links look for: whichever broker answers behind the site's entrance has it.
    """
    site = next(site for site in draft.sites if site.hosts[0].site == host.site)
    dns = (host.name, host.node.partition("@")[2], host.site)
    bound = host.rabbitmq.bind_address if host.rabbitmq else None
    virtual = (settings.virtual_address.ip for _, settings in site.routers)
    addresses = (host.address, None if bound is None or bound.is_unspecified else bound, *virtual)
    return Names(
        tuple(dict.fromkeys(name for name in dns if name)),
        tuple(dict.fromkeys(address for address in addresses if address)),
    )


def _beside(inventory: Path) -> Path:
    return inventory if inventory.is_dir() else inventory.parent


def _whole(place: Path, name: str) -> bool:
    return (place / f"{name}.pem").is_file() and (place / f"{name}.key").is_file()


def _read(place: Path, name: str) -> Pair | None:
    if not _whole(place, name):
        return None
    return Pair((place / f"{name}.pem").read_text("utf-8"), (place / f"{name}.key").read_text("utf-8"))


def _taken(draft: Draft, settings: TlsSettings, place: Path) -> Tls:
    pairs = {host.name: _read(place, host.name) for host in draft.hosts}
    return Tls(
        plain=settings.plain,
        inter_node=settings.inter_node,
        authorities=(place / f"{_AUTHORITY}.pem").read_text("utf-8"),
        certificates={
            name: Certificate(chain=pair.chain, key=SecretStr(pair.key))
            for name, pair in pairs.items()
            if pair
        },
    )


def _make(draft: Draft, inventory: Path, now: datetime) -> None:
    with _alone(directory(inventory)) as own:
        ca = _read(own, _AUTHORITY)
        if ca is None or not authority.lasts(ca, now):
            ca = authority.found(_beside(inventory).name, now)
            _write(own, _AUTHORITY, ca)
        for host in draft.hosts:
            names = names_of(draft, host)
            if not _serves(ca, _read(own, host.name), names, now):
                _write(own, host.name, authority.issue(ca, names, now))


@contextmanager
def _alone(own: Path) -> Iterator[Path]:
    """One process at a time; whoever comes second finds everything made."""
    own.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(own, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield own
    finally:
        os.close(descriptor)


def _serves(ca: Pair, pair: Pair | None, names: Names, now: datetime) -> bool:
    """One that carries more names than it should is made anew too: a host may not speak for what it was."""
    if pair is None:
        return False
    try:
        if any(authority.troubles(ca.chain, pair, names)) or not authority.lasts(pair, now):
            return False
        return authority.named(pair) == names
    except ValueError:
        return False


def _write(place: Path, name: str, pair: Pair) -> None:
    """The key first: a certificate without its key would be the newer half of two."""
    private.write(place / f"{name}.key", pair.key.encode())
    private.write(place / f"{name}.pem", pair.chain.encode())


def _given(draft: Draft, settings: TlsSettings, inventory: Path, place: Path) -> Tls:
    """The user's own, with everything that is wrong with them."""
    problems = list(_problems(draft, place))
    if problems:
        raise InventoryError(inventory, problems)
    return _taken(draft, settings, place)


def _problems(draft: Draft, place: Path) -> Iterator[Problem]:
    path = "mqctl_tls.directory"
    if not place.is_dir():
        yield Problem(path, "must be a directory", str(place), "relative paths begin beside the inventory")
        return
    files = [f"{_AUTHORITY}.pem", *(f"{host.name}.{end}" for host in draft.hosts for end in ("pem", "key"))]
    absent = [name for name in files if not (place / name).is_file()]
    if absent:
        hint = "ca.pem, and for each host HOST.pem and HOST.key, in PEM"
        yield Problem(path, f"must have {', '.join(absent)} in it", str(place), hint)
        return
    for host in draft.hosts:
        yield from _host_problems(draft, host, place)


def _host_problems(draft: Draft, host: DraftHost, place: Path) -> Iterator[Problem]:
    path = "mqctl_tls.directory"
    if (place / f"{host.name}.key").stat().st_mode & 0o077:
        yield Problem(path, f"{host.name}.key must be its owner's alone", "", "chmod 600", host.name)
    try:
        pair, ca = _read(place, host.name), (place / f"{_AUTHORITY}.pem").read_text("utf-8")
        assert pair is not None
        for trouble in authority.troubles(ca, pair, names_of(draft, host)):
            hint = "docs/tls.md says what a certificate needs"
            yield Problem(path, f"{host.name}.pem {trouble}", "", hint, host.name)
    except (ValueError, TypeError):
        rule = f"ca.pem, {host.name}.pem and {host.name}.key must be PEM, the key without a password"
        yield Problem(path, rule, "", "openssl x509 -in FILE, openssl pkey -in FILE", host.name)
    except OSError as error:
        yield Problem(path, f"{host.name}'s files cannot be read: {error.strerror}", "", "", host.name)
