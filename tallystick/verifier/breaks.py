"""What the verifier may find, as data: a code, the place, what is wrong, and since when."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import attrs


class BreakCode(StrEnum):
    """Kinds of breaks; a code retires, it never changes its meaning (docs/guides/offline-verifier.md)."""

    DAMAGED = "TSV-01"
    INDEX = "TSV-02"
    LEAF = "TSV-03"
    RECORD_MISSING = "TSV-04"
    RECORD = "TSV-05"
    BODY_MISSING = "TSV-06"
    BODY = "TSV-07"
    SIGNATURE = "TSV-08"
    CERTIFICATE = "TSV-09"
    BINDING = "TSV-10"
    AMOUNT = "TSV-11"
    TAX = "TSV-12"
    COUNTER = "TSV-13"
    DEVICE_LINK = "TSV-14"
    TAXPAYER_LINK = "TSV-15"
    TYPE_LINK = "TSV-16"
    DAY_LINK = "TSV-17"
    REGISTRATION = "TSV-18"
    INCLUSION = "TSV-19"
    ROOT = "TSV-20"
    HEAD_SIGNATURE = "TSV-21"
    QUORUM = "TSV-22"
    OLDER_HEAD = "TSV-23"
    TWO_HEADS = "TSV-24"
    TIME = "TSV-25"
    DOUBLE = "TSV-26"
    BUYER = "TSV-27"
    REPORT = "TSV-28"
    REFUND = "TSV-29"
    PLACE = "TSV-30"


TITLES = {
    BreakCode.DAMAGED: "a file of the export is missing, cut or damaged",
    BreakCode.INDEX: "an entry lacks or stands at another place",
    BreakCode.LEAF: "a leaf that cannot be, or that contradicts its record",
    BreakCode.RECORD_MISSING: "an entry without its record",
    BreakCode.RECORD: "the record is not the one that the leaf commits to",
    BreakCode.BODY_MISSING: "an entry without its body",
    BreakCode.BODY: "the body is not the one that was recorded",
    BreakCode.SIGNATURE: "the signer's signature does not cover the document",
    BreakCode.CERTIFICATE: "the signer's certificate lacks, leads to no root of the policy, or did not hold then",
    BreakCode.BINDING: "body, record and certificate name different devices, taxpayers or times",
    BreakCode.AMOUNT: "an amount, a total or a type is not what the document says",
    BreakCode.TAX: "the taxes are not those of the items",
    BreakCode.COUNTER: "a counter of the signer contradicts the others",
    BreakCode.DEVICE_LINK: "the sequence of a device is broken",
    BreakCode.TAXPAYER_LINK: "the sequence of a taxpayer is broken",
    BreakCode.TYPE_LINK: "the sequence of a document type is broken",
    BreakCode.DAY_LINK: "the sequence or the running total of a day is broken",
    BreakCode.REGISTRATION: "a device or certificate that was never registered in the log",
    BreakCode.INCLUSION: "the entry's path does not lead to the signed head",
    BreakCode.ROOT: "the entries have another root than was signed",
    BreakCode.HEAD_SIGNATURE: "a head without a signature of the log's key in the policy",
    BreakCode.QUORUM: "the last head lacks the witnesses that the policy asks for",
    BreakCode.OLDER_HEAD: "a head that was kept elsewhere does not fit this log",
    BreakCode.TWO_HEADS: "two signed heads of one size with different roots",
    BreakCode.TIME: "an entry claims to have come in before witnesses saw a log without it",
    BreakCode.DOUBLE: "one document or number is booked twice",
    BreakCode.BUYER: "the commitment to a buyer is to another one, or its salt outlived the body",
    BreakCode.REPORT: "a register's report is not what its documents make",
    BreakCode.REFUND: "more is given back than was sold, or what nobody sold",
    BreakCode.PLACE: "a settled place that two persons did not settle, or where a document stands",
}
"""One sentence for each kind."""


@attrs.frozen(slots=True)
class Break:
    """One contradiction. ``index`` is that of the entry, or the size of a head; -1 where neither is known.

    ``since_ms`` (Unix ms, 0 unknown): when the entry claims to have come in; for a head, when the last entry came in
    that a head before it still confirms.
    """

    code: BreakCode
    index: int
    place: str
    detail: str
    since_ms: int = 0


Report = Callable[[Break], None]
"""Takes a break as it is found."""
