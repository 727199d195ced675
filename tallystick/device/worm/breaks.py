"""What the verifier of a dump may find, as data: a code, the place, and what is wrong there."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

import attrs


class WormBreakCode(StrEnum):
    """Kinds of breaks; a code retires, it never changes its meaning (docs/guides/worm-memory.md)."""

    HEADER = "TSW-01"
    SEGMENT_MISSING = "TSW-02"
    SEGMENT_LINK = "TSW-03"
    SEGMENT_LENGTH = "TSW-04"
    RECORD_LENGTH = "TSW-05"
    UNREADABLE = "TSW-06"
    TORN = "TSW-07"
    CHAIN = "TSW-08"
    SEQUENCE = "TSW-09"
    CONTENT = "TSW-10"
    SEAL = "TSW-11"
    SEAL_SIGNATURE = "TSW-12"
    CARD_COUNTER = "TSW-13"
    SEAL_OVERDUE = "TSW-14"
    TAIL = "TSW-15"
    COUNTER = "TSW-16"
    CUT = "TSW-17"
    AFTER_CLOSURE = "TSW-18"
    OTHER_DEVICE = "TSW-19"
    ANCHOR = "TSW-20"


TITLES = {
    WormBreakCode.HEADER: "a segment's header is cut or of another form",
    WormBreakCode.SEGMENT_MISSING: "a segment is missing",
    WormBreakCode.SEGMENT_LINK: "a segment does not go on where the one before ends",
    WormBreakCode.SEGMENT_LENGTH: "a segment is longer than one may be",
    WormBreakCode.RECORD_LENGTH: "a record claims a length that no record has",
    WormBreakCode.UNREADABLE: "bytes that are no record",
    WormBreakCode.TORN: "the last record is torn, and no cut is on record",
    WormBreakCode.CHAIN: "a record is not the one that was written there",
    WormBreakCode.SEQUENCE: "numbers of records are missing or come twice",
    WormBreakCode.CONTENT: "a record of the memory's own has another form",
    WormBreakCode.SEAL: "a seal covers something else than what stands before it",
    WormBreakCode.SEAL_SIGNATURE: "a seal that none of the given certificates signed",
    WormBreakCode.CARD_COUNTER: "the secure element's counter goes back from seal to seal",
    WormBreakCode.SEAL_OVERDUE: "a document was written though a seal was due",
    WormBreakCode.TAIL: "the memory ends before what a seal or the counter says was written",
    WormBreakCode.COUNTER: "the counter's file is missing, damaged or contradicts the records",
    WormBreakCode.CUT: "the record of a cut names another place than its own",
    WormBreakCode.AFTER_CLOSURE: "something was written after the closure",
    WormBreakCode.OTHER_DEVICE: "segment, seal or certificate of another device",
    WormBreakCode.ANCHOR: "an anchor for records that did not stand there yet, or that goes back",
}
"""One sentence for each kind."""


@attrs.frozen(slots=True)
class WormBreak:
    """One contradiction: ``seq`` is the record's number as it should be, 0 for none; ``place`` is file and byte."""

    code: WormBreakCode
    seq: int
    place: str
    detail: str = ""

    def __str__(self) -> str:
        """One line for people."""
        record = f" record {self.seq}" if self.seq else ""
        return f"{self.code}{record}, {self.place}: {TITLES[self.code]}" + (f"; {self.detail}" if self.detail else "")


Found = Callable[[WormBreak], None]
"""Takes a break as it is found."""


@attrs.define(slots=True, kw_only=True)
class DumpOutcome:
    """What a dump holds. ``seq`` and ``link`` are the last whole record's; ``counter`` that of its file, if there.

    ``seals_checked`` counts seals whose signature was tried against a certificate. ``is_empty``: no segment at all.
    """

    uid: str = ""
    is_simulation: bool = False
    is_empty: bool = False
    segments: int = 0
    records: int = 0
    seq: int = 0
    link: bytes = b""
    counter: int | None = None
    seals: int = 0
    seals_checked: int = 0
    sealed_up_to: int = 0
    card_counter: int = 0
    unsealed: int = 0
    cuts: int = 0
    closed: bool = False
    first_ms: int = 0
    last_ms: int = 0
    breaks: int = 0
