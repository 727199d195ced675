"""The code of a national receipt, made at the sale and the same for ever, online and offline (S0-033, S0-096, K-19).

It stands behind ``/r/`` of the verification page. The bytes, big endian: 0 layout 0x11; 1 document type less 0x0200;
2 device as a number to the base 36 (6 bytes); 8 sequence (u32); 12 total x 10000 (u64); 20 time in ms (u48);
26 hash of what the device signed (32); 58 its signature (64, ES256). Written in base64url: 163 letters, which with a
short address fit into a QR code of version 10.

The signature is that of the document itself, over the hash that the code carries. Whoever knows the device's public key
can make another hash and a signature that fit each other, since no text stands behind a bare hash: so a code shows that
the device signed only together with its document. All in it is the code's own words until that has come; then it is
compared.
"""

from __future__ import annotations

import struct

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import HASH_BYTES
from tallystick.kernel.identifiers import Uid, uid_bytes, uid_of_bytes
from tallystick.kernel.national_document import DocumentType, NationalDocument
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import SIGNATURE_BYTES, SignedDocument

LAYOUT = 0x11
PATH = "/r/"
CODE_CHARACTERS = 163
_FIRST_TYPE = 0x0200
_FORM = struct.Struct(f">BB6sIQ6s{HASH_BYTES}s{SIGNATURE_BYTES}s")
_TIME_BYTES = 6


@attrs.frozen(slots=True, kw_only=True)
class ReceiptCode:
    """What a code says; ``time_ms`` is Unix milliseconds UTC."""

    document_type: int
    device: Uid
    sequence: int
    total: Money
    time_ms: int
    act_hash: bytes
    signature: bytes

    @property
    def number(self) -> str:
        """The fiscal number."""
        return f"{self.device}-{self.device}-{self.sequence}"


def receipt_code(signed: SignedDocument, document: NationalDocument) -> ReceiptCode:
    """The code of a sale; ``ValueError`` for a document that is none."""
    if document.sale is None:
        raise ValueError("only sales have a receipt")
    header = signed.header
    return ReceiptCode(
        document_type=document.type_code,
        device=header.device,
        sequence=header.sequence,
        total=document.sale.total,
        time_ms=header.time_ms,
        act_hash=signed.act_hash,
        signature=signed.signature,
    )


def write_receipt_code(code: ReceiptCode) -> str:
    """The letters of a code; a value that the layout cannot hold is our own bug (``ValueError``)."""
    try:
        raw = _FORM.pack(
            LAYOUT,
            code.document_type - _FIRST_TYPE,
            uid_bytes(code.device),
            code.sequence,
            code.total.scaled,
            code.time_ms.to_bytes(_TIME_BYTES, "big"),
            code.act_hash,
            code.signature,
        )
    except (struct.error, OverflowError) as error:
        raise ValueError(str(error)) from None
    return write_base64url(raw).decode("ascii")


def read_receipt_code(text: str) -> ReceiptCode:
    """Read the letters; raises ``TS-1220``. Each code has one spelling and each text one reading."""
    if len(text) != CODE_CHARACTERS or not text.isascii():
        raise _fault("/", f"a receipt's code has {CODE_CHARACTERS} letters")
    try:
        raw = read_base64url(text.encode())
    except Fault:
        raise _fault("/", "not base64url") from None
    layout, kind, device, sequence, total, time_ms, act_hash, signature = _FORM.unpack(raw)
    if layout != LAYOUT:
        raise _fault("/layout", f"layout {layout}")
    if _FIRST_TYPE + kind not in _SALES:
        raise _fault("/type", "no sale of this type")
    if not sequence:
        raise _fault("/sequence", "sequences begin with 1")
    return ReceiptCode(
        document_type=_FIRST_TYPE + kind,
        device=_uid(device),
        sequence=sequence,
        total=Money(total),
        time_ms=int.from_bytes(time_ms, "big"),
        act_hash=act_hash,
        signature=signature,
    )


_SALES = frozenset(kind for kind in DocumentType if kind < DocumentType.SHIFT_OPENING)


def _uid(raw: bytes) -> Uid:
    try:
        return uid_of_bytes(raw)
    except Fault:
        raise _fault("/device", "not a UID") from None


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
