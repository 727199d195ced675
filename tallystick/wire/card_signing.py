"""Sign Invoice: what goes to the secure element and what it signs and gives back (TaxCore wire, 7.3 and 7.4)."""

from __future__ import annotations

import struct

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.kernel.limits import LIMITS
from tallystick.wire.card_fields import (
    BUYER_ID_BYTES,
    CRC_BYTES,
    RSA_BLOCK_BYTES,
    TIN_BYTES,
    UINT32_MAX,
    UINT64_MAX,
    ascii_field,
    left_padded,
    malformed,
    money56,
    strip_crc,
)

_HEAD = struct.Struct(">Q20s20sBB7s")
_COUNTERS = struct.Struct(">II")
SIGN_HEAD_BYTES = _HEAD.size + 1
CATEGORY_BYTES = 8
ANSWER_HEAD_BYTES = _HEAD.size + _COUNTERS.size
INTERNAL_DATA_BYTES = (RSA_BLOCK_BYTES, 2 * RSA_BLOCK_BYTES)


def _head(
    time_ms: int,
    tin: str,
    buyer_id: bytes,
    invoice_type: InvoiceType,
    transaction_type: TransactionType,
    amount: Money,
) -> bytes:
    """Offsets 0..56, the same in command, answer and signed text; raises ``TS-2005``, ``TS-2007``, ``TS-1313``."""
    if not 0 <= time_ms <= UINT64_MAX:
        raise Fault("TS-2008", detail="time does not fit the card's eight bytes")
    try:
        tin_bytes = tin.encode("ascii")
    except UnicodeEncodeError:
        raise Fault("TS-1313", detail="a TIN on the card is ASCII") from None
    return _HEAD.pack(
        time_ms,
        left_padded(tin_bytes, TIN_BYTES, "TS-1313"),
        left_padded(buyer_id, BUYER_ID_BYTES, "TS-2007"),
        invoice_type,
        transaction_type,
        money56(amount),
    )


def signed_text(
    time_ms: int,
    tin: str,
    buyer_id: bytes,
    invoice_type: InvoiceType,
    transaction_type: TransactionType,
    amount: Money,
    type_counter: int,
    total_counter: int,
    encrypted_internal_data: bytes,
) -> bytes:
    """The 321 or 577 bytes that the card signs: offsets 0..64 of its answer, then the encrypted internal data.

    ``buyer_id`` comes with or without its padding. Raises ``TS-2005``, ``TS-2007``, ``TS-2008``, ``TS-1313``.
    """
    if not (0 <= type_counter <= UINT32_MAX and 0 <= total_counter <= UINT32_MAX):
        raise Fault("TS-2005", detail="a counter does not fit four bytes")
    head = _head(time_ms, tin, buyer_id, invoice_type, transaction_type, amount)
    return head + _COUNTERS.pack(type_counter, total_counter) + encrypted_internal_data


@attrs.frozen(slots=True, kw_only=True)
class SignRequest:
    """Command data of Sign Invoice. ``categories`` are (order id, tax amount) in ascending order id."""

    time_ms: int
    tin: str
    buyer_id: bytes = b""
    invoice_type: InvoiceType
    transaction_type: TransactionType
    amount: Money
    categories: tuple[tuple[int, Money], ...] = ()

    def encode(self) -> bytes:
        """58 + 8n bytes without CRC; raises ``TS-1313``, ``TS-2005``, ``TS-2007``, ``TS-2008`` for what does not fit"""
        head = _head(self.time_ms, self.tin, self.buyer_id, self.invoice_type, self.transaction_type, self.amount)
        if len(self.categories) > LIMITS.tax_categories_on_card:
            raise Fault("TS-2005", detail="more tax categories than a card takes")
        return head + bytes((len(self.categories),)) + b"".join(map(_encode_category, self.categories))

    @classmethod
    def decode(cls, data: bytes) -> SignRequest:
        """Read command data without CRC; raises ``TS-1220``."""
        if len(data) < SIGN_HEAD_BYTES or len(data) != SIGN_HEAD_BYTES + CATEGORY_BYTES * data[SIGN_HEAD_BYTES - 1]:
            raise malformed("TS-1220", "sign request", "58 + 8n bytes expected")
        time_ms, tin, buyer_id, invoice_type, transaction_type, amount = _read_head(data)
        categories = tuple(
            (data[at], Money(int.from_bytes(data[at + 1 : at + CATEGORY_BYTES], "big")))
            for at in range(SIGN_HEAD_BYTES, len(data), CATEGORY_BYTES)
        )
        return cls(
            time_ms=time_ms,
            tin=tin,
            buyer_id=buyer_id,
            invoice_type=invoice_type,
            transaction_type=transaction_type,
            amount=amount,
            categories=categories,
        )


def _encode_category(category: tuple[int, Money]) -> bytes:
    order_id, amount = category
    if not 0 <= order_id <= 0xFF:
        raise Fault("TS-2005", detail="a category order id does not fit one byte")
    return bytes((order_id,)) + money56(amount)


def _read_head(data: bytes) -> tuple[int, str, bytes, InvoiceType, TransactionType, Money]:
    time_ms, tin, buyer_id, invoice_type, transaction_type, amount = _HEAD.unpack_from(data)
    try:
        types = InvoiceType(invoice_type), TransactionType(transaction_type)
    except ValueError:
        raise malformed("TS-1220", "sign invoice", "unknown invoice or transaction type") from None
    return (
        time_ms,
        ascii_field(tin, "TS-1220"),
        buyer_id.lstrip(b"\0"),
        *types,
        Money(int.from_bytes(amount, "big")),
    )


@attrs.frozen(slots=True, kw_only=True)
class SignAnswer:
    """Answer of Sign Invoice and Get Last Signed Invoice: 577 or 833 bytes without CRC."""

    time_ms: int
    tin: str
    buyer_id: bytes
    invoice_type: InvoiceType
    transaction_type: TransactionType
    amount: Money
    type_counter: int
    total_counter: int
    encrypted_internal_data: bytes
    signature: bytes

    @property
    def signed_text(self) -> bytes:
        """The bytes under the signature."""
        return signed_text(
            self.time_ms,
            self.tin,
            self.buyer_id,
            self.invoice_type,
            self.transaction_type,
            self.amount,
            self.type_counter,
            self.total_counter,
            self.encrypted_internal_data,
        )

    @property
    def raw(self) -> bytes:
        """The answer's data field as the card gives it without CRC mode."""
        return self.encode()

    def encode(self) -> bytes:
        """The 577 or 833 bytes."""
        return self.signed_text + self.signature

    @classmethod
    def decode(cls, data: bytes) -> SignAnswer:
        """Read an answer of any of the four lengths, a CRC is checked and taken off; raises ``TS-1220``."""
        body = strip_crc(data) if len(data) in _LENGTHS_WITH_CRC else data
        if len(body) not in _LENGTHS:
            raise malformed("TS-1220", "sign answer", "577, 581, 833 or 837 bytes expected")
        time_ms, tin, buyer_id, invoice_type, transaction_type, amount = _read_head(body)
        type_counter, total_counter = _COUNTERS.unpack_from(body, _HEAD.size)
        return cls(
            time_ms=time_ms,
            tin=tin,
            buyer_id=buyer_id,
            invoice_type=invoice_type,
            transaction_type=transaction_type,
            amount=amount,
            type_counter=type_counter,
            total_counter=total_counter,
            encrypted_internal_data=body[ANSWER_HEAD_BYTES:-RSA_BLOCK_BYTES],
            signature=body[-RSA_BLOCK_BYTES:],
        )


_LENGTHS = tuple(ANSWER_HEAD_BYTES + size + RSA_BLOCK_BYTES for size in INTERNAL_DATA_BYTES)
_LENGTHS_WITH_CRC = tuple(length + CRC_BYTES for length in _LENGTHS)
