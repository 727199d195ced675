"""Rows of the ledger's tables in PostgreSQL's binary COPY form, built with as little work per document as can be.

Column orders are those of ``COPY_STATEMENTS``; a test compares them with the migrated database.
"""

from __future__ import annotations

import struct

COPY_HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_END = b"\xff\xff"

TABLES = {
    "identity": "signed_by,se_total,requested_by,act_hash,body_hash,log_index,month,tin,verdict",
    "bodies": "month,tin,log_index,media_type,body",
    "records": "month,tin,log_index,salt,record",
    "leaves": "log_index,leaf,month,tin",
    "device_links": "signed_by,requested_by,seq,body_hash,link,log_index",
    "taxpayer_links": "tin,seq,body_hash,link,log_index",
    "type_links": "document_type,seq,body_hash,link,log_index",
    "day_links": "day,seq,body_hash,total,link,log_index",
    "buyer_salts": "log_index,salt",
}
"""The append-only tables that a batch copies into, with their columns in the order of the rows here."""

_PLACE = struct.Struct(">hiii")
_INDEX = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")
_SALT = struct.Struct(">i32si")
_LEAF = struct.Struct(">hiqi176siii")
_IDENTITY_NUMBER = struct.Struct(">hi8siqi8si32si32siqiii")
_IDENTITY_EVENT = struct.Struct(">hiiqii32si32siqiii")
_VERDICT = struct.Struct(">ih")
_DEVICE = struct.Struct(">hi8si8siqi32si32siq")
_TAXPAYER_HEAD = struct.Struct(">hi")
_TAXPAYER = struct.Struct(">iqi32si32siq")
_TYPE = struct.Struct(">hiiiqi32si32siq")
_DAY = struct.Struct(">hiiiqi32siqi32siq")
_BUYER = struct.Struct(">hiqi32s")


class Rows:
    """The rows of one batch, table by table."""

    __slots__ = (
        "bodies", "buyer_salts", "day_links", "device_links", "identity", "leaves", "records", "taxpayer_links",
        "type_links",
    )  # fmt: skip

    def __init__(self) -> None:
        self.identity: list[bytes] = []
        self.bodies: list[bytes] = []
        self.records: list[bytes] = []
        self.leaves: list[bytes] = []
        self.device_links: list[bytes] = []
        self.taxpayer_links: list[bytes] = []
        self.type_links: list[bytes] = []
        self.day_links: list[bytes] = []
        self.buyer_salts: list[bytes] = []

    def stored(
        self,
        index: int,
        month: int,
        tin: bytes,
        media_type: bytes,
        body: bytes,
        salt: bytes,
        record: bytes,
        leaf: bytes,
    ) -> None:
        """Add an entry's body, record and leaf."""
        place = _PLACE.pack(5, 4, month, len(tin)) + tin + _INDEX.pack(8, index)
        head = place + _LENGTH.pack(len(media_type)) + media_type + _LENGTH.pack(len(body))
        self.bodies += (head, body)
        self.records += (place, _SALT.pack(32, salt, len(record)), record)
        self.leaves += (_LEAF.pack(4, 8, index, 176, leaf, 4, month, len(tin)), tin)

    def number(
        self,
        index: int,
        month: int,
        tin: bytes,
        requested_by: bytes,
        signed_by: bytes,
        ordinal: int,
        act_hash: bytes,
        body_hash: bytes,
        verdict: int,
    ) -> None:
        """Add the identity of a document."""
        head = _IDENTITY_NUMBER.pack(
            9, 8, signed_by, 8, ordinal, 8, requested_by, 32, act_hash, 32, body_hash, 8, index, 4, month, len(tin)
        )
        self.identity += (head, tin, _VERDICT.pack(2, verdict))

    def event(self, index: int, month: int, tin: bytes, body_hash: bytes, verdict: int) -> None:
        """Add the identity of an entry that has no number: it is told by its bytes."""
        head = _IDENTITY_EVENT.pack(9, 0, 8, 0, 0, 32, body_hash, 32, body_hash, 8, index, 4, month, len(tin))
        self.identity += (head, tin, _VERDICT.pack(2, verdict))

    def device(
        self, signed_by: bytes, requested_by: bytes, seq: int, body_hash: bytes, link: bytes, index: int
    ) -> None:
        """Add a device link."""
        self.device_links.append(
            _DEVICE.pack(6, 8, signed_by, 8, requested_by, 8, seq, 32, body_hash, 32, link, 8, index)
        )

    def taxpayer(self, tin: bytes, seq: int, body_hash: bytes, link: bytes, index: int) -> None:
        """Add a taxpayer link."""
        rest = _TAXPAYER.pack(8, seq, 32, body_hash, 32, link, 8, index)
        self.taxpayer_links += (_TAXPAYER_HEAD.pack(5, len(tin)), tin, rest)

    def type(self, document_type: int, seq: int, body_hash: bytes, link: bytes, index: int) -> None:
        """Add a type link."""
        self.type_links.append(_TYPE.pack(5, 4, document_type, 8, seq, 32, body_hash, 32, link, 8, index))

    def day(self, day: int, seq: int, body_hash: bytes, total: int, link: bytes, index: int) -> None:
        """Add a day link; ``total`` is already signed 64 bit."""
        self.day_links.append(_DAY.pack(6, 4, day, 8, seq, 32, body_hash, 8, total, 32, link, 8, index))

    def buyer(self, index: int, salt: bytes) -> None:
        """Add the salt of the commitment to an entry's buyer."""
        self.buyer_salts.append(_BUYER.pack(2, 8, index, 32, salt))

    def copies(self) -> list[tuple[str, bytes]]:
        """For each table that gets rows, in a fixed order: its name and the bytes to copy."""
        return [(table, b"".join((COPY_HEAD, *rows, COPY_END))) for table in TABLES if (rows := getattr(self, table))]


def wrap_64(number: int) -> int:
    """The number modulo 2^64 as PostgreSQL's signed 64 bit."""
    return ((number + 2**63) & (2**64 - 1)) - 2**63
