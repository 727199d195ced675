"""Issues certificates: what is to be signed is linted on a throw-away signature, then the authority signs those bytes.

Serial numbers are 128 random bits. The subject comes from the registry, never from the applicant (security 2.4). The
two halves, `prepare` and `sign`, stand apart so that an intent can be stored between them.
"""

from __future__ import annotations

import ipaddress
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import attrs
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from tallystick.crypto.certificate_lint import lint
from tallystick.crypto.der import signed
from tallystick.crypto.key_checks import check_key
from tallystick.crypto.keys import KeyKind, PrivateKey, PublicKey, ec_private, generate_p256_key, generate_p384_key
from tallystick.crypto.policy import require
from tallystick.crypto.profiles import Profile
from tallystick.crypto.publication import Points
from tallystick.crypto.second_linter import second_lint
from tallystick.crypto.signers import Signer, check_signature, signing_hash, signing_use
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

BACKDATED = timedelta(seconds=60)
_COMMON_NAME_BYTES_MAX = 64


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """One certificate to issue: subject attributes in order, names of a server, and extensions by OID.

    ``texts`` are extensions whose value is the bare text (the TaxCore wire), ``values`` such with a DER value.
    """

    profile: Profile
    public_key: PublicKey
    subject: tuple[tuple[x509.ObjectIdentifier, str], ...]
    texts: tuple[tuple[str, str], ...] = ()
    values: tuple[tuple[str, bytes], ...] = ()
    hosts: tuple[str, ...] = ()
    permitted_hosts: tuple[str, ...] = ()


@attrs.frozen(slots=True, kw_only=True)
class Prepared:
    """What passed both linters and is to be signed. ``tbs_hash`` is its SHA-256, 32 bytes; moments are UTC."""

    profile: Profile
    public_key: PublicKey
    serial: int
    not_before: datetime
    not_after: datetime
    tbs: bytes = attrs.field(repr=False)

    @property
    def tbs_hash(self) -> bytes:
        """What an intent is told by."""
        return sha256(self.tbs)


@attrs.frozen(slots=True, repr=False)
class Authority:
    """A certificate that may issue, the key behind its port, and where it publishes, if it does."""

    certificate: x509.Certificate
    signer: Signer
    points: Points | None = None

    @classmethod
    def of(cls, der: bytes, signer: Signer, points: Points | None) -> Authority:
        """From a certificate in DER."""
        return cls(x509.load_der_x509_certificate(der), signer, points)

    @property
    def pem(self) -> bytes:
        """Its own certificate, PEM."""
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def der(self) -> bytes:
        """Its own certificate, DER."""
        return self.certificate.public_bytes(Encoding.DER)

    def prepare(self, order: Order, at: datetime) -> Prepared:
        """Build and lint what shall be signed.

        Raises ``TS-3003`` (weak key, or one of a kind that the profile does not take), ``TS-3006`` (a linter found
        something; the detail says what) and ``TS-1310`` (the authority may not sign now).
        """
        return _prepare(order, at, self.certificate, self.signer.public, self.points)

    def sign(self, prepared: Prepared) -> bytes:
        """Sign what was linted and check the result: the certificate, DER; raises ``TS-5004`` when the key is away."""
        return _sign(prepared, self.signer)

    def issue(self, order: Order, at: datetime) -> bytes:
        """Both at once, where nobody keeps intents; raises as `prepare` and `sign` do."""
        return self.sign(self.prepare(order, at))


def self_signed(order: Order, signer: Signer, at: datetime) -> Authority:
    """A root for its own key."""
    der = _sign(_prepare(order, at, None, signer.public, None), signer)
    return Authority(x509.load_der_x509_certificate(der), signer)


def _prepare(
    order: Order, at: datetime, issuer: x509.Certificate | None, issuer_key: PublicKey, points: Points | None
) -> Prepared:
    check_key(order.public_key)
    if order.public_key.kind not in order.profile.key_kinds:
        wanted = " or ".join(sorted(order.profile.key_kinds))
        raise Fault("TS-3003", detail=f"a certificate of the profile {order.profile.name} is for a key {wanted}")
    require(signing_use(issuer_key), at)
    kind = issuer_key.kind
    trial = _builder(order, at, issuer, points).sign(ec_private(_throw_away_key(kind)), signing_hash(kind))
    der = trial.public_bytes(Encoding.DER)
    findings = [*lint(trial, order.profile, issuer, points), *_second_opinion(der, order, issuer)]
    if findings:
        raise Fault("TS-3006", detail="; ".join(findings))
    return Prepared(
        profile=order.profile,
        public_key=order.public_key,
        serial=trial.serial_number,
        not_before=trial.not_valid_before_utc,
        not_after=trial.not_valid_after_utc,
        tbs=trial.tbs_certificate_bytes,
    )


def _second_opinion(der: bytes, order: Order, issuer: x509.Certificate | None) -> list[str]:
    return second_lint(der, is_root=issuer is None, takes_long_names=order.profile.is_taxcore)


def _sign(prepared: Prepared, signer: Signer) -> bytes:
    signature = signer.sign(prepared.tbs)
    check_signature(signer.public, prepared.tbs, signature)
    der = signed(prepared.tbs, signer.public.kind, signature)
    if x509.load_der_x509_certificate(der).tbs_certificate_bytes != prepared.tbs:
        raise AssertionError("the certificate holds other bytes than were linted")
    return der


@cache
def _throw_away_key(kind: KeyKind) -> PrivateKey:
    return generate_p384_key() if kind is KeyKind.P384 else generate_p256_key()


def _builder(
    order: Order, at: datetime, issuer: x509.Certificate | None, points: Points | None
) -> x509.CertificateBuilder:
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
    for extension, critical in _extensions(order, issuer, points):
        builder = builder.add_extension(extension, critical)
    return builder


def _serial_number() -> int:
    """128 random bits, never zero."""
    return secrets.randbits(128) or 1


def _extensions(
    order: Order, issuer: x509.Certificate | None, points: Points | None
) -> list[tuple[x509.ExtensionType, bool]]:
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
        usages = x509.ExtendedKeyUsage([x509.ObjectIdentifier(oid) for oid in profile.usages])
        found.append((usages, profile.usages_are_critical))
    if order.hosts:
        found.append((x509.SubjectAlternativeName(general_names(order.hosts)), not order.subject))
    if order.permitted_hosts:
        found.append((x509.NameConstraints(general_names(order.permitted_hosts, networks=True), None), True))
    if profile.has_points and points is not None:
        found += _published_at(points, profile)
    if profile.no_check:
        found.append((x509.OCSPNoCheck(), False))
    values = (*((oid, text.encode("utf-8")) for oid, text in order.texts), *order.values)
    found += [(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), value), False) for oid, value in values if value]
    return found


def _published_at(points: Points, profile: Profile) -> list[tuple[x509.ExtensionType, bool]]:
    """Where list, responder and issuer are found. The root is not on line: no responder answers for it."""
    list_at = x509.DistributionPoint([x509.UniformResourceIdentifier(points.crl)], None, None, None)
    issuer = (AuthorityInformationAccessOID.CA_ISSUERS, points.issuer)
    responder = (AuthorityInformationAccessOID.OCSP, points.ocsp)
    wanted = (issuer,) if profile.is_authority else (responder, issuer)
    access = [x509.AccessDescription(method, x509.UniformResourceIdentifier(url)) for method, url in wanted]
    return [(x509.CRLDistributionPoints([list_at]), False), (x509.AuthorityInformationAccess(access), False)]


def _key_usage(names: frozenset[str]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature="digital_signature" in names,
        content_commitment="content_commitment" in names,
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


def authority_name(organization: str, country: str, title: str) -> tuple[tuple[x509.ObjectIdentifier, str], ...]:
    """The subject of an authority's own certificate."""
    return (
        (NameOID.COUNTRY_NAME, country),
        (NameOID.ORGANIZATION_NAME, organization),
        common_name(organization, f" {title}"),
    )
