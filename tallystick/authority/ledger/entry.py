"""What is handed to the sequencer, and what comes back: the ledger's only way in."""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec


class EntryKind(IntEnum):
    """Kinds of ledger entries; the number stands in the public leaf."""

    DOCUMENT = 0x01
    DAY_SEAL = 0x02
    REGISTRY = 0x03
    QUARANTINE = 0x04
    EVIDENCE = 0x05
    BARRIER = 0x06
    ERASURE = 0x07
    RULE_CHANGE = 0x08
    ACTIVITY_HEAD = 0x09
    REVOCATION_LIST = 0x0A
    KEY_CHANGE = 0x0B
    PROOF_OF_AUDIT = 0x0C
    SWITCH = 0x0D
    RESTORE = 0x0E
    SETTLED_PLACE = 0x0F


class Channel(IntEnum):
    """How a document came to us; the number stands in the public leaf."""

    NONE = 0
    ESDC = 1
    VSDC = 2
    ECR_ONLINE = 3
    ECR_OFFLINE = 4
    ERP = 5
    EINVOICE = 6


class LeafFlag(IntFlag):
    """Flags in the public leaf."""

    LATE = 1
    READMITTED = 2
    ARITHMETIC_DOUBT = 4
    INVALID_SECURE_ELEMENT = 8
    REFERS_OUTSIDE = 16


class NewEntry(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """One checked document or event on its way into the ledger. Hashes are 32 raw bytes, times Unix ms UTC.

    ``device`` is the pair (requestedBy, signedBy); ``day_amount`` is what the day total takes: amount x 10000 with its
    sign, 0 for what is not turnover. ``flags`` are fault codes that the booking carries (``TS-2002`` ...).
    ``buyer`` is the identification that the body names, in its canonical form: the record gets a commitment to it.
    ``device_prev`` is the link that the device signed as the one before, and ``device_seq`` its place: where they are
    given, the document is booked in that very place or not at all.
    """

    kind: int
    channel: int
    body: bytes
    media_type: str
    received_at_ms: int
    act_hash: bytes = b""
    file_hash: bytes = b""
    device: tuple[str, str] = ("", "")
    tin: str = ""
    premises: str = ""
    document_type: int = 0
    day: int = 0
    issued_at_ms: int = 0
    utc_offset_minutes: int = 0
    currency: str = ""
    total: int = 0
    day_amount: int = 0
    tax_totals: dict[str, int] = {}
    se_total: int = 0
    se_type: int = 0
    certificate_hash: bytes = b""
    refers_to: str = ""
    flags: tuple[str, ...] = ()
    leaf_flags: int = 0
    verdict: int = 0
    facts: dict[str, str] = {}
    buyer: str = ""
    device_seq: int = 0
    device_prev: bytes = b""


class Booked(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """The sequencer's answer, given only behind the acknowledgement gate.

    ``duplicate`` is true when the same act was booked before; then ``verdict`` and ``body_hash`` are the first ones.
    """

    index: int
    verdict: int
    duplicate: bool
    body_hash: bytes
    tree_size: int
