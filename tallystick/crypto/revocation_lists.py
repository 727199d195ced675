"""Certificate revocation lists (RFC 5280, 5): built and signed for an authority, and read strictly."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import attrs
from cryptography import x509

from tallystick.crypto.der import signed
from tallystick.crypto.issuing import Authority
from tallystick.crypto.keys import KeyKind, PublicKey, accept_public, ec_private, generate_p256_key, generate_p384_key
from tallystick.crypto.ocsp import reason_flag
from tallystick.crypto.policy import require
from tallystick.crypto.signers import check_signature, signing_hash, signing_use
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256

LIST_LIFETIME = timedelta(hours=24)
ROOT_LIST_LIFETIME = timedelta(days=365)


@attrs.frozen(slots=True)
class RevokedSerial:
    """One line of a list."""

    serial: int
    revoked_at: datetime
    reason: int = 0


@attrs.frozen(slots=True, kw_only=True)
class PreparedList:
    """What is to be signed. ``tbs_hash`` is its SHA-256, 32 bytes."""

    number: int
    this_update: datetime
    next_update: datetime
    count: int
    tbs: bytes = attrs.field(repr=False)

    @property
    def tbs_hash(self) -> bytes:
        """What an intent is told by."""
        return sha256(self.tbs)


@attrs.frozen(slots=True, kw_only=True)
class RevocationList:
    """A list that was read. ``revoked`` are reason and moment by serial number, ``tbs_hash`` of the signed part."""

    number: int
    tbs_hash: bytes
    this_update: datetime
    next_update: datetime
    revoked: dict[int, RevokedSerial]


def prepare_list(
    authority: Authority,
    number: int,
    revoked: Iterable[RevokedSerial],
    at: datetime,
    lifetime: timedelta = LIST_LIFETIME,
) -> PreparedList:
    """Build the bytes of a list; raises ``TS-1310`` when the authority may not sign now."""
    kind = authority.signer.public.kind
    require(signing_use(authority.signer.public), at)
    this_update = at.replace(microsecond=0)
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(authority.certificate.subject)
        .last_update(this_update)
        .next_update(this_update + lifetime)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    )
    lines = sorted(revoked, key=lambda one: one.serial)
    for line in lines:
        builder = builder.add_revoked_certificate(_line(line))
    key = generate_p384_key() if kind is KeyKind.P384 else generate_p256_key()
    trial = builder.sign(ec_private(key), signing_hash(kind))
    return PreparedList(
        number=number,
        this_update=this_update,
        next_update=this_update + lifetime,
        count=len(lines),
        tbs=trial.tbs_certlist_bytes,
    )


def sign_list(authority: Authority, prepared: PreparedList) -> bytes:
    """Sign the prepared bytes: the list, DER; raises ``TS-5004`` when the key is away."""
    signature = authority.signer.sign(prepared.tbs)
    check_signature(authority.signer.public, prepared.tbs, signature)
    return signed(prepared.tbs, authority.signer.public.kind, signature)


def _line(one: RevokedSerial) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder().serial_number(one.serial).revocation_date(one.revoked_at)
    reason = reason_flag(one.reason)
    if reason is not None:
        builder = builder.add_extension(x509.CRLReason(reason), critical=False)
    return builder.build()


_NUMBERS = {flag: number for number in range(11) if (flag := reason_flag(number)) is not None}


def read_list(der: bytes, issuer: bytes, at: datetime, *, above: int | None = None) -> RevocationList:
    """Read a list that the authority with this certificate (DER) signed.

    ``above`` is the number of the newest list that is known. Raises ``TS-1102`` (not a list of this authority),
    ``TS-1109`` (not in force at the moment) and ``TS-3027`` (an older one than what is known).
    """
    try:
        read = x509.load_der_x509_crl(der)
        authority = x509.load_der_x509_certificate(issuer)
        number = read.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        revoked = {one.serial_number: _read_line(one) for one in read}
        next_update = read.next_update_utc
    except Exception:  # as for certificates: hostile bytes make the library raise many kinds
        raise Fault("TS-1102", detail="not a revocation list that can be read") from None
    key = PublicKey(accept_public(authority.public_key()))
    if read.issuer != authority.subject or next_update is None:
        raise Fault("TS-1102", detail="not a revocation list of this authority")
    try:
        check_signature(key, read.tbs_certlist_bytes, read.signature)
    except Fault:
        raise Fault("TS-1102", detail="not signed by this authority") from None
    if not read.last_update_utc <= at < next_update:
        raise Fault("TS-1109", detail="the revocation list is not in force now")
    if above is not None and number <= above:
        raise Fault("TS-3027", detail=f"list {number} comes after list {above}")
    return RevocationList(
        number=number,
        tbs_hash=sha256(read.tbs_certlist_bytes),
        this_update=read.last_update_utc,
        next_update=next_update,
        revoked=revoked,
    )


def _read_line(one: x509.RevokedCertificate) -> RevokedSerial:
    for extension in one.extensions:
        if isinstance(extension.value, x509.CRLReason):
            return RevokedSerial(one.serial_number, one.revocation_date_utc, _NUMBERS.get(extension.value.reason, 0))
    return RevokedSerial(one.serial_number, one.revocation_date_utc)
