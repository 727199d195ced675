"""Internal data, audit request, proof of audit and directive: formats of our own behind published lengths (wire: 15).

What is encrypted or signed is sealed by ``tallystick.crypto``; here are only the plain bytes.
"""

from __future__ import annotations

import struct

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.invoice import COUNTER_KINDS
from tallystick.wire.card_fields import (
    UID_BYTES,
    UINT56_MAX,
    ascii_field,
    malformed,
    money56,
    uid_field,
    uint56,
)

FORMAT_VERSION = 1
OAEP_BLOCK_BYTES = 190
"""Plain bytes that one RSA-2048 block takes under OAEP with SHA-256."""

NONCE_BYTES = 32
DIGEST_BYTES = 32
POA_MARKER = b"POA1"
DIRECTIVE_MARKER = b"DIR1"
DIRECTIVE_BLOCK_BYTES = 256
_UNCHANGED = UINT56_MAX.to_bytes(7, "big")

_INTERNAL = struct.Struct(f">B8sQI{COUNTER_KINDS}IQQ7s7sIB")
_CATEGORY = struct.Struct(">BQQ")
MAX_CATEGORIES = (2 * OAEP_BLOCK_BYTES - _INTERNAL.size) // _CATEGORY.size
"""16: what fits the published 512 encrypted bytes."""


def internal_data_blocks(categories: int) -> int:
    """RSA blocks of the internal data of a card with so many tax categories: 1 up to 5, 2 up to 16."""
    return 1 if _INTERNAL.size + _CATEGORY.size * categories <= OAEP_BLOCK_BYTES else 2


@attrs.frozen(slots=True)
class CategoryTotal:
    """Tax of one category since personalisation: order id, of sales and of refunds."""

    order_id: int
    sale_tax: Money
    refund_tax: Money


@attrs.frozen(slots=True, kw_only=True)
class InternalData:
    """The card's counters as they stand in each signed invoice, 96 + 17n bytes (wire: 15.2).

    ``type_counters`` are ten, in the order of ``kernel.invoice.counter_index``. Sums count fiscal receipts only.
    """

    uid: str
    time_ms: int
    total_counter: int
    type_counters: tuple[int, ...]
    sales: Money
    refunds: Money
    unaudited: Money
    limit: Money
    audit_sequence: int
    categories: tuple[CategoryTotal, ...]

    def encode(self) -> bytes:
        """The plain bytes; raises ``TS-1316`` when a value does not fit."""
        try:
            head = _INTERNAL.pack(
                FORMAT_VERSION,
                uid_field(self.uid),
                self.time_ms,
                self.total_counter,
                *self.type_counters,
                self.sales.scaled,
                self.refunds.scaled,
                money56(self.unaudited),
                money56(self.limit),
                self.audit_sequence,
                len(self.categories),
            )
            totals = [_CATEGORY.pack(c.order_id, c.sale_tax.scaled, c.refund_tax.scaled) for c in self.categories]
        except struct.error as error:
            raise malformed("TS-1316", "internal data", "a value does not fit its field") from error
        return head + b"".join(totals)

    @classmethod
    def decode(cls, data: bytes) -> InternalData:
        """Read the plain bytes; raises ``TS-1316``."""
        if len(data) < _INTERNAL.size or len(data) != _INTERNAL.size + _CATEGORY.size * data[_INTERNAL.size - 1]:
            raise malformed("TS-1316", "internal data", "96 + 17n bytes expected")
        version, uid, time_ms, total, *rest = _INTERNAL.unpack_from(data)
        if version != FORMAT_VERSION:
            raise malformed("TS-1316", "internal data", "format version unknown")
        sales, refunds, unaudited, limit, audit_sequence, _ = rest[COUNTER_KINDS:]
        return cls(
            uid=ascii_field(uid, "TS-1316"),
            time_ms=time_ms,
            total_counter=total,
            type_counters=tuple(rest[:COUNTER_KINDS]),
            sales=Money(sales),
            refunds=Money(refunds),
            unaudited=Money(int.from_bytes(unaudited, "big")),
            limit=Money(int.from_bytes(limit, "big")),
            audit_sequence=audit_sequence,
            categories=tuple(
                CategoryTotal(order_id, Money(sale), Money(refund))
                for order_id, sale, refund in _CATEGORY.iter_unpack(data[_INTERNAL.size :])
            ),
        )


_ARP = struct.Struct(f">B8sIQI7s7sI{NONCE_BYTES}s{DIGEST_BYTES}s")


@attrs.frozen(slots=True, kw_only=True)
class ArpContent:
    """What the card tells the authority at Start Audit, 107 bytes under K_enc (wire: 15.3)."""

    uid: str
    audit_sequence: int
    last_signed_ms: int
    total_counter: int
    unaudited: Money
    limit: Money
    proven_counter: int
    """Total counter at the last accepted proof of audit."""
    nonce: bytes
    last_signature_digest: bytes

    def encode(self) -> bytes:
        """The plain bytes; raises ``TS-3101`` when a value does not fit."""
        if len(self.nonce) != NONCE_BYTES or len(self.last_signature_digest) != DIGEST_BYTES:
            raise malformed("TS-3101", "audit request", "nonce and digest are 32 bytes")
        try:
            return _ARP.pack(
                FORMAT_VERSION,
                uid_field(self.uid),
                self.audit_sequence,
                self.last_signed_ms,
                self.total_counter,
                money56(self.unaudited),
                money56(self.limit),
                self.proven_counter,
                self.nonce,
                self.last_signature_digest,
            )
        except struct.error as error:
            raise malformed("TS-3101", "audit request", "a value does not fit its field") from error

    @classmethod
    def decode(cls, data: bytes) -> ArpContent:
        """Read the plain bytes; raises ``TS-3101``."""
        if len(data) != _ARP.size or data[0] != FORMAT_VERSION:
            raise malformed("TS-3101", "audit request", f"{_ARP.size} bytes of version {FORMAT_VERSION} expected")
        _, uid, sequence, signed_ms, total, unaudited, limit, proven, nonce, digest = _ARP.unpack(data)
        return cls(
            uid=ascii_field(uid, "TS-3101"),
            audit_sequence=sequence,
            last_signed_ms=signed_ms,
            total_counter=total,
            unaudited=Money(int.from_bytes(unaudited, "big")),
            limit=Money(int.from_bytes(limit, "big")),
            proven_counter=proven,
            nonce=nonce,
            last_signature_digest=digest,
        )


_POA = struct.Struct(f">4s8sI{NONCE_BYTES}s7s7sQ")


@attrs.frozen(slots=True, kw_only=True)
class PoaMessage:
    """Proof of audit before it is signed with message recovery, 102 bytes (wire: 15.4).

    ``released`` is what the card takes off its unaudited sum; ``new_limit`` None leaves the limit as it is.
    """

    uid: str
    audit_sequence: int
    nonce: bytes
    released: Money
    new_limit: Money | None = None
    issued_ms: int

    def encode(self) -> bytes:
        """The message with its digest; raises ``TS-3101`` when a value does not fit."""
        if len(self.nonce) != NONCE_BYTES:
            raise malformed("TS-3101", "proof of audit", "the nonce is 32 bytes")
        limit = _UNCHANGED if self.new_limit is None else _limit56(self.new_limit)
        try:
            body = _POA.pack(
                POA_MARKER,
                uid_field(self.uid),
                self.audit_sequence,
                self.nonce,
                money56(self.released),
                limit,
                self.issued_ms,
            )
        except struct.error as error:
            raise malformed("TS-3101", "proof of audit", "a value does not fit its field") from error
        return body + sha256(body)

    @classmethod
    def decode(cls, data: bytes) -> PoaMessage:
        """Read and check marker and digest; raises ``TS-3101``."""
        body, digest = data[: _POA.size], data[_POA.size :]
        if len(body) != _POA.size or not body.startswith(POA_MARKER) or sha256(body) != digest:
            raise malformed("TS-3101", "proof of audit", "marker, length or digest is wrong")
        _, uid, sequence, nonce, released, limit, issued_ms = _POA.unpack(body)
        return cls(
            uid=ascii_field(uid, "TS-3101"),
            audit_sequence=sequence,
            nonce=nonce,
            released=Money(int.from_bytes(released, "big")),
            new_limit=None if limit == _UNCHANGED else Money(int.from_bytes(limit, "big")),
            issued_ms=issued_ms,
        )


def _limit56(limit: Money) -> bytes:
    """All FF means "unchanged", so the highest value is not a limit."""
    if limit.scaled >= UINT56_MAX:
        raise Fault("TS-2005", detail="a limit of all ones means: unchanged")
    return uint56(limit.scaled)


_DIRECTIVE = struct.Struct(f">4s{UID_BYTES}sIBQ{DIGEST_BYTES}s")


@attrs.frozen(slots=True, kw_only=True)
class Directive:
    """A directive to a card before its first block is signed with message recovery (wire: 15.5).

    ``number`` rises strictly per card. Operations: 1 disable signing, 2 enable, 3 set limit (x 10000), 4 set the
    highest category order id. ``second_block`` is the 256 bytes sent in clear after the signed block.
    """

    uid: str
    number: int
    operation: int
    parameter: int = 0
    second_block: bytes = bytes(DIRECTIVE_BLOCK_BYTES)

    def encode(self) -> bytes:
        """The message of block 1 with its digests; raises ``TS-3106`` when a value does not fit."""
        if len(self.second_block) != DIRECTIVE_BLOCK_BYTES:
            raise malformed("TS-3106", "directive", "the second block is 256 bytes")
        try:
            body = _DIRECTIVE.pack(
                DIRECTIVE_MARKER,
                uid_field(self.uid),
                self.number,
                self.operation,
                self.parameter,
                sha256(self.second_block),
            )
        except struct.error as error:
            raise malformed("TS-3106", "directive", "a value does not fit its field") from error
        return body + sha256(body)

    @classmethod
    def decode(cls, message: bytes, second_block: bytes) -> Directive:
        """Read the recovered message beside the block sent in clear; raises ``TS-3106``."""
        body, digest = message[: _DIRECTIVE.size], message[_DIRECTIVE.size :]
        if len(body) != _DIRECTIVE.size or not body.startswith(DIRECTIVE_MARKER) or sha256(body) != digest:
            raise malformed("TS-3106", "directive", "marker, length or digest is wrong")
        _, uid, number, operation, parameter, second_digest = _DIRECTIVE.unpack(body)
        if sha256(second_block) != second_digest:
            raise malformed("TS-3106", "directive", "the second block is not the one that was signed")
        return cls(
            uid=ascii_field(uid, "TS-3106"),
            number=number,
            operation=operation,
            parameter=parameter,
            second_block=second_block,
        )
