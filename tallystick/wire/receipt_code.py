"""The code of a national receipt, made at the sale and the same for ever, online and offline (S0-033, S0-096, K-19).

It stands behind ``/r/`` of the verification page. The bytes, big endian: 0 layout; 1 document type less 0x0200;
2 device as a number to the base 36 (6 bytes); 8 sequence (u32); 12 total x 10000 (u64); 20 time in ms (u48);
26 hash of what the device signed (32); 58 signature (64, ES256). Written in base64url: 163 letters, which with a
short address fit into a QR code of version 10.

Layout 0x12 is the register's: it signs the 58 bytes before, behind a name that no other signed text begins with. So
every value in it is the device's word, whether the document has come or not.

Layout 0x11 is made from a document by whoever has it, as the operator does for the address in his answer: it carries
the document's own signature over the hash. Nobody's hand shows in that by itself. Whoever knows the public key, which
each code gives away, can make another hash and a signature that fit, since no text stands behind a bare hash. It is a
pointer to what is booked, and nothing more.
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
from tallystick.wire.document_jws import SIGNATURE_BYTES, Sign, SignedDocument

LAYOUT_OF_DOCUMENT = 0x11
LAYOUT_OF_REGISTER = 0x12
SIGNED_AS = b"tallystick/v1/receipt-code"
"""What stands before the code's bytes in the text that a register signs."""
PATH = "/r/"
CODE_CHARACTERS = 163
_FIRST_TYPE = 0x0200
_FORM = struct.Struct(f">BB6sIQ6s{HASH_BYTES}s{SIGNATURE_BYTES}s")
_TIME_BYTES = 6


@attrs.frozen(slots=True, kw_only=True)
class ReceiptCode:
    """What a code says; ``time_ms`` is Unix milliseconds UTC. ``by_register``: all of it is signed (layout 0x12)."""

    document_type: int
    device: Uid
    sequence: int
    total: Money
    time_ms: int
    act_hash: bytes
    signature: bytes
    by_register: bool

    @property
    def number(self) -> str:
        """The fiscal number."""
        return f"{self.device}-{self.device}-{self.sequence}"

    @property
    def signed_text(self) -> bytes:
        """What a register signs (layout 0x12)."""
        return SIGNED_AS + _written(self)[:-SIGNATURE_BYTES]


def register_code(signed: SignedDocument, document: NationalDocument, sign: Sign) -> ReceiptCode:
    """The code that a register prints (layout 0x12); ``ValueError`` for a document that is no sale."""
    code = attrs.evolve(receipt_code(signed, document), by_register=True)
    return attrs.evolve(code, signature=sign(code.signed_text))


def receipt_code(signed: SignedDocument, document: NationalDocument) -> ReceiptCode:
    """The code that a booked sale alone gives (layout 0x11); ``ValueError`` for a document that is none."""
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
        by_register=False,
    )


def write_receipt_code(code: ReceiptCode) -> str:
    """The letters of a code; a value that the layout cannot hold is our own bug (``ValueError``)."""
    return write_base64url(_written(code)).decode("ascii")


def _written(code: ReceiptCode) -> bytes:
    try:
        return _FORM.pack(
            LAYOUT_OF_REGISTER if code.by_register else LAYOUT_OF_DOCUMENT,
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


def read_receipt_code(text: str) -> ReceiptCode:
    """Read the letters; raises ``TS-1220``. Each code has one spelling and each text one reading."""
    if len(text) != CODE_CHARACTERS or not text.isascii():
        raise _fault("/", f"a receipt's code has {CODE_CHARACTERS} letters")
    try:
        raw = read_base64url(text.encode())
    except Fault:
        raise _fault("/", "not base64url") from None
    layout, kind, device, sequence, total, time_ms, act_hash, signature = _FORM.unpack(raw)
    if layout not in (LAYOUT_OF_DOCUMENT, LAYOUT_OF_REGISTER):
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
        by_register=layout == LAYOUT_OF_REGISTER,
    )


_SALES = frozenset(kind for kind in DocumentType if kind < DocumentType.SHIFT_OPENING)


def _uid(raw: bytes) -> Uid:
    try:
        return uid_of_bytes(raw)
    except Fault:
        raise _fault("/device", "not a UID") from None


def _fault(pointer: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, "5"),))
