"""Claim: a core decodes and checks at least 2,000 verification URLs a second, the card's signature included."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

import attrs

from benchmarks.claim import Claim, per_second
from benchmarks.limits import best_seconds
from benchmarks.package_maker import Card
from tallystick.authority.projections.verification.check import open_url
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.signatures import sign_invoice_text, verify_invoice_signature
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import md5_checksum
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.card import signed_text
from tallystick.wire.verification_url import VerificationData, encode, from_url, to_url

URLS_A_SECOND = 2_000
TIN = "123456789"


def run(full: bool) -> Iterable[Claim]:
    """Decoding with its checksum, then with the signature, too; ``full`` takes more calls."""
    calls = 5_000 if full else 1_000
    key = generate_rsa_key()
    public_key = key.public
    unsigned = VerificationData(
        requested_by=Uid("AB12CD34"),
        signed_by=Uid("AB12CD34"),
        total_counter=214_275,
        type_counter=1_132,
        amount=Money(684_600),
        time_ms=1_772_443_793_803,
        invoice_type=InvoiceType.NORMAL,
        transaction_type=TransactionType.SALE,
        buyer_id=b"10:123456789",
        encrypted_internal_data=Random(2026).randbytes(256),
        signature=bytes(256),
    )
    data = attrs.evolve(unsigned, signature=sign_invoice_text(key, _text(unsigned)))
    url, raw = to_url("https://verify.example/v/?vl=", data), encode(data)

    registry: dict[str, SecureElementEntry] = {data.signed_by: Card(data.signed_by, TIN, key, public_key).entry()}

    decoding = best_seconds(lambda: from_url(url), calls=calls)
    checksum = best_seconds(lambda: md5_checksum(raw), calls=calls)
    yield _claim("verification URL decoded", decoding, checksum, "checksums")
    text = _text(data)
    checking = best_seconds(lambda: open_url(url, registry.get), calls=calls)
    verification = best_seconds(lambda: verify_invoice_signature(public_key, text, data.signature), calls=calls)
    yield _claim("verification URL decoded, signature checked", checking, verification, "RSA verifications")


def _text(data: VerificationData) -> bytes:
    return signed_text(
        data.time_ms,
        TIN,
        data.buyer_id,
        data.invoice_type,
        data.transaction_type,
        data.amount,
        data.type_counter,
        data.total_counter,
        data.encrypted_internal_data,
    )


def _claim(name: str, seconds: float, limit_seconds: float, limit_name: str) -> Claim:
    rate, limit = 1 / seconds, 1 / limit_seconds
    return Claim(
        f"{name}, a core",
        per_second(rate, "URLs"),
        per_second(limit, f"bare {limit_name}"),
        rate / limit,
        f">= {URLS_A_SECOND:,} URLs/s",
        rate >= URLS_A_SECOND,
    )
