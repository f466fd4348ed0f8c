"""mqctl's own CA, and the user's certificates: what is made, kept, made anew, refused."""

from __future__ import annotations

import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from mqctl.errors import UsageError
from mqctl.inventory import authority, certificates
from mqctl.inventory.authority import Names, Pair
from mqctl.inventory.drafting import draft as drafted
from mqctl.inventory.errors import InventoryError
from mqctl.model.base import reveal
from mqctl.model.draft import Draft
from mqctl.model.tls import end_of
from tests.errors.listings import listing

NOW = datetime(2026, 12, 1, tzinfo=UTC)
HOSTS = ("mq1", "mq2", "mq3", "lb1", "lb2")
VIRTUAL = ip_address("192.0.2.100")


def of(**tls: Any) -> Draft:
    made = drafted(listing({"vars": {"all": {"mqctl_tls": tls}}}), {})
    assert not made.problems
    return made.draft


def kept(inventory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (inventory / ".mqctl" / "tls").iterdir()}


def changed(inventory: Path, before: dict[str, bytes]) -> set[str]:
    return {name for name, content in kept(inventory).items() if before.get(name) != content}


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    certificates.ensure(of(), tmp_path, NOW)
    return tmp_path


def test_keys_are_their_owners_alone(inventory: Path) -> None:
    own = inventory / ".mqctl" / "tls"
    assert own.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in own.iterdir()} == {0o600}
    assert set(kept(inventory)) == {f"{name}.{end}" for name in ("ca", *HOSTS) for end in ("pem", "key")}


def test_the_ca_s_key_goes_nowhere(inventory: Path) -> None:
    tls = certificates.load(of(), inventory)
    assert tls is not None
    told = tls.authorities + "".join(one.chain + reveal(one.key) for one in tls.certificates.values())
    assert kept(inventory)["ca.key"].decode().splitlines()[1] not in told
    assert "PRIVATE" not in repr(tls)


def test_nothing_is_made_twice(inventory: Path) -> None:
    before = kept(inventory)
    certificates.ensure(of(), inventory, NOW + timedelta(days=334))
    assert not changed(inventory, before)


def test_only_what_ends_within_thirty_days_is_renewed(inventory: Path) -> None:
    before = kept(inventory)
    certificates.ensure(of(), inventory, NOW + timedelta(days=335))
    assert changed(inventory, before) == {f"{name}.{end}" for name in HOSTS for end in ("pem", "key")}


def test_an_ending_ca_takes_everything_with_it(inventory: Path) -> None:
    before = kept(inventory)
    certificates.ensure(of(), inventory, NOW + authority.CA_LIFE - timedelta(days=29))
    assert changed(inventory, before) == set(before)


@pytest.mark.parametrize("spoilt", ["mq1.key", "mq1.pem"])
def test_a_certificate_without_its_key_is_made_anew(inventory: Path, spoilt: str) -> None:
    (inventory / ".mqctl" / "tls" / spoilt).write_bytes(kept(inventory)[spoilt.replace("mq1", "mq2")])
    before = kept(inventory)
    certificates.ensure(of(), inventory, NOW)
    assert changed(inventory, before) == {"mq1.key", "mq1.pem"}


def test_another_name_or_address_is_another_certificate(inventory: Path) -> None:
    before, same = kept(inventory), of()
    moved = tuple(
        replace(host, address=ip_address("192.0.2.99")) if host.name == "mq2" else host for host in same.hosts
    )
    certificates.ensure(replace(same, hosts=moved), inventory, NOW)
    assert changed(inventory, before) == {"mq2.key", "mq2.pem"}


def test_a_certificate_names_host_addresses_and_site() -> None:
    site = {"rabbitmq": ("mq1",), "haproxy": ("lb1",), "keepalived": ("lb1",)}
    variables = {
        "all": {"mqctl_tls": {}, "mqctl_site": "east"},
        "mq1": {"rabbitmq_bind_address": "192.0.2.11"},
    }
    found = drafted(listing({"groups": site, "vars": variables}), {}).draft
    names = certificates.names_of(found, found.hosts[0])
    assert names == Names(("mq1", "east"), (ip_address("192.0.2.11"), VIRTUAL))


def test_looking_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no certificates yet: mq1, mq2, mq3, lb1, lb2") as refused:
        certificates.load(of(), tmp_path)
    assert refused.value.hint == "deploy, plan and render make them"
    assert not list(tmp_path.iterdir())


def test_without_the_setting_there_is_nothing(tmp_path: Path) -> None:
    plain = drafted(listing({}), {}).draft
    assert certificates.ensure(plain, tmp_path) is None
    assert not list(tmp_path.iterdir())


def test_python_trusts_what_the_ca_made(inventory: Path) -> None:
    """Also with OpenSSL's strict checks, which are the default from Python 3.13 on."""
    tls = certificates.load(of(), inventory)
    assert tls is not None
    own = inventory / ".mqctl" / "tls"
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(own / "mq1.pem", own / "mq1.key")
    client = ssl.create_default_context(cadata=tls.authorities)
    client.verify_flags |= ssl.VERIFY_X509_STRICT
    assert shaken(server, client, "192.0.2.100")
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        shaken(server, client, "192.0.2.12")
    other = authority.found("another", datetime.now(UTC))
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        shaken(server, ssl.create_default_context(cadata=other.chain), "192.0.2.100")


def shaken(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> bool:
    """A handshake in memory."""
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(back, there, server_hostname=name),
        server.wrap_bio(there, back, server_side=True),
    ]
    waiting = 0
    for turn in range(12):
        try:
            ends[turn % 2].do_handshake()
        except ssl.SSLWantReadError:
            waiting = turn
    return waiting < 10


def given(place: Path, spoil: Any = None) -> Path:
    """The user's directory of certificates, of a CA of their own."""
    directory = place / "certs"
    directory.mkdir()
    ca, draft = authority.found("corp", NOW), of(directory="certs")
    pairs = {host.name: authority.issue(ca, certificates.names_of(draft, host), NOW) for host in draft.hosts}
    pairs |= {"ca": ca, **(spoil(ca) if spoil else {})}
    for name, pair in pairs.items():
        (directory / f"{name}.pem").write_text(pair.chain)
        (directory / f"{name}.key").write_text(pair.key)
        (directory / f"{name}.key").chmod(0o600)
    (directory / "ca.key").unlink()
    return directory


def refused(inventory: Path) -> str:
    with pytest.raises(InventoryError) as error:
        certificates.ensure(of(directory="certs"), inventory, NOW)
    return error.value.message.partition("\n")[2]


def test_the_user_s_own_are_taken_as_they_are(tmp_path: Path) -> None:
    directory = given(tmp_path)
    tls = certificates.ensure(of(directory="certs"), tmp_path, NOW + timedelta(days=400))
    assert tls is not None
    assert tls.certificates["mq1"].chain == (directory / "mq1.pem").read_text()
    assert not (tmp_path / ".mqctl").exists()


def test_a_missing_directory_and_missing_files_are_named(tmp_path: Path) -> None:
    assert "mqctl_tls.directory: must be a directory, got" in refused(tmp_path)
    directory = given(tmp_path)
    (directory / "mq2.key").unlink()
    (directory / "ca.pem").unlink()
    assert "mqctl_tls.directory: must have ca.pem, mq2.key in it, got" in refused(tmp_path)


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    (given(tmp_path) / "mq1.key").chmod(0o640)
    assert refused(tmp_path) == (
        "  mq1: mqctl_tls.directory: mq1.key must be its owner's alone\n    hint: chmod 600"
    )


NONE = Names(("mq1",), ())


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (
            lambda ca: {"mq1": authority.issue(ca, NONE, NOW)},
            "mq1.pem must be for 192.0.2.11, 192.0.2.100 too (subjectAltName)",
        ),
        (
            lambda ca: {"ca": authority.found("other", NOW)},
            "mq1.pem does not lead to a certificate in ca.pem",
        ),
        (
            lambda ca: {"mq1": Pair(authority.issue(ca, NONE, NOW).chain, ca.key)},
            "mq1.pem is not the certificate of the key beside it",
        ),
        (
            lambda ca: {"mq1": Pair("nothing", "nothing")},
            "ca.pem, mq1.pem and mq1.key must be PEM, the key without a password",
        ),
    ],
)
def test_a_wrong_certificate_is_refused(tmp_path: Path, spoil: Any, why: str) -> None:
    given(tmp_path, spoil)
    assert f"mq1: mqctl_tls.directory: {why}\n" in refused(tmp_path)


def test_the_first_end_counts(inventory: Path) -> None:
    files = kept(inventory)
    both = (files["ca.pem"] + files["mq1.pem"]).decode()
    assert end_of(both) == NOW + authority.LIFE
    assert end_of("nothing") is None
