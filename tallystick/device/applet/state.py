"""Everything in a card that changes, as one value that is replaced and stored whole (I-09)."""

from __future__ import annotations

import msgspec

from tallystick.kernel.invoice import COUNTER_KINDS
from tallystick.kernel.limits import LIMITS
from tallystick.wire.card_audit import DIGEST_BYTES, NONCE_BYTES


class Audit(msgspec.Struct, array_like=True, frozen=True):
    """The newest Start Audit: its number, nonce, what it will release, and the total counter at that moment."""

    sequence: int = 0
    is_open: bool = False
    nonce: bytes = bytes(NONCE_BYTES)
    frozen_sum: int = 0
    total_counter: int = 0


class CardState(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Counters, sums (x 10000), tries and the last result. Tax totals have one place for each category order id."""

    limit: int
    max_category: int
    sale_taxes: tuple[int, ...]
    refund_taxes: tuple[int, ...]
    total_counter: int = 0
    type_counters: tuple[int, ...] = (0,) * COUNTER_KINDS
    sales: int = 0
    refunds: int = 0
    unaudited: int = 0
    pin_tries: int = LIMITS.pin_tries
    is_disabled: bool = False
    last_time_ms: int = 0
    last_request_digest: bytes = bytes(DIGEST_BYTES)
    last_answer: bytes = b""
    audit: Audit = Audit()
    proven_counter: int = 0
    directive_number: int = 0

    def encode(self) -> bytes:
        """The bytes for the card's memory."""
        return _ENCODER.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> CardState:
        """Read them back; raises `msgspec.DecodeError`."""
        return _DECODER.decode(data)

    @classmethod
    def blank(cls, *, limit: int, categories: int, invoices_signed: int = 0) -> CardState:
        """A card as it leaves the factory: `categories` places, fixed for its life (wire: 15.2)."""
        zeros = (0,) * categories
        return cls(
            limit=limit,
            max_category=categories,
            sale_taxes=zeros,
            refund_taxes=zeros,
            total_counter=invoices_signed,
        )


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(CardState)
