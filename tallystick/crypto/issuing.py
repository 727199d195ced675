"""Issues certificates: the profile is checked on a throw-away signature first, then the authority signs the same bytes.

Serial numbers are 128 random bits. The subject comes from the registry, never from the applicant (security 2.4).
"""

from __future__ import annotations

import ipaddress
import math
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from tallystick.crypto.certificate_lint import lint
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, ec_private, generate_p256_key, generate_p384_key
from tallystick.crypto.policy import Use, require
from tallystick.crypto.profiles import Profile
from tallystick.kernel.faults import Fault

BACKDATED = timedelta(seconds=60)
_COMMON_NAME_BYTES_MAX = 64
_SMALL_PRIMES_PRODUCT = math.prod(p for p in range(3, 1000, 2) if all(p % d for d in range(3, math.isqrt(p) + 1, 2)))


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """One certificate to issue: subject attributes in order, raw text extensions by OID, names of a server."""

    profile: Profile
    public_key: PublicKey
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...]
    texts: tuple[tuple[str, str], ...] = ()
    hosts: tuple[str, ...] = ()
    permitted_hosts: tuple[str, ...] = ()


@attrs.frozen(slots=True, repr=False)
class Authority:
    """A certificate that may issue, with its key (P-384 or P-256)."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def pem(self) -> bytes:
        """Its own certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(self, order: Order, at: datetime) -> bytes:
        """Lint, sign, verify: the certificate in DER.

        Raises ``TS-3003`` (weak key) and ``TS-3006`` (the profile is broken; the detail says where).
        """
        return _issue(order, at, self.certificate, self.key)


def self_signed(order: Order, key: PrivateKey, at: datetime) -> Authority:
    """A root for its own key."""
    return Authority(x509.load_der_x509_certificate(_issue(order, at, None, key)), key)


def _issue(order: Order, at: datetime, issuer: x509.Certificate | None, key: PrivateKey) -> bytes:
    check_key(order.public_key)
    is_p384 = key.public.kind is KeyKind.P384
    require(Use.SIGN_CERTIFICATE_P384 if is_p384 else Use.SIGN_CERTIFICATE_P256, at)
    builder = _builder(order, at, issuer)
    digest = hashes.SHA384() if is_p384 else hashes.SHA256()
    trial = builder.sign(ec_private(_throw_away_key(key.public.kind)), digest)
    findings = lint(trial, order.profile, issuer)
    if findings:
        raise Fault("TS-3006", detail="; ".join(findings))
    final = builder.sign(ec_private(key), digest)
    if final.tbs_certificate_bytes != trial.tbs_certificate_bytes:
        raise AssertionError("the authority signed other bytes than were linted")
    final.verify_directly_issued_by(issuer if issuer is not None else final)
    return final.public_bytes(Encoding.DER)


@cache
def _throw_away_key(kind: KeyKind) -> PrivateKey:
    return generate_p384_key() if kind is KeyKind.P384 else generate_p256_key()


def check_key(key: PublicKey) -> None:
    """Refuse RSA keys with a small factor or the ROCA fingerprint: ``TS-3003``. Size and exponent hold already."""
    if key.kind is KeyKind.RSA and (math.gcd(key.modulus, _SMALL_PRIMES_PRODUCT) != 1 or _has_roca_form(key.modulus)):
        raise Fault("TS-3003", detail="the key is weak")


def _has_roca_form(modulus: int) -> bool:
    """Whether the modulus is a power of 65537 modulo each of 38 small primes, as CVE-2017-15361 leaves it."""
    return all(modulus % prime in _powers_of_65537(prime) for prime in _ROCA_PRIMES)


_ROCA_PRIMES = tuple(p for p in range(3, 168, 2) if all(p % d for d in range(3, math.isqrt(p) + 1, 2)))


@cache
def _powers_of_65537(prime: int) -> frozenset[int]:
    return frozenset(pow(65_537, exponent, prime) for exponent in range(prime))


def _builder(order: Order, at: datetime, issuer: x509.Certificate | None) -> x509.CertificateBuilder:
    profile = order.profile
    subject = x509.Name([x509.NameAttribute(oid, value) for oid, value in order.subject if value])
    not_before = at.replace(microsecond=0) - BACKDATED
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.subject)
        .public_key(order.public_key.handle)
        .serial_number(_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_before + profile.lifetime - timedelta(seconds=1))
    )
    for extension, critical in _extensions(order, issuer):
        builder = builder.add_extension(extension, critical)
    return builder


def _serial_number() -> int:
    """128 random bits, never zero."""
    return secrets.randbits(128) or 1


def _extensions(order: Order, issuer: x509.Certificate | None) -> list[tuple[x509.ExtensionType, bool]]:
    profile, handle = order.profile, order.public_key.handle
    own_identifier = x509.SubjectKeyIdentifier.from_public_key(handle)
    found: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(profile.is_authority, profile.path_length), True),
        (_key_usage(profile.key_usage), True),
        (own_identifier, False),
    ]
    if issuer is not None:
        parent = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        found.append((x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(parent), False))
    if profile.usages:
        found.append((x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in profile.usages]), False))
    if order.hosts:
        found.append((x509.SubjectAlternativeName(general_names(order.hosts)), not order.subject))
    if order.permitted_hosts:
        found.append((x509.NameConstraints(general_names(order.permitted_hosts, networks=True), None), True))
    found += [
        (x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), text.encode("utf-8")), False)
        for oid, text in order.texts
        if text
    ]
    return found


def _key_usage(names: frozenset[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in names,
        content_commitment=False,
        key_encipherment="key_encipherment" in names,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign="key_cert_sign" in names,
        crl_sign="crl_sign" in names,
        encipher_only=False,
        decipher_only=False,
    )


def general_names(hosts: Sequence[str], *, networks: bool = False) -> list[x509.GeneralName]:
    """Host names and addresses of a server; with ``networks`` each address stands for itself alone as a network."""
    return [_general_name(host, networks) for host in hosts]


def _general_name(host: str, network: bool) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return x509.DNSName(host)
    return x509.IPAddress(ipaddress.ip_network(address) if network else address)


def common_name(text: str, ending: str = "") -> tuple[x509.ObjectIdentifier, str]:
    """A subject attribute CN; the text, never its ending, is cut where both have more than 64 bytes.

    X.520 allows 64 characters; libraries count bytes, of which a Georgian letter has three.
    """
    room = _COMMON_NAME_BYTES_MAX - len(ending.encode())
    return NameOID.COMMON_NAME, text.encode()[:room].decode(errors="ignore") + ending
