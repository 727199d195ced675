"""The compact proof: 80 letters beside the long verification URL, short enough for a QR code of version 10 (K-10).

It names a document and carries an authenticator of 128 bits. Who holds the document can check it; offline it proves
nothing. The bytes, big endian: 0 layout 0x01; 1 invoice type x 16 + transaction type; 2 requestedBy and 8 signedBy as
numbers to the base 36 (6 bytes each); 14 total counter (u32); 18 amount x 10000 (u64); 26 time in ms (u48);
32 authenticator (16); 48 check (2). They are written in Base32 (RFC 4648), which needs no padding at this length.
"""

from __future__ import annotations

import base64
import re
import struct

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256, tagged_hash
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid, uid_bytes, uid_of_bytes
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.verification_url import VERSION, VerificationData, encode, from_url

LAYOUT = 1
CODE_CHARACTERS = 80
AUTHENTICATOR_BYTES = 16
PATH = "/C/"

_FORM = struct.Struct(">BB6s6sIQ6s16s")
_CHECK_BYTES = 2
_URL_CHECKSUM_BYTES = 16
_TIME_BYTES = 6
_CODE = re.compile(r"[A-Z2-7]{80}", re.ASCII)
_ORIGIN = re.compile(r"(https?://[A-Za-z0-9.-]{1,120}(?::[0-9]{1,5})?)/", re.ASCII)


@attrs.frozen(slots=True, kw_only=True)
class CompactProof:
    """What a compact code says. The amount counts ten-thousandths, the time milliseconds since 1970 UTC."""

    number: SdcInvoiceNumber
    amount: Money
    time_ms: int
    invoice_type: InvoiceType
    transaction_type: TransactionType
    authenticator: bytes


def authenticator_of(data: VerificationData) -> bytes:
    """The first 16 bytes of a tagged hash over the long code's bytes, signature included, without their checksum.

    The signature makes it unguessable: whoever could compute it without the document could sign.
    """
    whole = encode(attrs.evolve(data, version=VERSION))
    return tagged_hash("compact-proof", whole[:-_URL_CHECKSUM_BYTES])[:AUTHENTICATOR_BYTES]


def compact_proof(data: VerificationData) -> CompactProof:
    """The compact proof of what a long code says; `ValueError` where the layout of the long code cannot hold it."""
    return CompactProof(
        number=data.number,
        amount=data.amount,
        time_ms=data.time_ms,
        invoice_type=data.invoice_type,
        transaction_type=data.transaction_type,
        authenticator=authenticator_of(data),
    )


def write_code(proof: CompactProof) -> str:
    """The 80 letters; a value that the layout cannot hold is our own bug (`ValueError`)."""
    if len(proof.authenticator) != AUTHENTICATOR_BYTES:
        raise ValueError("an authenticator has 16 bytes")
    try:
        raw = _FORM.pack(
            LAYOUT,
            proof.invoice_type << 4 | proof.transaction_type,
            uid_bytes(proof.number.requested_by),
            uid_bytes(proof.number.signed_by),
            proof.number.ordinal,
            proof.amount.scaled,
            proof.time_ms.to_bytes(_TIME_BYTES, "big"),
            proof.authenticator,
        )
    except (struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    return base64.b32encode(raw + sha256(raw)[:_CHECK_BYTES]).decode("ascii")


def read_code(text: str) -> CompactProof:
    """Read the 80 letters in either case; raises `TS-1220`. Each code has one spelling and each text one reading."""
    if not text.isascii() or _CODE.fullmatch(upper := text.upper()) is None:
        raise _fault("/", f"a compact code has {CODE_CHARACTERS} letters A-Z and 2-7")
    whole = base64.b32decode(upper)
    raw, check = whole[:-_CHECK_BYTES], whole[-_CHECK_BYTES:]
    if sha256(raw)[:_CHECK_BYTES] != check:
        raise _fault("/check", "the code was read or written wrongly")
    layout, types, requested_by, signed_by, ordinal, amount, time_ms, authenticator = _FORM.unpack(raw)
    if layout != LAYOUT:
        raise _fault("/layout", f"layout {layout}")
    if types >> 4 >= len(InvoiceType) or types & 15 >= len(TransactionType):
        raise _fault("/types", "no such type")
    return CompactProof(
        number=SdcInvoiceNumber(_uid(requested_by), _uid(signed_by), ordinal),
        amount=Money(amount),
        time_ms=int.from_bytes(time_ms, "big"),
        invoice_type=InvoiceType(types >> 4),
        transaction_type=TransactionType(types & 15),
        authenticator=authenticator,
    )


def compact_link(verification_url: str) -> str:
    """The compact link beside a long verification URL: the same host, path ``/C/``, upper case throughout.

    Every character is in the alphanumeric set of QR codes, and there are at most 221: version 10 at level Q. Raises
    `TS-1220` for a URL that cannot be read.
    """
    origin = _ORIGIN.match(verification_url)
    if origin is None:
        raise _fault("/verificationUrl", "no web address of a plain host")
    return f"{origin[1]}{PATH}{write_code(compact_proof(from_url(verification_url)))}".upper()


def _uid(raw: bytes) -> Uid:
    try:
        return uid_of_bytes(raw)
    except Fault:
        raise _fault("/uid", "not a UID") from None


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
