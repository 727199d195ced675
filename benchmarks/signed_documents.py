"""Documents as the intake hands them to the sequencer, really signed: by cards (RSA) and by software devices (ES256).

For tests and benchmarks. Certificates come from a country's PKI, or for software devices from one made here.
"""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

from benchmarks.package_maker import Card, rate_group, sale
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.reference.registry.tasks import REGISTRATION_MEDIA_TYPE
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.pki import CardSubject, DemoPki
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import Uid, canonical_buyer
from tallystick.kernel.instants import epoch_day, to_milliseconds, unix_ms
from tallystick.kernel.invoice import InvoiceRequest, document_type_code, turnover
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.card import signed_text
from tallystick.wire.document_jws import DocumentHeader

ARRIVES_AFTER = timedelta(milliseconds=40)
_CRITICAL = ["ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time"]


@attrs.define
class SignedCard:
    """A card with its certificate."""

    card: Card
    certificate: bytes

    @classmethod
    def make(cls, pki: DemoPki, uid: str, tin: str, key: PrivateKey, at: datetime) -> SignedCard:
        """A card whose certificate the country issued at ``at``."""
        card = Card(uid, tin, key, pki.public_key("package"), group=rate_group())
        subject = CardSubject(Uid(uid), attrs.evolve(card.seller, city="Town", country="AQ"), "https://api.example/")
        return cls(card, pki.issue_secure_element(subject, key.public.spki, at=at))

    def registration(self) -> NewEntry:
        """The entry that opens its sequence."""
        return _registration(self.card.uid, self.card.tin, self.certificate)

    def document(self, request: InvoiceRequest | None = None, *, at: datetime | None = None) -> NewEntry:
        """The next document of this card, signed at ``at`` (now) and received a moment later."""
        at = to_milliseconds(at or datetime.now(UTC))
        request, result = self.card.invoice(request or sale(), at)
        text = signed_text(
            unix_ms(at), self.card.tin, (request.buyer_id or "").encode(), request.invoice_type,
            request.transaction_type, result.total_amount, result.type_counter, result.total_counter,
            result.encrypted_internal_data,
        )  # fmt: skip
        totals: dict[str, int] = {}
        for item in result.tax_items:
            key = str(item.category_order_id)
            totals[key] = totals.get(key, 0) + item.amount.scaled
        body = write_audit_data(request, result)
        return NewEntry(
            kind=EntryKind.DOCUMENT,
            channel=Channel.ESDC,
            body=body,
            media_type="application/json",
            received_at_ms=unix_ms(at + ARRIVES_AFTER),
            act_hash=sha256(text),
            file_hash=sha256(b"file" + body),
            device=(self.card.uid, self.card.uid),
            tin=self.card.tin,
            premises="1",
            document_type=document_type_code(request.invoice_type, request.transaction_type),
            day=epoch_day(at),
            issued_at_ms=unix_ms(at),
            utc_offset_minutes=0,
            currency="XTS",
            total=result.total_amount.scaled,
            day_amount=turnover(request.invoice_type, request.transaction_type, result.total_amount).scaled,
            tax_totals=totals,
            se_total=result.total_counter,
            se_type=result.type_counter,
            certificate_hash=sha256(self.certificate),
            refers_to=request.referent_document_number or "",
            verdict=4,
            buyer=canonical_buyer(request.buyer_id),
        )


@attrs.define
class SoftwareDevice:
    """A device that signs JWS (ES256), with a certificate of a root of its own; ``link`` is the end of its sequence."""

    uid: str
    tin: str
    origin: str
    link: bytes = b""
    seq: int = 0
    key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    root_key: ec.EllipticCurvePrivateKey = attrs.field(factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    root: x509.Certificate = attrs.field(init=False)
    certificate: bytes = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Make root and certificate."""
        authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Root of {self.uid}")])
        self.root = _certificate(authority, authority, self.root_key, self.root_key, ca=True)
        subject = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, self.uid)])
        made = _certificate(subject, authority, self.key, self.root_key, ca=False)
        self.certificate = made.public_bytes(serialization.Encoding.DER)

    @property
    def root_pem(self) -> bytes:
        """For a policy."""
        return self.root.public_bytes(serialization.Encoding.PEM)

    def registration(self) -> NewEntry:
        """The entry that opens its sequence; its ``link`` is the genesis that the ledger made then."""
        return _registration(self.uid, self.tin, self.certificate)

    def header(self, at: datetime, *, sequence: int, previous: bytes, **changes: Any) -> DocumentHeader:
        """The header of a document of the national channels, with a nonce of its own."""
        said = DocumentHeader(
            kid=sha256(self.certificate),
            audience=self.origin,
            device=Uid(self.uid),
            sequence=sequence,
            previous=previous,
            nonce=os.urandom(16),
            time_ms=unix_ms(at),
        )
        return attrs.evolve(said, **changes)

    def sign(self, text: bytes) -> bytes:
        """ES256 over a signing input."""
        r, s = utils.decode_dss_signature(self.key.sign(text, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def document(self, payload: bytes, *, at: datetime) -> NewEntry:
        """The next document."""
        at = to_milliseconds(at)
        self.seq += 1
        header = {
            "alg": "ES256",
            "typ": "tallystick-document+jws",
            "kid": _base64url(sha256(self.certificate)),
            "crit": _CRITICAL,
            "ts-aud": self.origin,
            "ts-dev": self.uid,
            "ts-nonce": _base64url(os.urandom(16)),
            "ts-prev": _base64url(self.link),
            "ts-seq": str(self.seq),
            "ts-time": at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
        }
        signed = f"{_base64url(json.dumps(header, separators=(',', ':')).encode())}.{_base64url(payload)}".encode()
        body = signed + b"." + _base64url(self.sign(signed)).encode()
        self.link = device_link(self.link, self.seq, sha256(body))
        return NewEntry(
            kind=EntryKind.DOCUMENT,
            channel=Channel.ECR_ONLINE,
            body=body,
            media_type="application/jose",
            received_at_ms=unix_ms(at + ARRIVES_AFTER),
            act_hash=sha256(signed),
            device=(self.uid, self.uid),
            tin=self.tin,
            document_type=0x0200,
            day=epoch_day(at),
            issued_at_ms=unix_ms(at),
            currency="XTS",
            total=10_000,
            day_amount=10_000,
            se_total=self.seq,
            certificate_hash=sha256(self.certificate),
            verdict=4,
        )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    *,
    ca: bool,
) -> x509.Certificate:
    now = datetime.now(UTC) - timedelta(days=60)
    usage = x509.KeyUsage(not ca, False, False, False, False, ca, ca, False, False)
    return (
        x509.CertificateBuilder(issuer, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=397))
        .add_extension(x509.BasicConstraints(ca, 1 if ca else None), critical=True)
        .add_extension(usage, critical=True)
        .sign(by, hashes.SHA256())
    )


def _registration(uid: str, tin: str, certificate: bytes) -> NewEntry:
    body = json.dumps({"certificate": certificate.hex(), "tin": tin, "uid": uid}, separators=(",", ":")).encode()
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=body,
        media_type=REGISTRATION_MEDIA_TYPE,
        received_at_ms=unix_ms(datetime.now(UTC) - timedelta(days=29)),
        act_hash=sha256(body),
        device=(uid, uid),
        tin=tin,
        certificate_hash=sha256(certificate),
    )


def _base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
