"""What the register of certificates notes about any certificate, and the identity in one of a device."""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

import attrs
from cryptography import x509
from cryptography.x509.oid import NameOID

from tallystick.crypto.certificates import public_key_of, read_certificate, read_extension_text
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_oids import NationalArc
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256


@attrs.frozen(slots=True, kw_only=True)
class CertificateFacts:
    """Of any certificate. Hashes are SHA-256, 32 bytes; ``issuer_key_id`` is empty in a root."""

    serial: int
    not_before: datetime
    not_after: datetime
    subject: str
    public_key: PublicKey
    issuer_key_id: bytes
    sha256: bytes
    tbs_hash: bytes
    der: bytes = attrs.field(repr=False)

    @property
    def key_hash(self) -> bytes:
        """Of SubjectPublicKeyInfo."""
        return self.public_key.fingerprint

    @property
    def lifetime(self) -> timedelta:
        """From the first to the last moment."""
        return self.not_after - self.not_before

    @property
    def renewal_id(self) -> str:
        """How renewal advice names it (RFC 9773, 4.1): issuer's key and serial number, base64url without padding."""
        size = self.serial.bit_length() // 8 + 1  # as in DER: the first bit is the sign
        return f"{_base64url(self.issuer_key_id)}.{_base64url(self.serial.to_bytes(size, 'big'))}"


def read_facts(der: bytes) -> CertificateFacts:
    """Read any certificate; raises ``TS-1102`` and ``TS-1310``."""
    certificate = read_certificate(der)
    issuer = b""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.AuthorityKeyIdentifier):
            issuer = extension.value.key_identifier or b""
    return CertificateFacts(
        serial=certificate.serial_number,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        subject=certificate.subject.rfc4514_string(),
        public_key=public_key_of(certificate),
        issuer_key_id=issuer,
        sha256=sha256(der),
        tbs_hash=sha256(certificate.tbs_certificate_bytes),
        der=der,
    )


@attrs.frozen(slots=True, kw_only=True)
class DeviceIdentity:
    """Who a device's certificate says it is."""

    uid: str
    tin: str
    premises: str
    device_class: DeviceClass
    facts: CertificateFacts


def read_device(der: bytes, arc: NationalArc) -> DeviceIdentity:
    """Read a certificate of the profile of devices; raises ``TS-1102``, ``TS-2405`` (it is none of a device)."""
    certificate = read_certificate(der)
    values = {
        extension.oid.dotted_string: extension.value.value
        for extension in certificate.extensions
        if isinstance(extension.value, x509.UnrecognizedExtension)
    }
    names = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    number = values.get(arc.device_class, b"")
    try:
        device_class = DeviceClass(number[2]) if number[:2] == b"\x02\x01" and len(number) == 3 else None
    except ValueError:
        device_class = None
    if device_class is None or len(names) != 1:
        raise Fault("TS-2405", detail="not the certificate of a device of the national channels")
    return DeviceIdentity(
        uid=str(names[0].value),
        tin=read_extension_text(values.get(arc.tin, b"")),
        premises=read_extension_text(values.get(arc.premises, b"")),
        device_class=device_class,
        facts=read_facts(der),
    )


def read_renewal_id(text: str) -> tuple[bytes, int]:
    """Issuer's key identifier and serial number of an identifier; raises ``TS-3022`` for what is none."""
    first, dot, second = text.partition(".")
    try:
        if not dot or len(text) > 80:
            raise ValueError
        key, serial = _from_base64url(first), _from_base64url(second)
    except ValueError:
        raise Fault("TS-3022", detail="not the identifier of a certificate") from None
    if not 16 <= len(key) <= 32 or not 1 <= len(serial) <= 21:
        raise Fault("TS-3022", detail="not the identifier of a certificate")
    return key, int.from_bytes(serial, "big")


def key_identifier(authority: bytes) -> bytes:
    """The subject key identifier of an authority's certificate (DER)."""
    certificate = read_certificate(authority)
    return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _from_base64url(text: str) -> bytes:
    if not text.isascii() or "=" in text or "+" in text or "/" in text:
        raise ValueError("not base64url")
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
