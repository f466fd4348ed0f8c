"""A small certificate authority: what it makes, and what is wrong with certificates. Pure but for randomness.

RFC 5280 says what the extensions mean; Python 3.13 and OpenSSL's strict mode want the key identifiers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from mqctl.model.base import IPAddress
from mqctl.model.tls import NOTICE

CA_LIFE, LIFE = timedelta(days=3650), timedelta(days=365)
_SKEW = timedelta(hours=1)
"""Hosts whose clocks are behind take a new certificate all the same."""


@dataclass(frozen=True)
class Pair:
    """A certificate, with those that lead to its authority behind it, and its key; PEM."""

    chain: str
    key: str


@dataclass(frozen=True)
class Names:
    """What a host is called by those who connect to it."""

    dns: tuple[str, ...]
    addresses: tuple[IPAddress, ...]


def found(name: str, now: datetime) -> Pair:
    """A new authority."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), _named(f"mqctl CA of {name}")
    builder = _begun(subject, subject, key.public_key(), now, now + CA_LIFE)
    made = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Pair(_text(made), _key_text(key))


def issue(authority: Pair, names: Names, now: datetime) -> Pair:
    """A certificate for a host that is server and client; it never outlives the authority."""
    (ca,) = certificates(authority.chain)
    signer = serialization.load_pem_private_key(authority.key.encode(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    end = min(now + LIFE, ca.not_valid_after_utc)
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = (
        _begun(_named(names.dns[0]), ca.subject, key.public_key(), now, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(_alternatives(names), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    return Pair(_text(made), _key_text(key))


def lasts(pair: Pair, now: datetime) -> bool:
    """Whether an authority or a certificate is far from its end."""
    return certificates(pair.chain)[0].not_valid_after_utc - now > NOTICE


def troubles(authorities: str, pair: Pair, names: Names) -> Iterator[str]:
    """Why a certificate cannot serve a host of these names; ValueError for what is no PEM."""
    chain, trusted = certificates(pair.chain), certificates(authorities)
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    if _public(key.public_key()) != _public(chain[0].public_key()):
        yield "is not the certificate of the key beside it"
    if not _leads(chain, trusted):
        yield "does not lead to a certificate in ca.pem"
    if lacking := _lacking(chain[0], names):
        yield f"must be for {', '.join(lacking)} too (subjectAltName)"


def certificates(pem: str) -> list[x509.Certificate]:
    """At least one; ValueError for what is no PEM."""
    return x509.load_pem_x509_certificates(pem.encode())


def named(pair: Pair) -> Names:
    """What a certificate of `issue` is for."""
    listed = certificates(pair.chain)[0].extensions.get_extension_for_class(x509.SubjectAlternativeName)
    dns = tuple(listed.value.get_values_for_type(x509.DNSName))
    addresses = listed.value.get_values_for_type(x509.IPAddress)
    return Names(dns, tuple(one for one in addresses if isinstance(one, IPv4Address | IPv6Address)))


def _leads(chain: Sequence[x509.Certificate], trusted: Sequence[x509.Certificate]) -> bool:
    """Each signed by the next one, until one is signed by a trusted one."""
    for place, one in enumerate(chain):
        if any(_signed(one, by) for by in trusted):
            return True
        if not any(_signed(one, by) for by in chain[place + 1 : place + 2]):
            return False
    return False


def _signed(one: x509.Certificate, by: x509.Certificate) -> bool:
    try:
        one.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _lacking(certificate: x509.Certificate, names: Names) -> list[str]:
    try:
        listed = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return [*names.dns, *map(str, names.addresses)]
    dns = {name.lower() for name in listed.get_values_for_type(x509.DNSName)}
    addresses = listed.get_values_for_type(x509.IPAddress)
    return [
        *(name for name in names.dns if name.lower() not in dns),
        *(str(address) for address in names.addresses if address not in addresses),
    ]


def _named(name: str) -> x509.Name:
    """At most 64 characters (RFC 5280, upper bound of a common name); nobody reads it."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:64])])


def _alternatives(names: Names) -> x509.SubjectAlternativeName:
    addresses = (x509.IPAddress(address) for address in names.addresses)
    return x509.SubjectAlternativeName([*map(x509.DNSName, names.dns), *addresses])


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _SKEW)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _public(key: object) -> bytes:
    encoding, shape = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_bytes(encoding, shape)  # type: ignore[attr-defined,no-any-return]


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _key_text(key: ec.EllipticCurvePrivateKey) -> str:
    """PKCS 8 (RFC 5958), without a password: programs read it at boot."""
    encoding, shape = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, shape, serialization.NoEncryption()).decode()
