"""Reads certificates of secure elements and follows their chain; the moment is always passed in (S2-007 to S2-012)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

import attrs
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from tallystick.crypto.keys import PublicHandle, PublicKey, accept_public
from tallystick.crypto.policy import Use, require
from tallystick.crypto.taxcore_oids import CertificateClass, read_usage
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid, parse_tin, parse_uid
from tallystick.kernel.invoice import Seller

MAX_CHAIN_CERTIFICATES = 3
_OCTET_STRING = 0x04
_TEXT_TAGS = {0x0C: "utf-8", 0x13: "ascii", 0x16: "ascii", 0x1E: "utf-16-be"}
_MAX_NESTED_TAGS = 3


@attrs.frozen(slots=True, kw_only=True)
class CardCertificate:
    """What a certificate of classes V32 to V38 says. ``sha256`` is its thumbprint, 32 bytes; moments are UTC."""

    uid: Uid
    tin: str
    environment: tuple[int, int]
    certificate_class: CertificateClass
    seller: Seller
    given_name: str
    surname: str
    common_name: str
    api_url: str
    vsdc_url: str
    not_before: datetime
    not_after: datetime
    public_key: PublicKey
    serial_number: int
    sha256: bytes = attrs.field(repr=bytes.hex)
    der: bytes = attrs.field(repr=False)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies in the validity; the end itself is refused (K-25)."""
        return self.not_before <= moment < self.not_after


def read_card_certificate(der: bytes) -> CardCertificate:
    """Read a certificate; does not judge who issued it, nor its validity.

    Raises ``TS-1102`` (not a certificate), ``TS-1108`` (no environment), ``TS-1313`` (UID or TIN missing or
    malformed), ``TS-1310`` (its key is never allowed).
    """
    certificate = read_certificate(der)
    environment, certificate_class = read_usage(_usages(certificate))
    uid = parse_uid(_subject(certificate, NameOID.SERIAL_NUMBER))
    tin = parse_tin(_extension_text(certificate, environment.tin_oid))
    return CardCertificate(
        uid=uid,
        tin=tin,
        environment=environment.digits,
        certificate_class=certificate_class,
        seller=Seller(
            tin=tin,
            business_name=_subject(certificate, NameOID.ORGANIZATION_NAME),
            location_name=_subject(certificate, NameOID.ORGANIZATIONAL_UNIT_NAME),
            address=_subject(certificate, NameOID.STREET_ADDRESS),
            district=_subject(certificate, NameOID.STATE_OR_PROVINCE_NAME),
            city=_subject(certificate, NameOID.LOCALITY_NAME),
            country=_subject(certificate, NameOID.COUNTRY_NAME),
        ),
        given_name=_subject(certificate, NameOID.GIVEN_NAME),
        surname=_subject(certificate, NameOID.SURNAME),
        common_name=_subject(certificate, NameOID.COMMON_NAME),
        api_url=_extension_text(certificate, environment.api_url_oid),
        vsdc_url=_extension_text(certificate, environment.vsdc_url_oid),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        public_key=public_key_of(certificate),
        serial_number=certificate.serial_number,
        sha256=sha256(der),
        der=der,
    )


@attrs.frozen(slots=True, kw_only=True)
class DeviceCertificate:
    """What a certificate of a software device says of its key: the device's UID, in the subject's serial number."""

    uid: str
    not_before: datetime
    not_after: datetime
    public_key: PublicKey
    der: bytes = attrs.field(repr=False)

    def is_valid_at(self, moment: datetime) -> bool:
        """Whether the moment lies in the validity; the end itself is refused (K-25)."""
        return self.not_before <= moment < self.not_after


def read_device_certificate(der: bytes) -> DeviceCertificate:
    """Read a device's certificate without judging its issuer; raises ``TS-1102``, ``TS-1310``."""
    certificate = read_certificate(der)
    return DeviceCertificate(
        uid=_subject(certificate, NameOID.SERIAL_NUMBER),
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        public_key=public_key_of(certificate),
        der=der,
    )


def read_extension_text(value: bytes) -> str:
    """Text of an extension value: plain bytes as the vendor writes them, or inside an ASN.1 string tag.

    Raises ``TS-1313`` when it is neither.
    """
    encoding = ""
    for _ in range(_MAX_NESTED_TAGS):
        inner = _unwrap_tag(value)
        if inner is None:
            break
        encoding, value = _TEXT_TAGS.get(value[0], ""), inner
        if encoding:
            break  # what a string holds is text, even where it looks like a tag
    try:
        return value.decode(encoding or "utf-8").strip("\0 \r\n")
    except UnicodeDecodeError:
        raise Fault("TS-1313", detail="an extension is not text") from None


def _unwrap_tag(value: bytes) -> bytes | None:
    """Content of a DER string or octet string that fills ``value`` exactly, else ``None``."""
    if len(value) < 2 or (value[0] != _OCTET_STRING and value[0] not in _TEXT_TAGS):
        return None
    length, start = value[1], 2
    if length & 0x80:
        start = 2 + (length & 0x7F)
        length = int.from_bytes(value[2:start], "big")
    return value[start:] if len(value) == start + length else None


def read_certificate(der: bytes) -> x509.Certificate:
    """Read a certificate whole, since the library reads its parts only when they are asked for; raises ``TS-1102``."""
    try:
        certificate = x509.load_der_x509_certificate(der)
        _ = certificate.subject, certificate.issuer, certificate.extensions, certificate.signature_algorithm_oid
        _ = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    except Exception:
        # Hostile bytes make the library raise ValueError, TypeError, InvalidVersion and more; all mean the same here.
        raise Fault("TS-1102", detail="not an X.509 certificate that can be read") from None
    if certificate.serial_number <= 0:
        raise Fault("TS-1102", detail="a serial number is positive")
    return certificate


def _usages(certificate: x509.Certificate) -> list[str]:
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return [oid.dotted_string for oid in extension.value]
    return []


def _extension_text(certificate: x509.Certificate, oid: str) -> str:
    for extension in certificate.extensions:
        if extension.oid.dotted_string == oid and isinstance(extension.value, x509.UnrecognizedExtension):
            return read_extension_text(extension.value.value)
    return ""


def _subject(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> str:
    attributes = certificate.subject.get_attributes_for_oid(oid)
    value = attributes[0].value if attributes else ""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def public_key_of(certificate: x509.Certificate) -> PublicKey:
    """The key of a certificate; raises ``TS-1310`` for one that is never allowed."""
    try:
        handle: PublicHandle = accept_public(certificate.public_key())
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("TS-1310", detail="the certificate's key cannot be read") from None
    return PublicKey(handle)


_SIGNED_WITH = {
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: Use.VERIFY_CERTIFICATE_P256,
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: Use.VERIFY_CERTIFICATE_P384,
    SignatureAlgorithmOID.RSA_WITH_SHA256: Use.VERIFY_CERTIFICATE_RSA,
}


@attrs.frozen(slots=True)
class TrustStore:
    """Certificates of authorities that we trust, as read from PEM files: self-signed roots and issuing ones."""

    authorities: tuple[x509.Certificate, ...]

    @classmethod
    def from_pem(cls, *files: bytes) -> TrustStore:
        """Read PEM files; raises ``ValueError`` when one is none."""
        return cls(tuple(certificate for pem in files for certificate in x509.load_pem_x509_certificates(pem)))

    @classmethod
    def from_der(cls, certificates: Iterable[bytes]) -> TrustStore:
        """Read DER certificates; raises ``ValueError``."""
        return cls(tuple(map(x509.load_der_x509_certificate, certificates)))

    @property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of each."""
        return tuple(one.fingerprint(hashes.SHA256()) for one in self.authorities)

    def without(self, digests: Collection[bytes]) -> TrustStore:
        """The same without the certificates that have one of these SHA-256."""
        return TrustStore(tuple(one for one in self.authorities if one.fingerprint(hashes.SHA256()) not in digests))


class Trusted(Protocol):
    """Whose certificates are believed: a `TrustStore`, or one that follows a folder."""

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Their certificates."""

    @property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of each."""


def verify_chain(der: bytes, trusted: Trusted, moment: datetime) -> tuple[bytes, ...]:
    """Follow a certificate to a self-signed root of ``trusted``; SHA-256 of the authorities on the way, issuer first.

    Raises ``TS-1102`` (chain is not ours), ``TS-1103`` (something in it has expired or is not valid yet at
    ``moment``), ``TS-1310`` (an authority signed with what is not allowed).
    """
    certificate = read_certificate(der)
    way: list[bytes] = []
    for depth in range(MAX_CHAIN_CERTIFICATES):
        issuer = _issuer_of(certificate, trusted, moment)
        if not certificate.not_valid_before_utc <= moment < certificate.not_valid_after_utc:
            raise Fault("TS-1103", detail="expired or not valid yet")
        if issuer.subject == certificate.subject and issuer == certificate:
            return tuple(way)
        _check_authority(issuer, depth)
        way.append(issuer.fingerprint(hashes.SHA256()))
        certificate = issuer
    raise Fault("TS-1102", detail="the chain is too long")


def _issuer_of(certificate: x509.Certificate, trusted: Trusted, moment: datetime) -> x509.Certificate:
    """The trusted authority whose key signed the certificate; a root finds itself."""
    use = _SIGNED_WITH.get(certificate.signature_algorithm_oid)
    if use is None:
        raise Fault("TS-1310", detail="a certificate signed with an algorithm that is not allowed")
    require(use, moment)
    for authority in trusted.authorities:
        if authority.subject == certificate.issuer:
            try:
                certificate.verify_directly_issued_by(authority)
            except (ValueError, TypeError, InvalidSignature):
                continue
            return authority
    raise Fault("TS-1102", detail="not issued by an authority that we trust")


def is_issued_by(der: bytes, authority: bytes) -> bool:
    """Whether an authority's key (certificate DER) signed a certificate; raises ``TS-1102`` for what is none."""
    try:
        read_certificate(der).verify_directly_issued_by(read_certificate(authority))
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _check_authority(authority: x509.Certificate, authorities_below: int) -> None:
    """An issuer must be an authority that may sign certificates and may have so many authorities below it."""
    try:
        constraints = authority.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = authority.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        raise Fault("TS-1102", detail="the issuer is not an authority") from None
    too_deep = constraints.path_length is not None and authorities_below > constraints.path_length
    if not constraints.ca or not usage.key_cert_sign or too_deep:
        raise Fault("TS-1102", detail="the issuer may not issue this")


def is_self_signed(der: bytes) -> bool:
    """Whether a certificate names itself as its issuer, as a root does; raises ``TS-1102`` when it cannot be read."""
    certificate = read_certificate(der)
    return certificate.subject == certificate.issuer


def pem_of(der: bytes) -> bytes:
    """A DER certificate as PEM."""
    return read_certificate(der).public_bytes(Encoding.PEM)


def certificates_of(pem: bytes) -> list[bytes]:
    """Every certificate of a PEM file as DER, in order; raises ``ValueError``."""
    return [certificate.public_bytes(Encoding.DER) for certificate in x509.load_pem_x509_certificates(pem)]


def der_of(pem: bytes) -> bytes:
    """The first certificate of a PEM file as DER; raises ``ValueError``."""
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)
